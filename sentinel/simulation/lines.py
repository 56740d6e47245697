"""How people reach the service: lines at home and at work, phones on carriers' networks, VPN exits, hotels."""

from bisect import bisect_right
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from sentinel.past.usual import great_circle_km
from sentinel.simulation.addresses import Addresses, Site

DAY: Final = 86_400.0
YEAR: Final = 365.25 * DAY

#: A provider's gateways and pools serve a place from within about this far, in kilometres.
_NEAR_KM: Final = 150.0
#: Mean days that a line keeps its address, and shares of lines: daily in some countries, for good in others.
_LEASES: Final = ((1.0, 0.08), (30.0, 0.30), (120.0, 0.40), (2000.0, 0.22))
#: Share of new leases from a pool that the data places elsewhere in the country.
_MISPLACED: Final = 0.03
#: Share of lines with IPv6 beside IPv4; share of connections over it where there is.
_DUAL_STACK, _OVER_V6 = 0.5, 0.6
#: Mean years with one provider at one address.
_CONTRACT_YEARS: Final = 8.0
#: How often each of a phone's three networks serves it: its carrier, a national roaming partner, a second contract.
_CARRIER_SHARES: Final = (0.70, 0.20, 0.10)
#: Connections through a gateway near by (or one of the nearest); the others come out anywhere in the country.
_NEAR_GATEWAY, _NEAREST = 0.9, 6


class Lease(NamedTuple):
    """An address as long as a line has it."""

    since: float
    v4: str
    v6: Site | None


@dataclass(slots=True)
class Line:
    """A fixed line; everybody behind it has its IPv4 address."""

    site: Site
    leases: list[Lease]
    _starts: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starts = [lease.since for lease in self.leases]

    def address(self, at: float, roll: Random) -> str:
        """What the service sees of a connection at a time (seconds since 1970)."""
        lease = self.leases[max(0, bisect_right(self._starts, at) - 1)]
        if lease.v6 is not None and roll.random() < _OVER_V6:
            return lease.v6.host(roll)
        return lease.v4


def near(sites: list[Site], of: Site, km: float = _NEAR_KM) -> list[Site]:
    """Those of ``sites`` not farther than ``km`` kilometres."""
    return [site for site in sites if great_circle_km(of.lat, of.lon, site.lat, site.lon) <= km]


def home_line(addresses: Addresses, site: Site, span: tuple[float, float], roll: Random) -> Line:
    """A household's line that begins at ``site`` and changes addresses, at times the provider, over ``span``."""
    begin, end = span
    leases: list[Lease] = []
    current, moment = site, begin
    while moment < end:
        contract_ends = moment + roll.expovariate(1 / (_CONTRACT_YEARS * YEAR))
        mean = roll.choices([days for days, _ in _LEASES], [share for _, share in _LEASES])[0] * DAY
        pools = _Pools.of(addresses, current, dual=roll.random() < _DUAL_STACK)
        while moment < min(contract_ends, end):
            leases.append(_lease(pools, moment, roll))
            moment += max(DAY / 2, roll.expovariate(1 / mean))
        moment = min(moment, contract_ends)
        others = near(addresses.sites(site.country, "home"), site)
        current = roll.choice(others) if others else site
    return Line(site, leases)


def office_line(addresses: Addresses, site: Site, roll: Random) -> Line:
    """A company's line near ``site``: its own network, or a provider's; one address for everybody, for good."""
    found = near(addresses.sites(site.country, "business"), site) if roll.random() < 0.5 else []
    place = roll.choice(found or near(addresses.sites(site.country, "home"), site) or [site])
    return Line(place, [Lease(0.0, place.host(roll), None)])


class _Pools(NamedTuple):
    """Networks that a provider gives addresses from: all, those near by, and for IPv6."""

    all: list[Site]
    close: list[Site]
    v6: list[Site]

    @classmethod
    def of(cls, addresses: Addresses, site: Site, *, dual: bool) -> "_Pools":
        held = addresses.sites(site.country, "home", site.asn)
        v6 = addresses.sites(site.country, "home", site.asn, 6) if dual else []
        # The data knows little of IPv6: often it names the provider's seat, wherever the line is.
        return cls(held or [site], near(held, site) or [site], near(v6, site) or v6)


def _lease(pools: _Pools, since: float, roll: Random) -> Lease:
    v4 = roll.choice(pools.all if roll.random() < _MISPLACED else pools.close)
    return Lease(since, v4.host(roll), roll.choice(pools.v6).subnet(roll) if pools.v6 else None)


@dataclass(slots=True)
class Carriers:
    """The three mobile networks of a phone; an address of a carrier's gateway for each connection."""

    home: Site
    asns: list[int]
    _pools: dict[int, tuple[list[Site], list[Site], list[Site], list[Site]]] = field(default_factory=dict)

    @classmethod
    def draw(cls, addresses: Addresses, home: Site, roll: Random) -> "Carriers":
        """Three of the country's; where the data tells fewer, providers that have both lines and phones."""
        found = addresses.providers(home.country, "mobile")
        more = [asn for asn in addresses.providers(home.country, "home") if asn not in found]
        asns = roll.sample(found, min(3, len(found)))
        return cls(home, asns + more[: 3 - len(asns)])

    def address(self, addresses: Addresses, roll: Random) -> str:
        """A connection at home or, roaming, abroad: the carrier at home lets it out."""
        asn = roll.choices(self.asns, _CARRIER_SHARES[: len(self.asns)])[0]
        if asn not in self._pools:
            use = "mobile" if asn in addresses.providers(self.home.country, "mobile") else "home"
            pool = addresses.sites(self.home.country, use, asn)
            v6 = addresses.sites(self.home.country, use, asn, 6)
            self._pools[asn] = (pool, _gateways(pool, self.home), v6, _gateways(v6, self.home))
        pool, close, v6, close_v6 = self._pools[asn]
        if v6 and roll.random() < _OVER_V6 / 2:
            pool, close = v6, close_v6
        return roll.choice(close if roll.random() < _NEAR_GATEWAY else pool).subnet(roll).host(roll)


def _gateways(pool: list[Site], home: Site) -> list[Site]:
    by_distance = sorted(pool, key=lambda site: great_circle_km(home.lat, home.lon, site.lat, site.lon))
    return near(pool, home) or by_distance[:_NEAREST]
