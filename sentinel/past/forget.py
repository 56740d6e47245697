"""Forgetting: what an account's past loses once it was not seen for a year."""

from typing import Final

import msgspec

from sentinel.events.clock import HOUR, MINUTE, utc_day
from sentinel.past.factors import STEP
from sentinel.past.profile import KnownFactor, Profile, encode_profile

#: A code counter that stands for an earlier time (micros; the year 2000) is no time step: of HOTP, when it was used is
#: not known.
_FIRST_STEP: Final = 262_968 * HOUR


def forget(profile: Profile, before: int) -> bool:
    """Take everything out of ``profile`` (in place) that was not seen since ``before`` (micros); whether it changed.

    An account of which nothing is left has an empty profile then. The times of its first logins only say that it is no
    new one: those long past are kept as 0, for as long as anything else is.
    """
    packed = encode_profile(profile)
    for kind, values in list(profile.values.items()):
        for key in [key for key, value in values.items() if value.last < before]:
            del values[key]
        if not values:
            del profile.values[kind]
        for value in values.values():
            value.days = [day for day in value.days if day >= utc_day(before)]
    profile.seen = {
        kind: held
        for kind, values in profile.seen.items()
        if (held := {key: value for key, value in values.items() if value.day >= utc_day(before)})
    }
    profile.places = [place for place in profile.places if place.time >= before]
    profile.usual = [spot for spot in profile.usual if spot.last >= before]
    profile.sessions = {
        key: session for key, session in profile.sessions.items() if session.time + session.seen * MINUTE >= before
    }
    # One of which nothing says when it was used goes with the rest.
    profile.factors = {key: factor for key, factor in profile.factors.items() if not 0 < _seen(factor) < before}
    profile.challenges = [challenge for challenge in profile.challenges if challenge.time >= before]
    profile.alerts = [alert for alert in profile.alerts if alert.last >= before]
    profile.told = [mail for mail in profile.told if mail.time >= before]
    profile.compromised = {key: time for key, time in profile.compromised.items() if time >= before}
    profile.recoveries = [time for time in profile.recoveries if time >= before]
    profile.helped = [entry for entry in profile.helped if entry[0] >= before]
    if profile.last_seen < before:
        # Every login that entered the habit was a sign of life.
        profile.habit = None
    for name in ("last_seen", "recovered_at", "push_doubt_at", "phone_changed_at"):
        if getattr(profile, name) < before:
            setattr(profile, name, 0)
    if profile.usage_day < utc_day(before):
        profile.usage_day = profile.usage_marks = 0
    if not profile.restricted:
        # What the person asked for and stands does not expire: it is the reason for what is not done.
        profile.rights = [right for right in profile.rights if right.time >= before]
    profile.warmup = [time if time >= before else 0 for time in profile.warmup]
    if not any(profile.warmup) and _is_bare(profile):
        profile.warmup, profile.trusted_logins, profile.factors = [], 0, {}
    return encode_profile(profile) != packed


def is_empty(profile: Profile) -> bool:
    """Whether nothing is remembered: a bare count says nothing."""
    return msgspec.structs.replace(profile, rights_count=0) == Profile()


def _seen(factor: KnownFactor) -> int:
    """When a factor was used, enrolled or removed last, as far as that is known; else 0."""
    step = max(factor.counters, default=0) * STEP
    return max(factor.last, factor.trusted_at, factor.removed_at, factor.doubt_at, step if step >= _FIRST_STEP else 0)


def _is_bare(profile: Profile) -> bool:
    """Whether nothing but counts, and factors without any time, is left."""
    return not (
        profile.values
        or profile.seen
        or profile.places
        or profile.usual
        or profile.sessions
        or profile.challenges
        or profile.alerts
        or profile.told
        or profile.compromised
        or profile.recoveries
        or profile.helped
        or profile.habit
        or profile.last_seen
        or profile.recovered_at
        or profile.restricted
        or profile.rights
        or profile.push_doubt_at
        or profile.phone_changed_at
        or any(_seen(factor) for factor in profile.factors.values())
    )
