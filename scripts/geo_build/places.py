"""City records to coarse places: half-degree cells of a country, named after their largest city."""

import re
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from geo_build.mmdb import Source
from geo_build.trie import Leaves

#: Cells a degree. Half a degree is 55 km at the equator: finer would claim more than the data knows
#: (two vendors' cities differ by 15 km in the median and by 151 km in every fourth case).
CELLS_PER_DEGREE = 2

#: Radius in km written beside each cell: half a cell's diagonal (39 km) and most of the difference between
#: vendors.
ACCURACY_KM = 100

#: Blocks are no smaller than these many bits. Networks are told apart by /24 and /48 elsewhere too;
#: below /44 the city data for IPv6 mostly repeats the holder's postal address and triples the size.
FLOOR_V4, FLOOR_V6 = 24, 44


class Cell(NamedTuple):
    """A coarse place; ``lat`` and ``lon`` are in steps of ``1 / CELLS_PER_DEGREE`` degrees."""

    country: str
    lat: int
    lon: int


class Places:
    """Numbers cells (from 1) over several sources and remembers which city and region cover most of each."""

    def __init__(self) -> None:
        self.cells: dict[Cell, int] = {}
        self._cities: defaultdict[int, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._regions: defaultdict[int, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.weight: defaultdict[Cell, float] = defaultdict(float)

    def add(self, source: Source, width: int, *, importance: float) -> Leaves:
        """Take in a source's records; return its leaves as cell numbers.

        A record weighs the addresses it covers, one prefix at most as much as a /16: the postal address of
        the holder of a whole /8 is not the largest city of anything. ``importance`` scales one source
        against another.
        """
        weights = source.sizes(width, cap=65536.0) * importance
        numbers = [0]
        for record, weight in zip(source.records, weights[1:].tolist(), strict=True):
            cell = _cell(record)
            number = self.cells.setdefault(cell, len(self.cells) + 1) if cell else 0
            numbers.append(number)
            if cell:
                self._cities[number][city_name(record.get("city") or "")] += weight
                self._regions[number][record.get("state1") or ""] += weight
                self.weight[cell] += weight
        table = np.array(numbers, np.int64)
        return {depth: (prefixes, table[values]) for depth, (prefixes, values) in source.leaves.items()}

    def records(self) -> list[dict[str, Any]]:
        """The cells in MaxMind's City shape, in order of their numbers."""
        found = []
        for cell, number in self.cells.items():
            record: dict[str, Any] = {"country": {"iso_code": cell.country}}
            city, region = _most(self._cities[number]), _most(self._regions[number])
            if city:
                record["city"] = {"names": {"en": city}}
            if region:
                record["subdivisions"] = [{"names": {"en": region}}]
            record["location"] = {
                "latitude": cell.lat / CELLS_PER_DEGREE,
                "longitude": cell.lon / CELLS_PER_DEGREE,
                "accuracy_radius": ACCURACY_KM,
            }
            found.append(record)
        return found


def city_name(name: str) -> str:
    """Drop the district: ``Los Angeles (Playa Vista)`` is Los Angeles."""
    return re.sub(r"\s*\(.*\)$", "", name).strip()


def _cell(record: dict[str, Any]) -> Cell | None:
    country = record.get("country_code") or ""
    if not re.fullmatch(r"[A-Z]{2}", country) or country == "ZZ":
        return None
    lat, lon = record["latitude"], record["longitude"]
    return Cell(country, round(lat * CELLS_PER_DEGREE), round(lon * CELLS_PER_DEGREE))


def _most(weights: dict[str, float]) -> str:
    return max(weights, key=lambda name: (weights[name], name))
