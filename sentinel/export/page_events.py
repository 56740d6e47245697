"""The events of the page: each is one row of four cells, in which every known value stands beside its label."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sentinel.export.data_event import AssessmentData, EventData
from sentinel.export.shown import Shown, visible

#: Fields that the first lines of a cell say; all others are listed with their labels.
_SAID: Final = frozenset({"time", "type", "outcome", "reason", "expired", "assessment", "place", "network", "device"})
_WHERE: Final = ("ip", "timezone", "rtt_ms")
_DEVICE: Final = ("user_agent", "device_id", "session_id", "factor_device_id", "ja4", "language")
#: The check sum of the rules is the same in nearly every row and tells a person nothing: it stands in the data only.
_JUDGED_SAID: Final = frozenset({"risk", "level", "decision", "would", "findings", "ruleset"})


class Reason(msgspec.Struct, frozen=True):
    """A finding: what was found, its risk, whether it is only on trial, values read; ``facts`` are their names."""

    title: str
    risk: str
    shadow: bool
    evidence: list[str]
    facts: list[str]


class EventRow(msgspec.Struct, frozen=True):
    """One event: the first lines of each cell, then labelled values."""

    time: str
    what: str
    expired: bool
    what_more: list[tuple[str, str]]
    where: list[str]
    where_more: list[tuple[str, str]]
    device: str
    device_more: list[tuple[str, str]]
    level: str
    judged: list[str]
    reasons: list[Reason]
    judged_more: list[tuple[str, str]]


def event_rows(events: Sequence[EventData], shown: Shown) -> list[EventRow]:
    """The events as rows, newest first."""
    return [_row(event, shown) for event in sorted(events, key=lambda event: event.time, reverse=True)]


def _row(event: EventData, shown: Shown) -> EventRow:
    outcome = shown.value("EventData", "outcome", event.outcome)
    reason = shown.value("EventData", "reason", event.reason)
    kind = shown.value("EventData", "type", event.type)
    assessment = event.assessment or AssessmentData(risk=None, level=None, decision="")
    rest = [name for name in EventData.__struct_fields__ if name not in _SAID.union(_WHERE, _DEVICE)]
    judged = [name for name in AssessmentData.__struct_fields__ if name not in _JUDGED_SAID]
    return EventRow(
        time=shown.when(event.time),
        what=f"{kind}: {outcome} ({reason})" if reason else f"{kind}: {outcome}",
        expired=event.expired,
        what_more=_more(event, rest, shown),
        where=_where(event, shown),
        where_more=_more(event, _WHERE, shown),
        device=_device(event, shown),
        device_more=_more(event, _DEVICE, shown),
        level=assessment.level if assessment.level in ("low", "medium", "high", "critical") else "none",
        judged=_judged(event.assessment, shown),
        reasons=[
            Reason(
                visible(shown.text.rule(found.rule, found.title)),
                f"{found.risk:g}",
                found.status == "shadow",
                [f"{visible(name)} = {visible(_plain(value))}" for name, value in found.evidence.items()],
                list(found.evidence),
            )
            for found in assessment.findings
        ],
        judged_more=_more(assessment, judged, shown),
    )


def _more(value: msgspec.Struct, fields: Sequence[str], shown: Shown) -> list[tuple[str, str]]:
    """Labelled values of the given fields, without those at their defaults: they say nothing."""
    struct = type(value)
    defaults = {field.name: field.default for field in msgspec.structs.fields(struct)}
    found = []
    for name in fields:
        each = getattr(value, name)
        if each == defaults[name] or each in (None, "", False):
            continue
        if text := shown.value(struct.__name__, name, each):
            found.append((shown.text.label(struct.__name__, name), text))
    return found


def _where(event: EventData, shown: Shown) -> list[str]:
    network = event.network
    found = [shown.place(event.place)]
    if network.asn is not None:
        found.append(shown.text.say("as_network", name=visible(network.organisation or "?"), asn=network.asn))
    elif network.organisation:
        found.append(visible(network.organisation))
    found.append(shown.value("NetworkData", "kind", network.kind))
    found += [shown.text.label("NetworkData", name) for name in ("listed", "office") if getattr(network, name)]
    return [each for each in found if each]


def _device(event: EventData, shown: Shown) -> str:
    device = event.device
    parts = [
        " ".join(filter(None, (device.browser, device.browser_version))),
        " ".join(filter(None, (device.os, device.os_version))),
        shown.value("DeviceData", "type", device.type),
    ]
    return visible(", ".join(filter(None, parts)))


def _judged(assessment: AssessmentData | None, shown: Shown) -> list[str]:
    text = shown.text
    if assessment is None or assessment.risk is None:
        return [text.say("not_scored")]
    found = [
        text.say("risk_of", risk=f"{assessment.risk:g}", level=text.word("level", assessment.level)),
        text.say("decision_of", decision=text.word("decision", assessment.decision)),
    ]
    if assessment.would:
        found.append(text.say("would_of", decision=text.word("decision", assessment.would)))
    return found


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
