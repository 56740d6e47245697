"""Facts of the second factor."""

from sentinel.facts.look import Look
from sentinel.facts.registry import fact
from sentinel.past.challenges import challenged_lately
from sentinel.past.factors import (
    STRENGTH,
    USUAL_SPAN,
    drift_steps,
    method_of,
    strongest_enrolled,
    usual_drift,
)


@fact("mfa.method", "string")
def mfa_method(look: Look) -> str:
    """Method of the second factor, as totp or push; empty when the event has none."""
    return look.sighting.factor.method or ""


@fact("mfa.outcome", "string")
def mfa_outcome(look: Look) -> str:
    """How it ended: success, failure, pending, denied, timeout, fraud_reported, bypassed; or empty."""
    return look.sighting.factor.outcome or ""


@fact("mfa.device", "string", keyed=True)
def mfa_device(look: Look) -> str | None:
    """Pseudonym of the second-factor device."""
    return look.sighting.factor.key


@fact("mfa.attempt", "bool", past=True)
def mfa_attempt(look: Look) -> bool:
    """This is a second-factor try of its own, not a login that sums up a challenge already seen."""
    return look.sighting.factor.outcome is not None and not look.factor_summed_up


@fact("mfa.passed", "bool")
def mfa_passed(look: Look) -> bool:
    """A second factor was proved."""
    return look.sighting.factor.outcome == "success" and look.sighting.factor.method not in (None, "none")


@fact("mfa.factor_trusted", "bool", past=True)
def mfa_factor_trusted(look: Look) -> bool:
    """This very second factor was used or enrolled in an earlier trusted login.

    Known by its device; without an id by its method, as long as no other of that method was enrolled from an
    untrusted context.
    """
    return look.factor_known


@fact("mfa.usual", "bool", past=True)
def mfa_usual(look: Look) -> bool:
    """This second factor is trusted and was used in a trusted login of the last 90 days."""
    if look.sighting.factor.outcome == "bypassed":
        return False
    factor = look.factor
    return look.factor_known and factor is not None and look.sighting.time - factor.last <= USUAL_SPAN


@fact("mfa.strength", "int")
def mfa_strength(look: Look) -> int | None:
    """How much the second factor proved: 4 webauthn, 3 totp or push, 2 sms, voice or email, 1 backup code, 0 none.

    0 too when the person was let through without a code. Absent when the event names none, or it was not proved.
    """
    method, outcome = method_of(look.sighting), look.sighting.factor.outcome
    if method is None:
        return None
    if method == "none" or outcome == "bypassed":
        return 0
    return STRENGTH[method] if outcome == "success" or look.sighting.auth_method == "passkey" else None


@fact("mfa.enrolled_strength", "int", past=True)
def mfa_enrolled_strength(look: Look) -> int:
    """Strength of the strongest factor that trusted logins used or enrolled and that is still enrolled.

    0 when there is none, and when the event itself names no factor: then there is nothing to compare.

    One that was removed from an untrusted context counts as enrolled for 14 days (``settle_days``). The factor
    that somebody was let through without is enrolled too.
    """
    factor = look.sighting.factor
    if factor.method is None and look.sighting.auth_method != "passkey":
        return 0
    known = strongest_enrolled(look.profile, look.sighting.time, look.policy)
    return max(known, STRENGTH[factor.method]) if factor.outcome == "bypassed" and factor.method else known


@fact("mfa.wrong_code", "bool", past=True)
def mfa_wrong_code(look: Look) -> bool:
    """A wrong second-factor code was entered; the login that sums up a challenge already seen is not another."""
    factor = look.sighting.factor
    if factor.outcome == "failure":
        return factor.method not in ("webauthn", "push") and not look.factor_summed_up
    if factor.outcome is not None or look.sighting.reason != "mfa_failed":
        return False
    return not challenged_lately(look.profile, look.sighting)


@fact("mfa.code_used", "bool", past=True)
def mfa_code_used(look: Look) -> bool:
    """The accepted code (TOTP time step or HOTP counter) was accepted from this factor before.

    False for the login that sums up the challenge in which the code was used.
    """
    factor, known = look.sighting.factor, look.factor
    if known is None or factor.counter is None or factor.outcome != "success":
        return False
    return factor.counter in known.counters and not look.factor_summed_up


@fact("mfa.drift_steps", "int")
def mfa_drift_steps(look: Look) -> int | None:
    """Time steps of 30 seconds that the accepted TOTP code was ahead of the event's time (behind: negative).

    Absent when there is no counter, or it is no time step (further off than a day).
    """
    return drift_steps(look.sighting)


@fact("mfa.usual_drift_steps", "int", past=True)
def mfa_usual_drift_steps(look: Look) -> int | None:
    """The middle of this factor's last five drifts; absent before its code was accepted twice."""
    return usual_drift(look.factor) if look.factor is not None else None


@fact("mfa.drift_known", "bool", past=True)
def mfa_drift_known(look: Look) -> bool:
    """Both the drift of this code and the usual one of its factor are known."""
    return mfa_drift_change(look) is not None


@fact("mfa.drift_change", "int", past=True)
def mfa_drift_change(look: Look) -> int | None:
    """Time steps between this code's drift and the factor's usual one; absent when one is unknown."""
    drift = drift_steps(look.sighting)
    if drift is None or look.factor is None:
        return None
    usual = usual_drift(look.factor)
    return abs(drift - usual) if usual is not None else None
