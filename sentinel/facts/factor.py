"""Facts of the second factor."""

from sentinel.facts.look import Look
from sentinel.facts.registry import fact


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
    """This very second-factor device was used or enrolled in an earlier trusted login."""
    key = look.sighting.factor.key
    factor = look.profile.factors.get(key) if key else None
    return factor is not None and 0 < factor.trusted_at <= look.sighting.time
