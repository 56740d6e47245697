"""What is remembered of second factors: which are enrolled, which codes were used, how far a clock is off."""

from statistics import median_low
from typing import Final

import pyotp

from sentinel.events.clock import DAY, SECOND
from sentinel.events.sighting import Factor, Sighting
from sentinel.past.profile import MAX_FACTORS, KnownFactor, Profile, TrustPolicy

#: How much a method proves, from nothing to what cannot be phished (NIST SP 800-63B orders them alike). TOTP
#: and push are one step: people with both use either.
STRENGTH: Final = {"none": 0, "backup_code": 1, "email": 2, "voice": 2, "sms": 2, "push": 3, "totp": 3, "webauthn": 4}

#: Codes remembered of one factor. A code is accepted for a minute or two, so that a replay follows soon.
MAX_COUNTERS: Final = 8

#: Drifts remembered of one factor; the middle one is the usual drift, so that one odd code does not move it.
MAX_DRIFTS: Final = 5

#: Further off than a day, a counter is no time step of 30 seconds: an HOTP counter, or a token with other steps.
_FARTHEST: Final = 24 * 60 * 2

#: A factor not used for this long is not what the person usually uses.
USUAL_SPAN: Final = 90 * DAY

#: One time step of a code (micros). The text is no secret: only the length of a step is read.
STEP: Final = pyotp.TOTP("A" * 32).interval * SECOND


def method_of(sighting: Sighting) -> str | None:
    """The method of an event's second factor; a passkey that stands for both factors is ``webauthn``."""
    method = sighting.factor.method
    if sighting.auth_method == "passkey" and method in (None, "none"):
        return "webauthn"
    return method


def factor_key(sighting: Sighting) -> str | None:
    """What a factor is remembered by: its device, and without one its method; ``None`` when there is none.

    Methods are words and keys are 16 characters, so that neither is taken for the other.
    """
    if sighting.factor.key is not None:
        return sighting.factor.key
    method = method_of(sighting)
    return method if method != "none" else None


def drift_steps(sighting: Sighting) -> int | None:
    """Time steps that the accepted TOTP code was ahead of the event's time; ``None`` when nobody can tell.

    The expected step is that of ``pyotp.TOTP.timecode``.
    """
    counter = sighting.factor.counter
    if counter is None or sighting.factor.method != "totp" or sighting.factor.outcome != "success":
        return None
    drift = counter - sighting.time // STEP
    return drift if abs(drift) <= _FARTHEST else None


def usual_drift(known: KnownFactor, at_least: int = 2) -> int | None:
    """The middle of a factor's last drifts; ``None`` before it was seen ``at_least`` times."""
    return median_low(known.drifts) if len(known.drifts) >= at_least else None


def still_enrolled(known: KnownFactor, at: int, policy: TrustPolicy) -> bool:
    """Trusted, and not removed: a removal that may be an attacker's counts once nobody has said no for a while."""
    if not 0 < known.trusted_at <= at:
        return False
    return not known.removed_at or at < known.removed_at + policy.settle_days * DAY


def proved_before(known: KnownFactor | None, at: int, policy: TrustPolicy) -> bool:
    """An earlier trusted login used or enrolled it, and it was not enrolled from an untrusted context since.

    Of a factor known by its method alone, another one of that method would look the same.
    """
    if known is None or not 0 < known.trusted_at <= at:
        return False
    return not known.doubt_at or not 0 <= at - known.doubt_at < policy.settle_days * DAY


def strongest_enrolled(profile: Profile, at: int, policy: TrustPolicy) -> int:
    """:data:`STRENGTH` of the strongest factor still enrolled; 0 when none is known."""
    return max(
        (STRENGTH[each.method] for each in profile.factors.values() if still_enrolled(each, at, policy)), default=0
    )


def note_enrolment(profile: Profile, sighting: Sighting, *, trusted: bool, high: bool) -> None:
    """A factor was enrolled: from a trusted context it is trusted from now on.

    ``high``: judged so high that its method proves nothing for a while, since a thief may hold it.
    """
    key = factor_key(sighting)
    if key is None:
        return
    known = known_factor(profile, sighting, key)
    if not trusted:
        if high or sighting.factor.key is None:
            known.doubt_at = sighting.time
        return
    known.removed_at = known.doubt_at = 0
    if not known.trusted_at:
        known.trusted_at, known.session = sighting.time, sighting.session


def note_code(profile: Profile, sighting: Sighting, *, own_use: bool, safe: bool) -> None:
    """Remember the code of a factor that was proved: any code as used, its drift only when nothing was flagged."""
    factor = sighting.factor
    if factor.counter is None or factor.outcome != "success" or sighting.outcome == "pending":
        return  # The code of a pending login is the one its conclusion will name.
    key = factor_key(sighting)
    if key is None:
        return
    known = known_factor(profile, sighting, key)
    if factor.counter not in known.counters:
        known.counters = [*known.counters, factor.counter][-MAX_COUNTERS:]
        drift = drift_steps(sighting) if safe and own_use else None
        if drift is not None:
            known.drifts = [*known.drifts, drift][-MAX_DRIFTS:]


def note_removal(profile: Profile, sighting: Sighting, *, trusted: bool) -> None:
    """A factor was removed: forgotten when the person did it from a trusted context, else kept as removed.

    Otherwise a thief who takes the strong factor off would make the weaker one the usual one.
    """
    for key in _meant(profile, sighting.factor):
        if trusted:
            del profile.factors[key]
        elif not profile.factors[key].removed_at:
            profile.factors[key].removed_at = sighting.time


def known_factor(profile: Profile, sighting: Sighting, key: str) -> KnownFactor:
    """The memory of a factor, made if there is none."""
    factors = profile.factors
    if key not in factors and len(factors) >= MAX_FACTORS:
        del factors[min(factors, key=lambda name: (factors[name].trusted_at > 0, factors[name].last))]
    return factors.setdefault(key, KnownFactor(method_of(sighting) or "none"))


def answer_removal(profile: Profile, sighting: Sighting, verdict: str) -> None:
    """Somebody who knows said whose doing a removal was: it holds, or the factor counts as never removed."""
    for key in _meant(profile, sighting.factor):
        known = profile.factors[key]
        if known.removed_at != sighting.time:
            continue
        if verdict == "legitimate":
            del profile.factors[key]
        else:
            known.removed_at = 0


def _meant(profile: Profile, factor: Factor) -> list[str]:
    """The remembered factors that a removal means.

    Without an id, the one of that method: there may be several, and then only the one known without an id.
    """
    if factor.key is not None and factor.key in profile.factors:
        return [factor.key]
    if factor.method is None:
        return []
    if factor.key is None:
        alike = [key for key, known in profile.factors.items() if known.method == factor.method]
        if len(alike) == 1:
            return alike
    return [factor.method] if factor.method in profile.factors else []
