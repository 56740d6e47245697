"""What is known of the networks' operators, by autonomous system: kind and size."""

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


def load_large() -> frozenset[int]:
    """Autonomous systems that announce more than 4,096 IPv4 addresses (a /20), from the packaged table.

    All others are small: one customer may rent all of theirs, as one tries passwords from a /32 of IPv6. IPv4
    measures how many people are behind a network; of IPv6 even a hobby gets more than all of IPv4.
    """
    data = files("sentinel").joinpath("data/geo/large.json").read_bytes()
    return frozenset(msgspec.json.decode(data, type=dict[str, list[int]])["large"])
