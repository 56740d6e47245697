"""Centres and sizes of countries."""

from collections.abc import Mapping
from importlib.resources import files

import msgspec


class Country(msgspec.Struct, frozen=True):
    """A country's centre in degrees, the radius in km that holds 90 % of its (weighted) places, and its
    name.
    """

    lat: float
    lon: float
    radius_km: float
    name: str


def load_countries() -> Mapping[str, Country]:
    """ISO 3166-1 alpha-2 -> country, from the packaged table (built by ``scripts/build_geo.py``)."""
    data = files("sentinel").joinpath("data/geo/countries.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, Country])
