"""From what the store keeps, already opened, to the structs of the export. Pure: no store, no key, no clock."""

from collections.abc import Mapping
from typing import Final

import msgspec

from sentinel.events.assessment import Assessment
from sentinel.events.clock import DAY, to_text
from sentinel.events.place import Place
from sentinel.events.sighting import Attributes, Raw, Sighting
from sentinel.export.data import AccountData, AlertData, AnswerData, HookData, MailData, RightsData, RightsDecision
from sentinel.export.data_event import (
    AssessmentData,
    DeviceData,
    EventData,
    FindingData,
    NetworkData,
    NotJudged,
    PlaceData,
)
from sentinel.past.profile import Profile, objection_of
from sentinel.store.hooks import HookKept
from sentinel.store.protocol import AlertRow, MailKept, Record

#: What was done under a right (:class:`sentinel.past.profile.Right`) → the right, and what came of it.
DECISIONS: Final = {
    "restricted": ("restriction", "granted"),
    "lifted": ("restriction", "lifted"),
    "objected": ("objection", "requested"),
    "upheld": ("objection", "upheld"),
    "rejected": ("objection", "rejected"),
    "merged": ("merge", "granted"),
}


def moment(micros: int) -> str | None:
    """Micros as RFC 3339; nothing for 0, which stands for "never" wherever times are kept."""
    return to_text(micros) if micros else None


def account_data(account: str, attributes: Attributes | None, refused: int = 0) -> AccountData:
    """The attributes of ``account`` (the sender's id); of an account that none were told of, the id alone.

    ``refused`` is when the mail server refused the address for good (micros); 0: it did not.
    """
    if attributes is None:
        return AccountData(id=account)
    return AccountData(
        id=account,
        email=attributes.email,
        email_verified=attributes.email_verified,
        former_email=attributes.previous_email,
        former_email_until=moment(attributes.previous_until) if attributes.previous_email else None,
        contact_email=attributes.contact_email,
        email_refused=moment(refused),
        name=attributes.name,
        locale=attributes.locale,
        timezone=attributes.timezone,
        tags=list(attributes.tags),
        created=None if attributes.created is None else to_text(attributes.created),
        as_of=moment(attributes.as_of),
    )


def event_data(
    sighting: Sighting,
    raw: Raw | None,
    assessment: Assessment | None = None,
    windows: Mapping[str, int | None] | None = None,
    *,
    trusted: bool = False,
) -> EventData:
    """One event from its opened record.

    ``raw`` is ``None`` once its day's key is destroyed: then the id is gone too, and the keyed one stands for it.
    ``windows`` are the counts that its judging read.
    """
    opened = raw or Raw(event=sighting.key)
    network, device = sighting.network, sighting.device
    return EventData(
        id=opened.event,
        time=to_text(sighting.time),
        type=sighting.type,
        outcome=sighting.outcome,
        reason=sighting.reason,
        actor=sighting.actor,
        service=sighting.service,
        expired=raw is None or (raw == raw.bare() and sighting.address is not None),
        ip=opened.ip,
        user_agent=opened.user_agent,
        device_id=opened.device_id,
        session_id=opened.session_id,
        factor_device_id=opened.mfa_device_id,
        ja4=opened.ja4,
        language=opened.accept_language,
        place=place_data(sighting.place),
        network=NetworkData(
            asn=network.asn,
            organisation=network.organisation,
            kind=network.kind,
            listed=network.listed,
            office=network.office,
        ),
        device=msgspec.convert(msgspec.structs.asdict(device), DeviceData),
        auth_method=sighting.auth_method,
        idp=sighting.idp,
        origin=sighting.origin,
        phishing_resistant=sighting.phishing_resistant,
        password_ok=sighting.password_ok,
        password_breached=sighting.password_breached,
        factor_method=sighting.factor.method,
        factor_outcome=sighting.factor.outcome,
        factor_counter=sighting.factor.counter,
        enforced=sighting.enforced,
        rtt_ms=sighting.rtt_ms,
        timezone=sighting.timezone,
        tags=list(sighting.tags),
        concludes=sighting.concludes is not None,
        trusted=trusted,
        assessment=None if assessment is None else assessment_data(assessment, windows or {}),
    )


def rights_data(profile: Profile) -> RightsData:
    """Restriction and objection as they stand, and what was asked for and decided."""
    return RightsData(
        restricted=profile.restricted,
        restricted_since=moment(profile.restricted_since),
        objection=objection_of(profile) or "none",
        objection_since=moment(profile.objected_at),
        decisions=[
            RightsDecision(
                time=to_text(each.time),
                right=DECISIONS[each.what][0],
                decision=DECISIONS[each.what][1],
                reason=each.reason or None,
            )
            for each in profile.rights
        ],
    )


def mail_data(mail: MailKept) -> MailData:
    """A mail as the outbox keeps it."""
    return MailData(kind=mail.kind, time=to_text(mail.time), state=mail.state, alert=mail.alert)


def hook_data(hook: HookKept) -> HookData:
    """That a target was told, as the outbox keeps it."""
    return HookData(type=hook.type, target=hook.target, time=to_text(hook.day * DAY), state=hook.state)


def answer_data(record: Record) -> AnswerData:
    """What somebody said of an event."""
    by = record.windows.decode() or "service"
    return AnswerData(time=to_text(record.time), verdict=record.assessment.decode(), by=by, event=record.event_id)


def place_data(place: Place) -> PlaceData:
    """A place as exported."""
    return msgspec.convert(msgspec.structs.asdict(place), PlaceData)


def assessment_data(assessment: Assessment, windows: Mapping[str, int | None]) -> AssessmentData:
    """What was said of an event, with its reasons. ``windows`` are counts by rule and window, as packed."""
    return AssessmentData(
        risk=assessment.risk,
        level=assessment.level,
        decision=assessment.decision,
        would=assessment.would or None,
        scope=assessment.scope,
        until=assessment.until or None,
        methods=list(assessment.act.methods),
        end_sessions=assessment.act.end_sessions,
        hold_change=assessment.act.hold_change,
        findings=[
            FindingData(
                rule=found.rule,
                title=found.title,
                status=found.status,
                risk=found.risk,
                share=found.share,
                evidence=dict(found.evidence),
            )
            for found in assessment.findings
        ],
        alert=assessment.alert,
        campaign=assessment.campaign or None,
        warming_up=assessment.warming_up,
        restricted=bool(assessment.restricted),
        unjudged=[
            NotJudged(rule=each.rule, missing=list(each.missing), reason=each.reason) for each in assessment.unjudged
        ],
        counts=dict(windows),
        ruleset=assessment.ruleset,
        models=dict(assessment.models),
    )


def alert_data(row: AlertRow) -> AlertData:
    """An alert as listed."""
    return AlertData(
        id=row.id,
        kind=row.kind,
        level=row.level,
        risk=row.risk,
        since=to_text(row.first),
        last=to_text(row.last),
        events=row.events,
        rules=list(row.rules),
        state=row.state,
    )
