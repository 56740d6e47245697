"""Where attackers may sit: networks of the packaged data, by country and use, as sightings would have them."""

from functools import lru_cache
from random import Random
from typing import Final, Protocol

import msgspec

from sentinel.enrich.sighting import Enricher
from sentinel.events.event import Event
from sentinel.events.place import RENTED_KINDS, Network, Place
from sentinel.events.sighting import Sighting
from sentinel.simulation.addresses import Addresses

#: Networks drawn for each country and use, one address each: of a person's own country many, so that there are some of
#: the region; of each country of the world a few.
_SITES: Final = 200
_SITES_ABROAD: Final = 20
#: Shares of what an attacker with any address uses: somebody's home that was taken over, a rented machine, a phone.
_ANY: Final = (("home", 0.45), ("hosting", 0.3), ("vpn", 0.15), ("mobile", 0.1))
_TIME: Final = "2026-01-01T00:00:00Z"


class Origin(msgspec.Struct, frozen=True):
    """The part of a sighting that says where somebody is."""

    address: str | None
    prefix: str | None
    place: Place
    network: Network
    ipv6: bool

    @classmethod
    def of(cls, sighting: Sighting) -> "Origin":
        """Where an event came from."""
        return cls(sighting.address, sighting.prefix, sighting.place, sighting.network, sighting.ipv6)


class Elsewhere(Protocol):
    """Origins out of lists; ``None`` where a list has nothing."""

    def anywhere(self, roll: Random) -> Origin | None: ...
    def rented(self, country: str, roll: Random) -> Origin | None: ...
    def home(self, country: str, region: str | None, roll: Random) -> Origin | None: ...


class Listed:
    """Origins drawn from the packaged data, looked up like everybody's.

    What the operator's own data says of an address counts: one that it places in another country, or does not know for
    rented as it should be, is left out. What is drawn is the same each time, and kept: features compare with an
    account, so that no model can learn the addresses by heart.
    """

    def __init__(self, addresses: Addresses, enricher: Enricher, tenant: str) -> None:
        self._addresses, self._enricher, self._tenant = addresses, enricher, tenant
        self._countries = sorted(addresses.countries())
        self._held = lru_cache(maxsize=4096)(self._draw)
        self._near = lru_cache(maxsize=4096)(self._of_region)

    def anywhere(self, roll: Random) -> Origin | None:
        """Any network of the world."""
        use = roll.choices([name for name, _ in _ANY], [share for _, share in _ANY])[0]
        return self._one(roll.choice(self._countries), use, roll, _SITES_ABROAD)

    def rented(self, country: str, roll: Random) -> Origin | None:
        """A VPN's exit or a rented machine in a country."""
        first, second = roll.sample(("vpn", "hosting"), 2)
        return self._one(country, first, roll) or self._one(country, second, roll)

    def home(self, country: str, region: str | None, roll: Random) -> Origin | None:
        """Somebody's line in a country, in a region where one is named and the data has any there."""
        held = self._near(country, region)
        return roll.choice(held) if held else None

    def _of_region(self, country: str, region: str | None) -> list[Origin]:
        held = self._held(country, "home", _SITES)
        near = [each for each in held if each.place.region == region] if region is not None else []
        return near or held

    def _one(self, country: str, use: str, roll: Random, sites: int = _SITES) -> Origin | None:
        held = self._held(country, use, sites)
        return roll.choice(held) if held else None

    def _draw(self, country: str, use: str, sites: int = _SITES) -> list[Origin]:
        # Its own dice: what is drawn for a country must not depend on who asks first.
        roll = Random(f"{country}/{use}")  # noqa: S311  # repeatable, nothing secret
        found = []
        for _ in range(sites):
            site = self._addresses.draw(country, use, roll)
            if site is None:
                break
            told = {"id": "origin", "time": _TIME, "type": "login", "outcome": "success", "ip": site.host(roll)}
            origin = Origin.of(self._enricher.sight(self._tenant, msgspec.convert(told, Event)))
            rented = origin.network.kind in RENTED_KINDS
            if origin.place.country == country and rented == (use in RENTED_KINDS):
                found.append(origin)
        return found
