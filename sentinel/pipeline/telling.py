"""What the service's own systems are told of an event or an answer (:mod:`sentinel.events.hook`). Pure, like judging.

Nothing is told of accounts whose processing is restricted, of history, or of what came in too late to mail about.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from sentinel.alerts.campaigns import KIND as CAMPAIGN
from sentinel.alerts.policy import Raised
from sentinel.events.alert import Notice
from sentinel.events.assessment import Assessment
from sentinel.events.hook import (
    AccountCleared,
    AlertSent,
    AnswerGiven,
    AssessmentRaised,
    CampaignDetected,
    HookEvent,
    HookType,
    Signal,
)
from sentinel.events.sighting import Sighting
from sentinel.hooks.receivers import Receivers
from sentinel.pipeline.account_risk import AccountRisk
from sentinel.pipeline.alerting import is_told
from sentinel.pipeline.item import Answer, Arrival, TenantSettings
from sentinel.store.protocol import Record

#: Levels of CAEP 1.0 section 3.8, which has three.
_LEVELS: Final = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH", "critical": "HIGH"}
#: Who began it (CAEP 1.0 section 2, ``initiating_entity``), by the role of who answered.
_ENTITIES: Final = {"person": "user", "operator": "admin", "admin": "admin", "service": "policy"}
#: Types of credentials (CAEP 1.0 section 3.3) by method; others keep their own names, as the specification allows.
_CREDENTIALS: Final = {
    "totp": "app",
    "push": "app",
    "webauthn": "fido2-roaming",
    "passkey": "fido2-platform",
    "sms": "phone-sms",
    "voice": "phone-voice",
}
_CHANGES: Final = {"mfa_enrolled": "create", "mfa_removed": "delete", "password_changed": "update"}


def of_arrival(
    item: Arrival,
    settings: TenantSettings,
    assessment: Assessment,
    raised: Sequence[Raised],
    before: AccountRisk,
    after: AccountRisk,
) -> Iterator[HookEvent]:
    """Of an event that was judged: ``before`` and ``after`` are the account's risk around it."""
    receivers, sighting = settings.hooks, item.sighting
    if not is_told(item, settings):
        return
    own = sighting.account if sighting.known_account else None
    rules = [finding.rule for finding in assessment.findings if finding.status == "live"]
    # Of a source's tries operators, and hooks, hear as one campaign: ten thousand of them are not ten thousand news.
    if assessment.scope != "source" and assessment.risk is not None and assessment.level is not None:
        told = AssessmentRaised(
            event=item.id,
            account=item.account if own is not None else None,
            risk=assessment.risk,
            level=assessment.level,  # type: ignore[arg-type]  # one of them
            decision=assessment.decision,  # type: ignore[arg-type]  # likewise
            rules=rules,
            alert=assessment.alert,
            campaign=assessment.campaign or None,
            end_sessions=assessment.act.end_sessions,
            hold_change=assessment.act.hold_change,
        )
        targets = receivers.of_assessment(assessment.level, assessment.decision)
        yield from _event("assessment.raised", targets, item.tenant, own, sighting.time, sighting.key, told)
    for each in raised:
        alert = each.alert
        if alert.kind == CAMPAIGN and each.news:
            campaign = CampaignDetected(
                campaign=alert.id,
                risk=alert.risk,
                level=alert.level,  # type: ignore[arg-type]  # likewise
                rules=list(alert.rules),
                events=alert.events,
            )
            targets = receivers.of("campaign.detected")
            yield from _event("campaign.detected", targets, item.tenant, None, sighting.time, alert.id, campaign)
    if own is None or item.account is None:
        return
    cause = _Cause(receivers, item.tenant, own, item.account, item.id, sighting.time, sighting.key)
    if sighting.outcome == "success" and (change := credential_change(sighting)) is not None:
        entity = {"self": "user", "admin": "admin"}.get(sighting.actor, "system")
        yield from cause.signal("credential-change", change | {"initiating_entity": entity})
    if _LEVELS[before.level] != _LEVELS[after.level]:
        yield from cause.signal("risk-level-change", _change(before, after, rules) | {"initiating_entity": "policy"})


def of_answer(
    item: Answer,
    record: Record,
    sighting: Sighting,
    settings: TenantSettings,
    before: AccountRisk,
    after: AccountRisk,
    *,
    counts: bool = True,
) -> Iterator[HookEvent]:
    """Of an answer: ``before`` and ``after`` are the account's risk around it, ``counts`` is whether it was applied."""
    receivers, own, account = settings.hooks, record.account, record.account_id
    if own is None or account is None:
        return
    about = f"{record.key}/{item.time}/{item.verdict}"
    told = AnswerGiven(
        event=item.event,
        account=account,
        verdict=item.verdict,  # type: ignore[arg-type]  # one of them
        by=item.by,  # type: ignore[arg-type]  # likewise
        alert=record.alert,
        counts=counts,
    )
    yield from _event("answer.given", receivers.of("answer.given"), item.tenant, own, item.time, about, told)
    cause = _Cause(receivers, item.tenant, own, account, item.event, item.time, about, record.key)
    entity = {"initiating_entity": _ENTITIES.get(item.by, "system")}
    if item.verdict == "compromised":
        reason = {"reason_admin": {"en": f"{item.by} said that event {item.event} was not the account's owner"}}
        if sighting.session is not None and sighting.outcome == "success":
            yield from cause.signal("session-revoked", reason | entity)
        yield from cause.signal("risk-level-change", _change(before, after, after.reasons) | entity | reason)
        if sighting.outcome in ("success", "pending") or sighting.password_ok:
            # Who came so far had what it takes.
            yield from cause.signal("credential-compromise", {"credential_type": used_credential(sighting)} | reason)
            yield from cause.signal("account-credential-change-required", reason)
        return
    if "compromised" in before.reasons and "compromised" not in after.reasons:
        cleared = AccountCleared(account=account, event=item.event, by=item.by)  # type: ignore[arg-type]  # likewise
        yield from _event(
            "account.cleared", receivers.of("account.cleared"), item.tenant, own, item.time, about, cleared
        )
        yield from cause.signal("risk-level-change", _change(before, after, ("cleared",)) | entity)
    elif _LEVELS[before.level] != _LEVELS[after.level]:
        yield from cause.signal("risk-level-change", _change(before, after, ("confirmed",)) | entity)


def of_mail(notice: Notice, record: Record | None, receivers: Receivers, now: int) -> list[HookEvent]:
    """Of a mail that the mail server took at ``now`` (micros); ``record`` is the event it tells of."""
    told = AlertSent(
        alert=notice.id,
        kind=notice.kind,
        level=notice.level,  # type: ignore[arg-type]  # one of them
        decision=notice.decision,  # type: ignore[arg-type]  # likewise
        rules=list(notice.reasons),
        account=record.account_id if record is not None and notice.account is not None else None,
        event=record.event_id if record is not None else None,
    )
    targets = receivers.of("alert.sent")
    return list(_event("alert.sent", targets, notice.tenant, notice.account, now, notice.id, told))


def credential_change(sighting: Sighting) -> dict[str, Any] | None:
    """The claims of CAEP's credential-change (1.0 section 3.3) for an event that is one."""
    if (change := _CHANGES.get(sighting.type)) is None:
        return None
    method = "password" if sighting.type == "password_changed" else sighting.factor.method or "unknown"
    return {"credential_type": _CREDENTIALS.get(method, method), "change_type": change}


def used_credential(sighting: Sighting) -> str:
    """What somebody who is not the owner must have had to come so far."""
    if sighting.phishing_resistant:
        return "fido2-platform" if sighting.auth_method == "passkey" else "fido2-roaming"
    return "password"


class _Cause(msgspec.Struct, frozen=True):
    """What the signals about an account follow from. ``record`` is the key of an event whose session is meant."""

    receivers: Receivers
    tenant: str
    own: str
    account: str
    event: str
    time: int
    about: str
    record: str | None = None

    def signal(self, type: Signal, claims: Mapping[str, Any]) -> Iterator[HookEvent]:
        """A signal, where somebody wants it."""
        if targets := self.receivers.of(type):
            yield HookEvent(
                type=type,
                tenant=self.tenant,
                account=self.own,
                time=self.time,
                about=self.about,
                data={"account": self.account, "event": self.event, "claims": dict(claims)},
                targets=targets,
                record=self.record if type == "session-revoked" else None,
            )


def _change(before: AccountRisk, after: AccountRisk, reasons: Iterable[str]) -> dict[str, Any]:
    """The claims of CAEP's risk-level-change (1.0 section 3.8)."""
    why = ", ".join(reasons) or "unknown"
    principal: Literal["USER"] = "USER"
    return {
        "principal": principal,
        "current_level": _LEVELS[after.level],
        "previous_level": _LEVELS[before.level],
        "risk_reason": why,
        "reason_admin": {"en": why},
    }


def _event(
    type: HookType, targets: tuple[str, ...], tenant: str, own: str | None, time: int, about: str, told: msgspec.Struct
) -> Iterator[HookEvent]:
    if targets:
        yield HookEvent(
            type=type,
            tenant=tenant,
            account=own,
            time=time,
            about=about,
            data=msgspec.to_builtins(told),
            targets=targets,
        )
