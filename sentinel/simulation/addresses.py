"""Real address ranges by country and use, drawn from the packaged AS and place data when they are needed.

Nothing of it is committed. The ranges are those the daemon's own look-up places in the wanted country, so people do
not live where the data says nobody does, while its errors within a country are felt.
"""

import ipaddress
from itertools import accumulate
from pathlib import Path
from random import Random

import msgspec

from sentinel.enrich.databases import unpack, write_atomically
from sentinel.simulation.ranges import Drawn, scan

#: Counted up when the drawing changes, so that a former one is not read back.
_VERSION = 1


class Site(msgspec.Struct, frozen=True, array_like=True):
    """One network (/24, or a /48 of IPv6) and where the packaged data places it."""

    base: int  #: first address of it, without the low 64 bits for IPv6
    version: int
    asn: int
    country: str
    region: str | None
    lat: float
    lon: float

    def subnet(self, roll: Random) -> "Site":
        """A /64 of a /48: what a household or a phone has. A /24 is its own."""
        return self if self.version == 4 else msgspec.structs.replace(self, base=self.base + roll.getrandbits(16))

    def host(self, roll: Random) -> str:
        """Any host of a /24 or of a /64."""
        if self.version == 4:
            return str(ipaddress.IPv4Address(self.base + roll.randrange(1, 255)))
        return str(ipaddress.IPv6Address((self.base << 64) + roll.getrandbits(64)))


class Addresses:
    """What may be drawn from; see :meth:`load`."""

    def __init__(self, drawn: Drawn) -> None:
        self._sites: dict[tuple[str, str, int], dict[int, list[Site]]] = {}
        self._weights: dict[tuple[str, str, int], list[float]] = {}
        for country, use, version, asn, weight, sites in drawn:
            key = (country, use, version)
            self._sites.setdefault(key, {})[asn] = [Site(*site) for site in sites]
            self._weights.setdefault(key, []).append(weight)
        self._cumulated = {key: list(accumulate(weights)) for key, weights in self._weights.items()}

    @classmethod
    def load(cls, state: Path) -> "Addresses":
        """From the packaged data, unpacked below ``state`` as the daemon does.

        Some ten seconds once for each version of the data; what was drawn is kept beside it.

        Raises :class:`sentinel.errors.FileError`.
        """
        asns, cities = unpack("asn", state), unpack("city", state)
        name = f"simulation-{_VERSION}-{asns.stem.rpartition('-')[2]}-{cities.stem.rpartition('-')[2]}.msgpack"
        kept = state / "geo" / name
        try:
            drawn = msgspec.msgpack.decode(kept.read_bytes(), type=Drawn)
        except (OSError, msgspec.MsgspecError):
            drawn = scan(asns, cities)
            write_atomically(kept, msgspec.msgpack.encode(drawn))
        return cls(drawn)

    def countries(self) -> set[str]:
        """Countries that there are homes in."""
        return {country for country, use, _ in self._sites if use == "home"}

    def providers(self, country: str, use: str, version: int = 4) -> list[int]:
        """AS numbers of a use (``home``, ``mobile``, ``business``, ``hosting``, ``vpn``, ``relay``), largest first."""
        return list(self._sites.get((country, use, version), {}))

    def sites(self, country: str, use: str, asn: int | None = None, version: int = 4) -> list[Site]:
        """Networks of one provider, or of all, that the data places in the country; may be none."""
        found = self._sites.get((country, use, version), {})
        if asn is not None:
            return found.get(asn, [])
        return [site for sites in found.values() for site in sites]

    def draw(self, country: str, use: str, roll: Random) -> Site | None:
        """An IPv4 network of a provider drawn by its size; ``None`` where there is none."""
        found = self._sites.get((country, use, 4))
        if not found:
            return None
        asn = roll.choices(list(found), cum_weights=self._cumulated[country, use, 4])[0]
        return roll.choice(found[asn])
