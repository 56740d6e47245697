"""ASN ranges from CSV (start, end, ASN, organisation) to leaves of a trie."""

import csv
import gzip
import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from geo_build.trie import Leaves, Prefixes, Values

#: Announcements longer than these are not routed on the public internet.
FLOOR_V4, FLOOR_V6 = 24, 48


class Holders:
    """Numbers (ASN, organisation) pairs from 1, and counts the addresses each announces."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.names: dict[int, str] = {}
        self.v4: defaultdict[int, int] = defaultdict(int)

    def add(self, path: Path) -> Leaves:
        """Take in a CSV file (plain or .gz); ranges must not overlap."""
        found: defaultdict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for first, last, asn, name in self._rows(path):
            number = self.numbers.setdefault(asn, len(self.numbers) + 1)
            self.names.setdefault(asn, name)
            for depth, prefix in blocks(int(first), int(last), first.max_prefixlen):
                found[depth][0].append(prefix)
                found[depth][1].append(number)
            if first.version == 4:
                self.v4[asn] += int(last) - int(first) + 1
        return {d: _sorted(np.array(p, np.uint64), np.array(v, np.int64)) for d, (p, v) in found.items()}

    def records(self) -> list[dict[str, Any]]:
        """The holders in MaxMind's ASN shape, in order of their numbers."""
        return [
            {"autonomous_system_number": asn, "autonomous_system_organization": self.names[asn]} for asn in self.numbers
        ]

    def _rows(self, path: Path) -> Iterator[tuple[Any, Any, int, str]]:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for start, end, asn, name in csv.reader(lines):
                yield ipaddress.ip_address(start), ipaddress.ip_address(end), int(asn), name


def blocks(first: int, last: int, bits: int) -> Iterator[tuple[int, int]]:
    """The prefixes (length, value of its bits) that exactly cover a range; IPv6 below /64 is cut off."""
    if bits == 128:
        first, last, bits = first >> 64, last >> 64, 64
    while first <= last:
        size = min((first & -first).bit_length() - 1 if first else bits, (last - first + 1).bit_length() - 1)
        yield bits - size, first >> size
        first += 1 << size


def _sorted(prefixes: Prefixes, values: Values) -> tuple[Prefixes, Values]:
    # The first of two holders of one block stands (ranges that meet inside one /64).
    unique, first = np.unique(prefixes, return_index=True)
    return unique, values[first]
