"""What the service's own systems are told: the event of a hook, and what each type of it says.

Two families share the outbox: events for webhooks (:data:`HOOK_TYPES`, Standard Webhooks 1.0) and Security Event Tokens
(:data:`SIGNALS`, OpenID Shared Signals 1.0). No raw address, device or agent is in any of them.
"""

from typing import Any, Final, Literal, get_args

import msgspec

#: Types of events for webhooks.
HookType = Literal["assessment.raised", "campaign.detected", "alert.sent", "answer.given", "account.cleared"]
HOOK_TYPES: Final[tuple[HookType, ...]] = get_args(HookType)

#: Events of Shared Signals by the end of their URI.
Signal = Literal[
    "session-revoked",
    "risk-level-change",
    "credential-change",
    "credential-compromise",
    "account-credential-change-required",
]
SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)


class HookEvent(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, kw_only=True):
    """Something to be told to each of ``targets`` (names of the configuration), once.

    ``time`` is when it happened (micros). ``about`` tells it from others of its type: the same one put in again is one.
    ``record`` is the key of the event it follows from. ``data`` is what is told, ids as the service knows them.
    """

    type: str
    tenant: str
    account: str | None  #: handle; none if it is nobody's
    time: int
    about: str
    data: dict[str, Any]
    targets: tuple[str, ...] = ()
    record: str | None = None


class AssessmentRaised(msgspec.Struct, frozen=True, kw_only=True):
    """An event was judged as one to stop or to look at: decision ``challenge`` or ``block``, or a level that the target
    asks for."""

    event: str
    account: str | None
    risk: float
    level: Literal["low", "medium", "high", "critical"]
    decision: Literal["allow", "notify", "challenge", "block"]
    rules: list[str]
    alert: str | None = None
    campaign: str | None = None
    end_sessions: bool = False
    hold_change: bool = False


class CampaignDetected(msgspec.Struct, frozen=True, kw_only=True):
    """An attack on many accounts began, or became graver."""

    campaign: str
    risk: float
    level: Literal["low", "medium", "high", "critical"]
    rules: list[str]
    events: int


class AlertSent(msgspec.Struct, frozen=True, kw_only=True):
    """The mail server took the mail about an alert."""

    alert: str
    kind: str
    level: Literal["low", "medium", "high", "critical"]
    decision: Literal["allow", "notify", "challenge", "block"]
    rules: list[str]
    account: str | None = None
    event: str | None = None


class AnswerGiven(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody said what an event was. Where ``counts`` is false it is kept and changes nothing: a person's yes by mail
    that proves nothing."""

    event: str
    account: str | None
    verdict: Literal["legitimate", "compromised"]
    by: Literal["person", "service", "operator", "admin"]
    alert: str | None = None
    counts: bool = True


class AccountCleared(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing of the account counts as compromised any more; ``event`` is the one whose answer did it."""

    account: str
    event: str
    by: Literal["person", "service", "operator", "admin"]


#: What each type says.
PAYLOADS: Final[dict[HookType, type[msgspec.Struct]]] = {
    "assessment.raised": AssessmentRaised,
    "campaign.detected": CampaignDetected,
    "alert.sent": AlertSent,
    "answer.given": AnswerGiven,
    "account.cleared": AccountCleared,
}
