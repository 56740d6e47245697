"""What would help now: methods that would prove something, sessions to end, a change to hold back. Pure."""

from collections.abc import Collection, Sequence
from typing import Final

from sentinel.events.assessment import LEVEL_ORDER, Act, Finding
from sentinel.events.clock import DAY
from sentinel.events.event import CREDENTIAL_CHANGES
from sentinel.events.sighting import Sighting
from sentinel.past.profile import Profile

#: Second-factor methods from the strongest down; what to ask for when nothing is known of the account.
_METHODS: Final = ("webauthn", "totp", "push", "sms", "voice", "email", "backup_code")
_UNKNOWN_METHODS: Final = ("webauthn", "totp")
#: What a thief of the mailbox or of the phone number gets.
_BY_PHONE: Final = frozenset({"sms", "voice"})
_REACHABLE_BY_THIEF: Final = _BY_PHONE | {"email"}

#: For this long after a recovery or change of address a mailed code proves nothing (CONTRACT §1); after a change
#: of number likewise a code sent there.
_RECOVERY_DOUBT: Final = 30 * DAY
#: For this long after pushes were refused, one approved may be one too many: the password is known until changed.
_PUSH_DOUBT: Final = DAY

_PUSH_RULES: Final = frozenset({"push_bombing", "push_denied"})
#: What a finding says of a method: it was just shown to be in other hands.
_SPOILT: Final = {"totp_replay": "totp", "backup_code_used": "backup_code"}


def act_on(profile: Profile, sighting: Sighting, live: Sequence[Finding], level: str, wish: str) -> Act:
    """The advice for an event judged ``level`` with decision ``wish``, before it enters ``profile``."""
    high = LEVEL_ORDER[level] >= LEVEL_ORDER["high"]
    return Act(
        methods=_methods(profile, sighting, live) if wish in ("challenge", "block") else [],
        end_sessions=level == "critical" and sighting.judged and sighting.outcome == "success",
        hold_change=high and sighting.type in CREDENTIAL_CHANGES,
    )


def doubts_push(live: Sequence[Finding]) -> bool:
    """Whether the findings say that a push approved from now on may not be the person's own wish."""
    return any(finding.rule in _PUSH_RULES for finding in live)


def _methods(profile: Profile, sighting: Sighting, live: Sequence[Finding]) -> list[str]:
    at = sighting.time
    out: set[str] = {_SPOILT[finding.rule] for finding in live if finding.rule in _SPOILT}
    if doubts_push(live) or _within(at, profile.push_doubt_at, _PUSH_DOUBT):
        out.add("push")
    if _within(at, profile.recovered_at, _RECOVERY_DOUBT) or sighting.type in ("recovery_used", "email_changed"):
        out |= _REACHABLE_BY_THIEF
    if _within(at, profile.phone_changed_at, _RECOVERY_DOUBT) or sighting.type == "phone_changed":
        out |= _BY_PHONE
    if any(finding.rule == "recovery_takeover" for finding in live):
        # The recovery may have been asked for only: whoever asked gets mails or messages.
        out |= _REACHABLE_BY_THIEF
    factors = profile.factors.values()
    known = {factor.method for factor in factors if factor.trusted_at and not factor.removed_at}
    out |= {factor.method for factor in factors if _within(at, factor.doubt_at, _RECOVERY_DOUBT)}
    if sighting.type == "mfa_enrolled" and sighting.factor.method and sighting.factor.method not in known:
        out.add(sighting.factor.method)  # What is being added proves nothing yet.
    return _first_of(known, out) or [method for method in _UNKNOWN_METHODS if method not in out] or ["webauthn"]


def _first_of(methods: Collection[str], out: Collection[str]) -> list[str]:
    return [method for method in _METHODS if method in methods and method not in out]


def _within(at: int, since: int, span: int) -> bool:
    return bool(since) and 0 <= at - since < span
