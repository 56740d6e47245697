"""Centre and radius of each country, from where its addresses are."""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geo_build.places import CELLS_PER_DEGREE, Cell

EARTH_KM = 6371.0

#: No country is told from its neighbour within this distance (half a cell's diagonal, rounded up).
SMALLEST_KM = 50

#: Countries and territories without an address of their own in the city data: lat, lon, radius in km by hand.
BY_HAND: Mapping[str, tuple[float, float, int]] = {
    "AQ": (-80.0, 0.0, 3000),
    "BV": (-54.4, 3.4, 50),
    "CC": (-12.2, 96.8, 50),
    "CX": (-10.5, 105.7, 50),
    "EH": (24.2, -12.9, 500),
    "GS": (-54.3, -36.8, 500),
    "HM": (-53.1, 73.5, 50),
    "PN": (-25.1, -130.1, 300),
    "SJ": (78.2, 15.6, 300),
    "TF": (-49.3, 69.3, 2500),
    "UM": (19.3, 166.6, 5000),
    "XK": (42.6, 20.9, 60),
}


def centres(weights: Mapping[Cell, float], names: Path) -> dict[str, dict[str, Any]]:
    """ISO code -> lat, lon, radius_km, name.

    The centre is the mean of the country's cells on the sphere, each weighing the square root of its
    addresses (capitals hold most addresses, often only on paper). The radius holds 90 % of that weight.
    """
    cells: defaultdict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for cell, weight in weights.items():
        cells[cell.country].append((cell.lat / CELLS_PER_DEGREE, cell.lon / CELLS_PER_DEGREE, math.sqrt(weight)))
    found = {}
    with names.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            code = row["code"]
            if code in cells:
                lat, lon, radius = _centre(cells[code])
            elif code in BY_HAND:
                lat, lon, radius = BY_HAND[code]
            else:
                raise SystemExit(f"{code} is in {names.name} but has no place: add it to BY_HAND")
            found[code] = {
                "lat": round(lat, 1),
                "lon": round(lon, 1),
                "radius_km": radius,
                "name": row["name"],
            }
    missing = sorted(set(cells) - set(found))
    if missing:
        raise SystemExit(f"countries without a name: {missing}")
    return found


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance in kilometres."""
    a, b = math.radians(lat1), math.radians(lat2)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def _centre(cells: list[tuple[float, float, float]]) -> tuple[float, float, int]:
    x = y = z = 0.0
    for lat, lon, weight in cells:
        x += weight * math.cos(math.radians(lat)) * math.cos(math.radians(lon))
        y += weight * math.cos(math.radians(lat)) * math.sin(math.radians(lon))
        z += weight * math.sin(math.radians(lat))
    lat, lon = math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))
    total, seen = sum(weight for _, _, weight in cells), 0.0
    radius = 0.0
    for distance, weight in sorted((distance_km(lat, lon, a, b), weight) for a, b, weight in cells):
        seen, radius = seen + weight, distance
        if seen >= 0.9 * total:
            break
    return lat, lon, max(SMALLEST_KM, 10 * math.ceil(radius / 10))
