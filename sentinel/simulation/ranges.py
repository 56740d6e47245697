"""Drawing address ranges: one pass over the packaged AS data, then samples of each provider's networks."""

import ipaddress
import re
from collections import defaultdict
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

import maxminddb

from sentinel.enrich.address import Address
from sentinel.enrich.countries import load_countries
from sentinel.enrich.databases import open_database
from sentinel.enrich.network import NetworkReader, asn_of
from sentinel.enrich.operators import load_operators
from sentinel.enrich.place import PlaceReader
from sentinel.simulation.world import COUNTRIES, HOMES

#: (base, version, ASN, country, region, lat, lon) of one network; see ``addresses.Site``.
Sample: TypeAlias = tuple[int, int, int, str, str | None, float, float]
#: (country, use, IP version, ASN, weight, its networks)
Drawn: TypeAlias = list[tuple[str, str, int, int, float, list[Sample]]]

#: Announced blocks no smaller than this are a provider's; below, only those of known hosting and VPN networks.
_PROVIDER_BITS: Final = {4: 20, 6: 32}
_SMALLEST_BITS: Final = {4: 24, 6: 48}
#: Use → providers taken of a country that people live in (the largest), networks looked at of each.
_TAKEN: Final = {
    "home": (8, 120),
    "mobile": (6, 120),
    "business": (12, 24),
    "hosting": (12, 24),
    "vpn": (8, 40),
    "relay": (4, 60),
}
#: The same of countries that people only travel to or attack from.
_TAKEN_ABROAD: Final = {"home": (6, 24), "hosting": (6, 12), "vpn": (4, 12)}
#: What providers are called whose kind the table does not tell: fixed lines and phones in one network.
_TELECOM: Final = re.compile(
    r"tele|comm?unic|vodafone|orange|broadband|cable|\bfib(er|re)|internet|virgin|\bsky\b|\bbt\b|free sas|bouygues|"
    r"comcast|charter|at&t enter|cox|rogers|\bbell\b|shaw|claro|vivo|reliance|airtel|\bntt\b|kddi|softbank|ziggo|kpn|"
    r"plusnet|netia|telia|tpg|optus|wind tre|fastweb|\btim\b|verizon",
    re.IGNORECASE,
)
#: Carriers of carriers and of companies, whose names say the same.
_NO_HOMES: Final = re.compile(r"verizon business|level 3|gtt|transatel|global|network services|province", re.IGNORECASE)


class _Block(NamedTuple):
    start: int
    bits: int


_Blocks: TypeAlias = dict[tuple[str, str, int], dict[int, list[_Block]]]


def scan(asns: Path, cities: Path) -> Drawn:
    """Read both databases and draw. The same files give the same ranges."""
    countries = load_countries()
    with open_database("asn", asns) as reader, open_database("city", cities) as place_reader:
        places, networks = PlaceReader(place_reader, countries), NetworkReader(reader, load_operators())
        blocks = _blocks(reader, place_reader, networks)
        drawn: Drawn = []
        for (country, use, version), found in sorted(blocks.items()):
            smallest = _SMALLEST_BITS[version]
            sizes = {asn: sum(2.0 ** (smallest - block.bits) for block in held) for asn, held in found.items()}
            taken, samples = (_TAKEN if country in HOMES else _TAKEN_ABROAD)[use]
            for asn in sorted(sizes, key=lambda asn: (-sizes[asn], asn))[:taken]:
                roll = Random(f"{country} {use} {version} {asn}")  # noqa: S311  # repeatable, nothing secret
                sites = _sample(found[asn], (country, use, version, asn, samples), places, networks, roll)
                if sites:
                    # By the root of the size: the largest has most people, the others have some.
                    drawn.append((country, use, version, asn, sizes[asn] ** 0.5, sites))
    return drawn


def _blocks(asns: maxminddb.Reader, cities: maxminddb.Reader, networks: NetworkReader) -> _Blocks:
    kinds = load_operators()
    found: _Blocks = defaultdict(lambda: defaultdict(list))
    homes: dict[int, bool] = {}
    for net, record in asns:
        version, bits = net.version, net.prefixlen
        if bits > _SMALLEST_BITS[version] or not isinstance(record, dict):
            continue
        asn, name = asn_of(record)
        if asn is None:
            continue
        kind = kinds.get(asn)
        rented = kind in ("hosting", "vpn")
        too_small = bits > _PROVIDER_BITS[version] and not rented
        if too_small or (version == 6 and kind not in (None, "mobile", "residential")):
            continue
        if kind is None or kind == "residential":
            if asn not in homes:
                homes[asn] = _is_home(kind, name or "")
            if not homes[asn]:
                continue
        address = net.network_address
        country = _country(cities.get(address))
        if country in (COUNTRIES if version == 4 else HOMES):
            if rented:
                kind = networks.lookup(address).kind
            use = "home" if kind in (None, "residential") else kind
            if use in (_TAKEN if country in HOMES else _TAKEN_ABROAD):
                found[country, use, version][asn].append(_Block(int(address), bits))
    return found


def _is_home(kind: str | None, name: str) -> bool:
    if _NO_HOMES.search(name):
        return False
    return kind == "residential" or _TELECOM.search(name) is not None


def _country(record: Any) -> str:
    return str(record["country"]["iso_code"]) if isinstance(record, dict) and "country" in record else ""


def _sample(
    blocks: list[_Block],
    wanted: tuple[str, str, int, int, int],
    places: PlaceReader,
    networks: NetworkReader,
    roll: Random,
) -> list[Sample]:
    country, use, version, asn, samples = wanted
    # What the daemon will see: some providers by name are hosting companies by address.
    kinds = (None, "residential") if use == "home" else (use,)
    smallest = _SMALLEST_BITS[version]
    weights = list(accumulate(min(2.0 ** (smallest - block.bits), 65536.0) for block in blocks))
    found: dict[int, Sample] = {}
    for _ in range(samples):
        block = roll.choices(blocks, cum_weights=weights)[0]
        start = block.start + (roll.randrange(1 << (smallest - block.bits)) << (8 if version == 4 else 80))
        address = _address(start + 1, version)
        place, network = places.lookup(address), networks.lookup(address)
        if place is None or place.country != country or network.asn != asn or network.kind not in kinds:
            continue
        assert place.lat is not None
        assert place.lon is not None
        base = start if version == 4 else start >> 64
        found[base] = (base, version, asn, country, place.region, place.lat, place.lon)
    return [found[base] for base in sorted(found)]


def _address(value: int, version: int) -> Address:
    return ipaddress.IPv4Address(value) if version == 4 else ipaddress.IPv6Address(value)
