"""When somebody usually logs in: a small circular histogram of hours and of weekdays, in the person's own zone.

One trusted login adds :data:`_LOGIN` to its hour and to its weekday. Weights are halved every
:data:`HALF_LIFE`, so that a login is forgotten within three of them (360 days) and the year promised for raw
values holds here too. 31 bytes an account; what it says depends on the order of events and on nothing else.
"""

from functools import lru_cache
from typing import Final

import msgspec

from sentinel.events.clock import DAY, HOUR, MINUTE, to_datetime
from sentinel.events.sighting import Sighting
from sentinel.events.zone import find_zone
from sentinel.past.profile import Habit, Profile

#: Weights are halved this often (micros).
HALF_LIFE: Final = 120 * DAY

_LOGIN: Final = 4  #: two halvings leave one, the third nothing
_MOST: Final = 255 - _LOGIN
_BY_LONGITUDE: Final = "lon"

#: How near an hour counts as the same habit: the hours beside it fully, those two away by half. Five hours of the
#: day together, as wide as a meeting, a commute or a clock change moves people.
_HALF: Final = 0.5

#: Share of such five hours if logins came evenly around the clock.
_EVEN_HOUR: Final = (3 + 2 * _HALF) / 24

#: So many logins spread evenly are thought in, so that ten logins say less than a hundred.
_DOUBT: Final = 2


class Usual(msgspec.Struct, frozen=True):
    """How usual a moment is: the share of logins near its hour and on its weekday, of ``logins`` remembered.

    Shares are drawn towards even ones by :data:`_DOUBT` logins.
    """

    logins: int
    hour_share: float
    weekday_share: float


def usual_at(profile: Profile, sighting: Sighting) -> Usual | None:
    """How usual the event's hour and weekday are for the account; ``None`` when no login is remembered."""
    habit = profile.habit
    if habit is None:
        return None
    hours = _aged(habit.hours, halvings := _halvings(habit, sighting.time))
    weekdays = _aged(habit.weekdays, halvings)
    total, days = sum(hours), sum(weekdays)
    if not total or not days:
        return None
    hour, weekday = _local(profile, sighting, habit.zone if habit.zone else zone_of(profile, sighting))
    if not habit.zone:
        hours = _rotate(hours, _shift(profile, sighting))
    around = (hours[-2:] + hours + hours[:2])[hour : hour + 5]
    near = around[1] + around[2] + around[3] + _HALF * (around[0] + around[4])
    return Usual(
        total // _LOGIN,
        (near + _DOUBT * _LOGIN * _EVEN_HOUR) / (total + _DOUBT * _LOGIN),
        (weekdays[weekday] + _DOUBT * _LOGIN / 7) / (days + _DOUBT * _LOGIN),
    )


def note_hour(profile: Profile, sighting: Sighting) -> None:
    """Enter a trusted login."""
    zone = zone_of(profile, sighting)
    habit = profile.habit
    if habit is None:
        habit = profile.habit = Habit(bytes(24), bytes(7), sighting.time, zone)
    if not habit.zone and zone:
        # The weights so far are in UTC: from now on the person's zone is known.
        habit.hours = _rotate(habit.hours, _shift(profile, sighting))
    if zone:
        habit.zone = zone
    if halvings := _halvings(habit, sighting.time):
        habit.hours, habit.weekdays = _aged(habit.hours, halvings), _aged(habit.weekdays, halvings)
        habit.since += halvings * HALF_LIFE
    hour, weekday = _local(profile, sighting, habit.zone)
    if habit.hours[hour] > _MOST or habit.weekdays[weekday] > _MOST:
        habit.hours, habit.weekdays = _aged(habit.hours, 1), _aged(habit.weekdays, 1)
    habit.hours = _add(habit.hours, hour, _LOGIN)
    habit.weekdays = _add(habit.weekdays, weekday, _LOGIN)


def forget_hour(profile: Profile, sighting: Sighting) -> None:
    """Take a login out that was trusted and should not have been."""
    if (habit := profile.habit) is None:
        return
    hour, weekday = _local(profile, sighting, habit.zone)
    habit.hours = _add(habit.hours, hour, -_LOGIN)
    habit.weekdays = _add(habit.weekdays, weekday, -_LOGIN)


def local_hour(profile: Profile, sighting: Sighting) -> int:
    """The hour of the event in the account's zone, 0 to 23."""
    habit = profile.habit
    return _local(profile, sighting, habit.zone if habit and habit.zone else zone_of(profile, sighting))[0]


def merge_habits(one: Profile, other: Profile) -> Habit | None:
    """The habit of two accounts that become one: weights added, the older ones aged, hours in the zone of the account
    whose zone is known best, else of the one with more logins."""
    if one.habit is None or other.habit is None:
        return one.habit or other.habit
    known, less = sorted((one, other), key=_certainty, reverse=True)
    habit, added = known.habit, less.habit
    assert habit is not None
    assert added is not None
    since = max(habit.since, added.since)
    shift = round((_offset(known, since, habit.zone) - _offset(less, since, added.zone)) / HOUR)
    hours = (_aged(habit.hours, _halvings(habit, since)), _rotate(_aged(added.hours, _halvings(added, since)), shift))
    weekdays = (_aged(habit.weekdays, _halvings(habit, since)), _aged(added.weekdays, _halvings(added, since)))
    sums = [[one + two for one, two in zip(*weights, strict=True)] for weights in (hours, weekdays)]
    # Both alike, or an hour and its weekday would tell of different pasts.
    halved = int(max(map(max, sums)) > _MOST + _LOGIN)
    return Habit(bytes(n >> halved for n in sums[0]), bytes(n >> halved for n in sums[1]), since, habit.zone)


def _certainty(profile: Profile) -> tuple[int, int, bytes]:
    habit = profile.habit
    assert habit is not None
    told = 2 if habit.zone not in ("", _BY_LONGITUDE) else int(habit.zone == _BY_LONGITUDE)
    return told, sum(habit.hours), msgspec.msgpack.encode(habit)


def zone_of(profile: Profile, sighting: Sighting) -> str:
    """The account's zone: as told with the event, else as told before, else by its usual longitude, else UTC."""
    if sighting.timezone is not None and find_zone(sighting.timezone) is not None:
        return sighting.timezone
    known = profile.habit.zone if profile.habit else ""
    if known and known != _BY_LONGITUDE:
        return known
    return _BY_LONGITUDE if profile.usual else ""


def _local(profile: Profile, sighting: Sighting, zone: str) -> tuple[int, int]:
    local = sighting.time + _offset(profile, sighting.time, zone)
    # The epoch was a Thursday.
    return local // HOUR % 24, (local // DAY + 3) % 7


def _offset(profile: Profile, time: int, zone: str) -> int:
    if zone == _BY_LONGITUDE:
        most = max(profile.usual, key=lambda place: place.logins, default=None)
        return round(most.lon / 15) * HOUR if most else 0
    return _zone_offset(zone, time // HOUR) if zone else 0


def _shift(profile: Profile, sighting: Sighting) -> int:
    return round(_offset(profile, sighting.time, zone_of(profile, sighting)) / HOUR)


@lru_cache(4096)
def _zone_offset(zone: str, hour: int) -> int:
    found = find_zone(zone)
    offset = to_datetime(hour * HOUR).astimezone(found).utcoffset() if found else None
    return round(offset.total_seconds() / 60) * MINUTE if offset else 0


def _halvings(habit: Habit, at: int) -> int:
    return max(0, (at - habit.since) // HALF_LIFE)


def _aged(weights: bytes, halvings: int) -> bytes:
    return bytes(weight >> halvings for weight in weights) if halvings else weights


def _rotate(weights: bytes, by: int) -> bytes:
    by %= len(weights)
    return weights[-by:] + weights[:-by] if by else weights


def _add(weights: bytes, at: int, weight: int) -> bytes:
    return weights[:at] + bytes((max(0, weights[at] + weight),)) + weights[at + 1 :]
