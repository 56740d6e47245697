"""Journeys: who travels, where to, and how they reach the service from there."""

from random import Random
from typing import Final, NamedTuple

from sentinel.past.usual import great_circle_km
from sentinel.simulation.addresses import Addresses, Site
from sentinel.simulation.lines import DAY, YEAR
from sentinel.simulation.world import FAR, HOMES

#: Share of accounts that travel, and their trips a year (the issue's figures).
TRAVELLERS: Final = 0.30
TRIPS_A_YEAR: Final = 2.0
#: Share of trips to a neighbouring country.
_NEIGHBOUR: Final = 0.6
#: Nobody is online from leaving home until this long after: the way there and at its end, and the flight itself.
_ON_THE_WAY: Final = 4 * 3600.0
_CRUISE_KMH: Final = 750.0


class Trip(NamedTuple):
    """``leaves`` … ``back`` with the hotel's network and a local provider's; nobody is online on the way."""

    leaves: float
    arrives: float
    departs: float
    back: float
    hotel: Site
    around: Site


def trips(addresses: Addresses, home: Site, span: tuple[float, float], roll: Random) -> list[Trip]:
    """The journeys of one person over ``span``; mostly none. They do not overlap."""
    if roll.random() >= TRAVELLERS:
        return []
    begin, end = span
    found: list[Trip] = []
    moment = begin
    while True:
        moment += roll.expovariate(TRIPS_A_YEAR / YEAR)
        if moment >= end:
            return found
        neighbour = roll.random() < _NEIGHBOUR
        country = roll.choice(HOMES[home.country].neighbours if neighbour else FAR)
        if country == home.country:
            country = HOMES[home.country].neighbours[0]
        hotel, around = addresses.draw(country, "home", roll), addresses.draw(country, "home", roll)
        if hotel is None or around is None:
            continue
        near = [site for site in addresses.sites(country, "home") if site.region == hotel.region]
        around = roll.choice(near) if near else around
        way = _ON_THE_WAY + great_circle_km(home.lat, home.lon, hotel.lat, hotel.lon) / _CRUISE_KMH * 3600
        stay = roll.uniform(2, 14) * DAY
        leaves = max(moment, found[-1].back) if found else moment
        found.append(Trip(leaves, leaves + way, leaves + way + stay, leaves + 2 * way + stay, hotel, around))


def trip_at(held: list[Trip], moment: float) -> Trip | None:
    """The trip during which a moment lies, if any."""
    return next((trip for trip in held if trip.leaves <= moment < trip.back), None)
