"""What one replay of history found: columns rather than objects, since there may be a million of them."""

from array import array
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from sentinel.events.alert import OpenAlert
from sentinel.events.assessment import DECISION_ORDER
from sentinel.events.sighting import Sighting
from sentinel.pipeline.judge import Judged
from sentinel.store.protocol import Record

#: Said of a rule that held in shadow.
SHADOW: Final = " (shadow)"
#: Networks remembered of one campaign: enough to tell whether another is the same.
MAX_SOURCES: Final = 64
DECISIONS: Final = tuple(DECISION_ORDER)


class PlayedAlert(msgspec.Struct, array_like=True):
    """An alert as a replay raised it, over all of its events."""

    tenant: str
    account: str | None  #: key; null for operators
    sources: list[str]  #: keys of the networks that a campaign comes from, the first :data:`MAX_SOURCES`
    kind: str
    first: int
    last: int
    level: str
    rules: list[str]
    event: str  #: key of the first event
    mails: int = 0


class Marks:
    """The events on which something was found, column by column."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.accounts: list[str | None] = []
        self.times: array[int] = array("q")
        self.risks: array[float] = array("d")
        self.decisions: array[int] = array("b")  #: place in :data:`DECISIONS`
        self.found: array[int] = array("l")  #: place in :attr:`Played.sets`


class Played:
    """Totals, the events with findings, and the alerts of the events that count."""

    def __init__(self) -> None:
        self.events = 0
        self.logins = 0  #: successful ones
        self.decisions: dict[str, int] = dict.fromkeys(DECISIONS, 0)
        self.mails: dict[str, int] = {}  #: by kind of alert
        self.marks = Marks()
        self.sets: list[tuple[str, ...]] = []  #: combinations of rules that held together
        self.alerts: dict[str, PlayedAlert] = {}
        self._numbers: dict[tuple[str, ...], int] = {}

    def enter(self, record: Record, sighting: Sighting, judged: Judged, fired: Sequence[tuple[str, str]]) -> None:
        """Count one event; ``fired`` are the rules (and their status) that were not counted with a pending login."""
        assessment = judged.assessment
        self.events += 1
        self.logins += sighting.type == "login" and sighting.outcome == "success"
        self.decisions[assessment.decision] += 1
        for raised in judged.raised:
            self._alert(record, sighting, raised.alert)
        for notice in judged.notices:
            self.mails[notice.kind] = self.mails.get(notice.kind, 0) + 1
            if (alert := self.alerts.get(f"{record.tenant} {notice.id}")) is not None:
                alert.mails += 1
        if not fired:
            return
        marks = self.marks
        marks.keys.append(record.key)
        marks.accounts.append(record.account)
        marks.times.append(record.time)
        marks.risks.append(assessment.risk or 0.0)
        marks.decisions.append(DECISION_ORDER[assessment.decision])
        found = tuple([rule if status == "live" else rule + SHADOW for rule, status in fired])
        number = self._numbers.get(found)
        if number is None:
            number = self._numbers[found] = len(self.sets)
            self.sets.append(found)
        marks.found.append(number)

    def _alert(self, record: Record, sighting: Sighting, alert: OpenAlert) -> None:
        name = f"{record.tenant} {alert.id}"
        known = self.alerts.get(name)
        campaign = alert.kind == "campaign"
        sources = known.sources if known is not None else []
        if campaign and sighting.prefix and sighting.prefix not in sources and len(sources) < MAX_SOURCES:
            sources.append(sighting.prefix)
        played = PlayedAlert(
            record.tenant,
            None if campaign else record.account,
            sources,
            alert.kind,
            alert.first,
            alert.last,
            alert.level,
            list(alert.rules),
            record.key,
        )
        if known is not None:
            played.event, played.mails = known.event, known.mails
        self.alerts[name] = played

    def pack(self) -> bytes:
        """As bytes for another process."""
        marks = self.marks
        return msgspec.msgpack.encode(
            (
                (self.events, self.logins, self.decisions, self.mails, self.sets, list(self.alerts.items())),
                (marks.keys, marks.accounts, [column.tobytes() for column in _columns(marks)]),
            )
        )

    @classmethod
    def unpack(cls, data: bytes) -> "Played":
        """Again what was packed."""
        totals, (keys, accounts, columns) = _decode(data)
        played = cls()
        played.events, played.logins, played.decisions, played.mails, played.sets, alerts = totals
        played.alerts = dict(alerts)
        played.marks.keys, played.marks.accounts = keys, accounts
        for column, content in zip(_columns(played.marks), columns, strict=True):
            column.frombytes(content)
        return played


def _columns(marks: Marks) -> tuple["array[Any]", ...]:
    return marks.times, marks.risks, marks.decisions, marks.found


_decode: Final = msgspec.msgpack.Decoder(
    tuple[
        tuple[int, int, dict[str, int], dict[str, int], list[tuple[str, ...]], list[tuple[str, PlayedAlert]]],
        tuple[list[str], list[str | None], list[bytes]],
    ]
).decode
