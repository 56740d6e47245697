"""Facts of the place and of the journey to it."""

from sentinel.events.clock import DAY
from sentinel.facts.look import Look
from sentinel.facts.registry import fact


@fact("place.known", "bool")
def place_known(look: Look) -> bool:
    """The country is known."""
    return look.sighting.place.country is not None


@fact("place.country", "string")
def place_country(look: Look) -> str:
    """Country as ISO 3166-1 alpha-2; empty when unknown."""
    return look.sighting.place.country or ""


@fact("place.region", "string")
def place_region(look: Look) -> str:
    """Region of the country; empty when unknown."""
    return look.sighting.place.region or ""


@fact("place.country_new", "bool", past=True, judged=True)
def place_country_new(look: Look) -> bool:
    """The country is known and not in the account's trusted past."""
    return look.sighting.place.country is not None and not look.country_trusted


@fact("place.country_trusted", "bool", past=True, judged=True)
def place_country_trusted(look: Look) -> bool:
    """The country is in the account's trusted past."""
    return look.country_trusted


@fact("travel.known", "bool", past=True, judged=True)
def travel_known(look: Look) -> bool:
    """There is an earlier trusted login with a place, and this one has one."""
    return look.travel is not None


@fact("travel.distance_km", "double", past=True, judged=True)
def travel_distance_km(look: Look) -> float | None:
    """Kilometres from the last trusted login's place (of a session's event: the session's), accuracy subtracted.

    Both accuracy radii are subtracted. Absent when a place is unknown or the network hides it.
    """
    return look.travel.distance_km if look.travel else None


@fact("travel.hours", "double", past=True, judged=True)
def travel_hours(look: Look) -> float | None:
    """Hours since that login."""
    return look.travel.hours if look.travel else None


@fact("travel.speed_kmh", "double", past=True, judged=True)
def travel_speed_kmh(look: Look) -> float | None:
    """Speed in km/h that the journey would have taken."""
    return look.travel.speed_kmh if look.travel else None


@fact("travel.between_trusted", "bool", past=True, judged=True)
def travel_between_trusted(look: Look) -> bool:
    """Device and network are both in the trusted past: an office VPN or remote desktop, not a journey."""
    return look.device_trusted and look.network_trusted


@fact("travel.stayed", "bool", past=True, judged=True)
def travel_stayed(look: Look) -> bool:
    """The last trusted, located login came from the same place, as far as can be told; false when that is unknown."""
    # Most logins: what is measured of them would be looked at for nothing.
    return look.travel is not None and look.travel.distance_km == 0


@fact("travel.mobile", "bool", past=True, judged=True)
def travel_mobile(look: Look) -> bool:
    """Either end of the journey is a mobile carrier's network, whose gateway may stand far from the person."""
    return look.sighting.network.kind == "mobile" or (look.reference is not None and look.reference.mobile)


@fact("travel.abroad", "bool", past=True, judged=True)
def travel_abroad(look: Look) -> bool:
    """Both ends of the journey are in known, different countries."""
    country, reference = look.sighting.place.country, look.reference
    if country is None or reference is None or reference.country is None:
        return False
    return country != reference.country


@fact("place.region_new", "bool", past=True, judged=True)
def place_region_new(look: Look) -> bool:
    """The region is known and not in the account's trusted past."""
    return look.region is not None and not look.region_trusted


@fact("place.region_trusted", "bool", past=True, judged=True)
def place_region_trusted(look: Look) -> bool:
    """The region is in the account's trusted past."""
    return look.region_trusted


@fact("place.country_days", "double", past=True, judged=True)
def place_country_days(look: Look) -> float | None:
    """Whole days since the last login from this country; absent when it is unknown or new."""
    return _days_since(look, "country", look.sighting.place.country) if look.country_trusted else None


@fact("place.region_days", "double", past=True, judged=True)
def place_region_days(look: Look) -> float | None:
    """Whole days since the last login from this region; absent when it is unknown or new."""
    return _days_since(look, "region", look.region) if look.region_trusted else None


@fact("place.usual_known", "bool", past=True, judged=True)
def place_usual_known(look: Look) -> bool:
    """The event has a place, the network does not hide it, and the account has usual places."""
    return look.usual_km is not None


@fact("place.usual_km", "double", past=True, judged=True)
def place_usual_km(look: Look) -> float | None:
    """Kilometres from the nearest of the account's usual places, both accuracy radii subtracted.

    Absent when the place is unknown, the network hides it, or there is no usual place.
    """
    return round(look.usual_km, 1) if look.usual_km is not None else None


def _days_since(look: Look, kind: str, key: str | None) -> float | None:
    value = look.value(kind, key)
    return float(max(0, look.sighting.time - value.last) // DAY) if value is not None else None
