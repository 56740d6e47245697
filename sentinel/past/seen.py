"""Where and with what an account logs in, finer than what is trusted: addresses, their networks, agents, methods.

How often each was seen in a trusted login, and on which UTC day last; keyed pseudonyms, shortened, the oldest go first.
Judging by rules does not need them: an address changes with every lease. Likelihood weighs them.
"""

from typing import Final

import msgspec

from sentinel.events.clock import utc_day
from sentinel.events.sighting import Sighting
from sentinel.past.commons import PERIOD, Commons, period_of
from sentinel.past.habit import local_hour
from sentinel.past.profile import Profile, Seen, Value, network_key

#: Values kept of each kind.
MOST: Final = {"address": 16, "prefix": 16, "agent": 8, "method": 8}
#: Characters of a pseudonym (6 bits each) that are kept: among an account's few, two alike never meet.
_CHARACTERS: Final = 8
#: Under which a kind's own count stands: logins that brought a value never seen before.
NOVEL: Final = ""


def shortened(key: str) -> str:
    """A pseudonym as it is kept here."""
    return key[:_CHARACTERS]


def seen_values(sighting: Sighting) -> list[tuple[str, str]]:
    """The values of a login by kind, shortened."""
    found = []
    if sighting.address is not None:
        found.append(("address", shortened(sighting.address)))
    if sighting.prefix is not None:
        found.append(("prefix", shortened(sighting.prefix)))
    if sighting.agent is not None:
        found.append(("agent", shortened(sighting.agent)))
    found.append(("method", method_of(sighting)))
    return found


def method_of(sighting: Sighting) -> str:
    """The second factor's method as a value: ``none`` where there was none."""
    if sighting.factor.method is not None:
        return sighting.factor.method
    return "passkey" if sighting.auth_method == "passkey" else "none"


def note_seen(profile: Profile, sighting: Sighting) -> None:
    """Enter a trusted login."""
    day = utc_day(sighting.time)
    for kind, key in seen_values(sighting):
        held = profile.seen.setdefault(kind, {})
        known = held.get(key)
        if known is None:
            _count(held, NOVEL, day)
            if len(held) > MOST[kind]:
                # Of one day the one that came first: by their names, two installations would keep others.
                del held[min((each for each in held if each != NOVEL), key=lambda each: held[each].day)]
        _count(held, key, day)


def forget_seen(profile: Profile, sighting: Sighting) -> None:
    """Take a login out that was trusted and should not have been. A value that no other login brought was never new."""
    for kind, key in seen_values(sighting):
        held = profile.seen.get(kind, {})
        if _uncount(held, key):
            _uncount(held, NOVEL)
        if not held:
            profile.seen.pop(kind, None)


def merge_seen(one: dict[str, dict[str, Seen]], other: dict[str, dict[str, Seen]]) -> dict[str, dict[str, Seen]]:
    """What two accounts that become one were seen with."""
    found: dict[str, dict[str, Seen]] = {}
    for kind in dict.fromkeys((*one, *other)):
        held = {key: Seen(value.logins, value.day) for key, value in one.get(kind, {}).items()}
        for key, value in other.get(kind, {}).items():
            known = held.setdefault(key, Seen(0, value.day))
            known.logins, known.day = known.logins + value.logins, max(known.day, value.day)
        while len(held) - (NOVEL in held) > MOST[kind]:
            del held[min((each for each in held if each != NOVEL), key=lambda each: (held[each].day, each))]
        found[kind] = dict(sorted(held.items()))
    return found


class Fresh(msgspec.Struct, frozen=True):
    """What an account has not been counted for in the period of a login, as (level, value)."""

    day: int
    values: tuple[tuple[str, str], ...]


def fresh_values(profile: Profile, sighting: Sighting, *, hours: bool = True) -> Fresh:
    """What everybody's counts learn of a login, if it joins the trusted past; asked before it does.

    ``hours``: :attr:`sentinel.past.profile.TrustPolicy.hours`; where they are not learned, they are nobody's.
    """
    day = utc_day(sighting.time)
    since = period_of(day) * PERIOD
    found: list[tuple[str, str]] = []
    for kind, key in seen_values(sighting):
        known = profile.seen.get(kind, {}).get(key)
        if known is None or known.day < since:
            found.append((kind, key))
    values = profile.values
    if (network := network_key(sighting)) is not None and not _counted(values.get("network"), network, since):
        found.append(("network", network))
    if (country := sighting.place.country) is not None and not _counted(values.get("country"), country, since):
        found.append(("country", country))
    if (device_class := sighting.device_class) is not None:
        classes = values.get("device_class", {})
        if not _counted(classes, device_class, since):
            found.append(("device_class", device_class))
            # What comes less often than classes: most of the time the class is known, and so are its parts.
            known_parts = [key.rsplit("|", 2) for key in classes if _counted(classes, key, since)]
            # An app names its browser freely, with a "|" in it if it likes.
            _, system, kind_of_device = device_class.rsplit("|", 2)
            if not any(parts[1] == system for parts in known_parts):
                found.append(("system", system))
            if not any(parts[2] == kind_of_device for parts in known_parts):
                found.append(("device_type", kind_of_device))
    if hours:
        hour = local_hour(profile, sighting)
        if profile.habit is None or not profile.habit.hours[hour]:
            found.append(("hour", str(hour)))
    # Each login has a method. Not by when the account was last about: sessions that go on are no logins.
    if not any(known.day >= since for known in profile.seen.get("method", {}).values()):
        found.append(("account", ""))
    return Fresh(day, tuple(found))


def note_common(commons: Commons, fresh: Fresh) -> None:
    """A login joined the trusted past."""
    for level, value in fresh.values:
        commons.note(level, value, fresh.day)


def _count(held: dict[str, Seen], key: str, day: int) -> None:
    known = held.get(key)
    if known is None:
        held[key] = Seen(1, day)
    else:
        known.logins, known.day = known.logins + 1, max(known.day, day)


def _uncount(held: dict[str, Seen], key: str) -> bool:
    """Take one login off a count; whether none is left."""
    known = held.get(key)
    if known is None:
        return False
    known.logins -= 1
    if known.logins > 0:
        return False
    del held[key]
    return True


def _counted(values: dict[str, Value] | None, key: str, since: int) -> bool:
    """Whether a trusted login of the period brought the value."""
    value = values.get(key) if values else None
    return value is not None and value.support > 0 and utc_day(value.last) >= since
