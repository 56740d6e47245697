"""Facts of the place and of the journey to it."""

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
    country = look.sighting.place.country
    return country is not None and not look.trusts("country", country)


@fact("place.country_trusted", "bool", past=True, judged=True)
def place_country_trusted(look: Look) -> bool:
    """The country is in the account's trusted past."""
    return look.trusts("country", look.sighting.place.country)


@fact("travel.known", "bool", past=True, judged=True)
def travel_known(look: Look) -> bool:
    """There is an earlier trusted login with a place, and this one has one."""
    return look.travel is not None


@fact("travel.distance_km", "double", past=True, judged=True)
def travel_distance_km(look: Look) -> float | None:
    """Kilometres from the last trusted login's place, both accuracy radii subtracted.

    Absent when a place is unknown or the network hides it.
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
