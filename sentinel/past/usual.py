"""Where somebody usually logs in from: a few spots, and how far an event is from the nearest."""

from math import asin, cos, radians, sin, sqrt
from typing import Final

from msgspec.structs import replace

from sentinel.events.clock import DAY
from sentinel.events.sighting import Sighting
from sentinel.past.profile import MAX_USUAL, Profile, UsualPlace

#: Networks whose address says nothing about where the person is: never a reference for travel.
PLACELESS_KINDS: Final = frozenset({"vpn", "proxy", "tor", "relay", "hosting", "satellite"})

#: Logins this near are from one spot: two databases' cities for one address differ by 15 km in the median and by
#: 151 km in every fourth case (kilometres).
_ONE_SPOT: Final = 100.0

#: A spot is usual for a year after the last login from it, as long as raw values may be kept.
_REMEMBERED: Final = 365 * DAY

#: Mean radius of the earth in kilometres (IUGG).
_EARTH_KM: Final = 6371.0


def has_place(sighting: Sighting) -> bool:
    """Whether the event tells where the person is: coordinates, through a network that does not hide them.

    The operator's own exits do: a whole company comes out of one of them, wherever its people are.
    """
    network = sighting.network
    return sighting.place.lat is not None and network.kind not in PLACELESS_KINDS and not network.office


def note_place(profile: Profile, sighting: Sighting) -> None:
    """Enter a trusted login's spot. The ones longest unused go first."""
    lat, lon = sighting.place.lat, sighting.place.lon
    if lat is None or lon is None:
        return
    accuracy = sighting.place.accuracy_km or 0.0
    for spot in profile.usual:
        if (spot.lat == lat and spot.lon == lon) or great_circle_km(spot.lat, spot.lon, lat, lon) <= _ONE_SPOT:
            spot.last, spot.logins = max(spot.last, sighting.time), spot.logins + 1
            spot.accuracy_km = min(spot.accuracy_km, accuracy)
            return
    profile.usual.append(UsualPlace(lat, lon, accuracy, sighting.time))
    if len(profile.usual) > MAX_USUAL:
        profile.usual.remove(min(profile.usual, key=lambda spot: spot.last))


def merge_usual(one: list[UsualPlace], other: list[UsualPlace]) -> list[UsualPlace]:
    """The spots of two accounts that become one; what is near a spot with more logins is counted there."""
    if not one or not other:
        return [*one, *other]
    found: list[UsualPlace] = []
    for spot in sorted((*one, *other), key=lambda spot: (-spot.logins, -spot.last, spot.lat, spot.lon)):
        near = next(
            (known for known in found if great_circle_km(known.lat, known.lon, spot.lat, spot.lon) <= _ONE_SPOT), None
        )
        if near is None:
            found.append(replace(spot))
        else:
            near.last, near.logins = max(near.last, spot.last), near.logins + spot.logins
            near.accuracy_km = min(near.accuracy_km, spot.accuracy_km)
    while len(found) > MAX_USUAL:
        found.remove(min(found, key=lambda spot: spot.last))
    return found


def forget_place(profile: Profile, sighting: Sighting) -> None:
    """Take a login out that was trusted and should not have been."""
    lat, lon = sighting.place.lat, sighting.place.lon
    if lat is None or lon is None or not has_place(sighting):
        return
    for spot in profile.usual:
        if great_circle_km(spot.lat, spot.lon, lat, lon) <= _ONE_SPOT:
            spot.logins -= 1
            if not spot.logins:
                profile.usual.remove(spot)
            return


def usual_km(profile: Profile, sighting: Sighting) -> float | None:
    """Kilometres from the nearest usual spot, both accuracy radii subtracted; ``None`` when there is none."""
    lat, lon = sighting.place.lat, sighting.place.lon
    if lat is None or lon is None or not has_place(sighting):
        return None
    nearest = None
    for spot in profile.usual:
        if spot.last + _REMEMBERED < sighting.time:
            continue
        if spot.lat == lat and spot.lon == lon:
            return 0.0
        apart = great_circle_km(spot.lat, spot.lon, lat, lon) - spot.accuracy_km
        if nearest is None or apart < nearest:
            nearest = apart
    return None if nearest is None else max(0.0, nearest - (sighting.place.accuracy_km or 0.0))


def great_circle_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Distance over the ground in kilometres (haversine); degrees in.

    >>> round(great_circle_km(48.9, 2.4, 35.7, 139.7))
    9711
    """
    phi1, phi2 = radians(lat1), radians(lat2)
    half_phi, half_lambda = (phi2 - phi1) / 2, radians(lon2 - lon1) / 2
    chord = sin(half_phi) ** 2 + cos(phi1) * cos(phi2) * sin(half_lambda) ** 2
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, chord)))
