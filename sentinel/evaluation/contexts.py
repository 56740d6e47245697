"""What an attacker logs in with: an address and a browser, drawn from the packaged data and real browsers' shares.

Written apart from what makes impostors for training: a model that only knows its own kind of impostor shall not shine.
"""

from datetime import date
from random import Random
from typing import Final, NamedTuple

import msgspec

from sentinel.enrich.device import describe
from sentinel.events.sighting import Sighting
from sentinel.past.profile import Profile
from sentinel.past.usual import great_circle_km
from sentinel.simulation.addresses import Addresses, Site
from sentinel.simulation.agents import Agents
from sentinel.simulation.world import COUNTRIES

#: Draws of a browser until one is of the wanted sort; sorts that real people have turn up sooner.
_DRAWS: Final = 60
#: Days that an attacker's browser is behind a release.
_LAG: Final = 5
#: Kilometres that a millisecond of round-trip time stands for: light in fibre goes 100, and no cable is straight.
_KM_A_MS: Final = 60.0


class Victim(NamedTuple):
    """What somebody who looked the person up knows: the usual country, region, network, and browsers, best first."""

    country: str | None
    region: str | None
    asn: int | None
    classes: tuple[str, ...]  #: browser, system and type, as ``Chrome|Windows|desktop``


class Client(NamedTuple):
    """An attacker's machine: where it is and what it says it is."""

    site: Site
    ip: str
    agent: str
    device_id: str


def victim_of(profile: Profile, sighting: Sighting) -> Victim:
    """What the account's trusted past shows most of; what it does not tell, the login at hand does."""

    def usual(kind: str) -> list[str]:
        values = profile.values.get(kind, {})
        trusted = [key for key, value in values.items() if value.trusted_at and not value.compromised]
        return sorted(trusted, key=lambda key: (-values[key].support, key))

    countries, networks = usual("country"), usual("network")
    country = countries[0] if countries else sighting.place.country
    regions = [key.partition("/")[2] for key in usual("region") if country and key.startswith(f"{country}/")]
    classes = usual("device_class") or ([sighting.device_class] if sighting.device_class else [])
    asn = int(networks[0].removeprefix("AS")) if networks else sighting.network.asn
    return Victim(country, regions[0] if regions else sighting.place.region, asn, tuple(classes))


class Contexts:
    """Draws clients; ``None`` where the address data has nothing of the sort in the country."""

    def __init__(self, addresses: Addresses, agents: Agents) -> None:
        self._addresses = addresses
        self._agents = agents

    def anywhere(self, roll: Random) -> Site:
        """A network anywhere in the world, a home's or a rented one."""
        while True:
            site = self._addresses.draw(roll.choice(sorted(COUNTRIES)), roll.choice(("home", "hosting", "vpn")), roll)
            if site is not None:
                return site

    def rented(self, country: str | None, roll: Random) -> Site | None:
        """A VPN's exit or a rented machine in a country."""
        for use in roll.sample(("vpn", "hosting"), 2):
            if country is not None and (site := self._addresses.draw(country, use, roll)) is not None:
                return site
        return None

    def near(self, victim: Victim, use: str, roll: Random, *, same_network: bool = False) -> Site | None:
        """A ``home`` or ``mobile`` network in the victim's region, else country; of the same provider, if wanted and if
        it is there, else of another."""
        if victim.country is None:
            return None
        sites = self._addresses.sites(victim.country, use)
        own = [site for site in sites if (site.asn == victim.asn) == same_network] or sites
        around = [site for site in own if victim.region is not None and site.region == victim.region]
        return roll.choice(around or own) if own else None

    def popular(self, day: date, roll: Random) -> str:
        """A browser that many have."""
        return self._agents.popular("desktop", roll).at(day, _LAG)

    def like(self, device_class: str | None, day: date, roll: Random, *, other_browser: bool = False) -> str:
        """A browser of a class, or another one on the same system; the nearest there is."""
        wanted, system, kind = (device_class or "||").rsplit("|", 2)
        sort = "mobile" if kind in ("mobile", "tablet") else "desktop"
        nearest = None
        for _ in range(_DRAWS):
            agent = self._agents.draw(sort, roll).at(day, _LAG)
            device = describe(agent)
            if device.os == system:
                nearest = agent
                if (device.browser == wanted) != other_browser:
                    return agent
        return nearest or self.popular(day, roll)


def client(site: Site, agent: str, roll: Random) -> Client:
    """A machine at a site that the service has never seen."""
    return Client(site, site.host(roll), agent, f"d-{roll.getrandbits(80):020x}")


def round_trip(sighting: Sighting, site: Site, roll: Random) -> float | None:
    """Milliseconds that the service would measure to ``site``: those to the person and the way from there."""
    if sighting.rtt_ms is None:
        return None
    place, away = sighting.place, 0.0
    if place.lat is not None and place.lon is not None:
        away = great_circle_km(place.lat, place.lon, site.lat, site.lon)
    return round(sighting.rtt_ms * roll.uniform(0.8, 1.3) + away / _KM_A_MS, 1)


def as_account(sighting: Sighting, victim: Sighting) -> Sighting:
    """A sighting made of synthetic values, put onto the victim's account."""
    return msgspec.structs.replace(
        sighting,
        account=victim.account,
        tags=victim.tags,
        account_created=victim.account_created,
        timezone=victim.timezone,
        service=victim.service,
    )
