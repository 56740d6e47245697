"""Where a person's devices are at a time, and which address the service sees them at."""

from random import Random
from typing import Final

from sentinel.simulation.addresses import Addresses
from sentinel.simulation.lines import near
from sentinel.simulation.people import Person
from sentinel.simulation.trips import trip_at

#: Shares of a phone's connections at home: the household's Wi-Fi, the carrier, another's Wi-Fi (the rest).
_PHONE_HOME, _PHONE_CARRIER = 0.55, 0.41
#: Share of a computer's connections from the line at home; the rest from cafés, libraries, friends.
_COMPUTER_HOME: Final = 0.96
#: Share of a computer at work's days that are spent at home.
_WORK_FROM_HOME: Final = 0.3
#: Abroad: phones roaming on the carrier at home, and connections from the hotel instead of somewhere around.
_ROAMING, _HOTEL = 0.5, 0.8
#: A VPN's favourite exit.
_FAVOURITE: Final = 0.7


class Whereabouts:
    """One person's."""

    def __init__(self, person: Person, addresses: Addresses, roll: Random) -> None:
        self._person = person
        self._addresses = addresses
        self._roll = roll
        self._around = near(addresses.sites(person.country, "home"), person.home.site, 60.0)

    def is_reachable(self, at: float) -> bool:
        """Not on the way to or from somewhere."""
        trip = trip_at(self._person.trips, at)
        return trip is None or trip.arrives <= at < trip.departs

    def is_away(self, at: float) -> bool:
        """On a trip."""
        return trip_at(self._person.trips, at) is not None

    def address(self, at: float, device: str) -> tuple[str, str]:
        """What the service sees of a device, and the country the person is in as far as that shows."""
        person, roll = self._person, self._roll
        trip = trip_at(person.trips, at)
        if person.is_service:
            return person.home.address(at, roll), person.country
        if device == "work" and person.office is not None and trip is None:
            at_home = Random(f"{person.number}/{int(at // 86_400)}").random() < _WORK_FROM_HOME  # noqa: S311
            return (person.home if at_home else person.office).address(at, roll), person.country
        if person.vpn:
            return (person.vpn[0] if roll.random() < _FAVOURITE else roll.choice(person.vpn)).host(roll), person.country
        if device == "phone" and person.relay:
            return roll.choice(person.relay).host(roll), person.country
        if trip is not None:
            if device == "phone" and roll.random() < _ROAMING:
                return person.carriers.address(self._addresses, roll), person.country
            site = trip.hotel if roll.random() < _HOTEL else trip.around
            return site.host(roll), site.country
        where = roll.random()
        if device == "phone":
            if where < _PHONE_HOME:
                return person.home.address(at, roll), person.country
            if where < _PHONE_HOME + _PHONE_CARRIER:
                return person.carriers.address(self._addresses, roll), person.country
        elif where < _COMPUTER_HOME:
            return person.home.address(at, roll), person.country
        return (roll.choice(self._around) if self._around else person.home.site).host(roll), person.country
