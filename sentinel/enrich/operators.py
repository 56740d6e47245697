"""Kinds of the networks' operators, by autonomous system."""

from collections.abc import Mapping
from importlib.resources import files

import msgspec


def load_operators() -> Mapping[int, str]:
    """ASN -> kind (``mobile``, ``satellite``, ``hosting``, …), from the packaged table.

    ``scripts/build_geo.py`` makes it from the organisations' names and a table reviewed by hand. Carriers
    that run fixed lines and phones in one autonomous system are not in it: there the kind stays unknown.
    """
    data = files("sentinel").joinpath("data/geo/operators.json").read_bytes()
    table = msgspec.json.decode(data, type=dict[str, list[int]])
    return {asn: kind for kind, asns in table.items() for asn in asns}
