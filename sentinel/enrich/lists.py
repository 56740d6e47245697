"""The operator's own lists of networks: one CIDR, address or ``AS123`` a line, ``#`` starts a comment."""

import contextlib
import ipaddress
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sentinel.enrich.address import Address
from sentinel.errors import FileError

#: What a list can say of its networks: known bad, one of the operator's own exits, or a kind of network.
LIST_KINDS: Final = (
    "listed",
    "office",
    "vpn",
    "proxy",
    "tor",
    "relay",
    "hosting",
    "residential",
    "mobile",
    "business",
    "satellite",
)

#: Longest line read, in characters; a binary file fails at once.
_LINE: Final = 1000

_ASN: Final = re.compile(r"AS([0-9]{1,10})", re.IGNORECASE | re.ASCII)


class NetworkList:
    """One list, loaded: which networks and autonomous systems it names."""

    def __init__(self, kind: str, networks: Iterable[tuple[int, int, int]], asns: frozenset[int]) -> None:
        """``networks`` are (version, first, last) with addresses as ints; they may overlap."""
        self.kind = kind
        self.asns = asns
        ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for version, first, last in networks:
            ranges[version].append((first, last))
        four = _merge(ranges[4])
        # Compact where it can be: lists of IPv4 networks run to a hundred thousand.
        self._four = array("L", [first for first, _ in four]), array("L", [last for _, last in four])
        six = _merge(ranges[6])
        self._six = [first for first, _ in six], [last for _, last in six]

    def __len__(self) -> int:
        return len(self._four[0]) + len(self._six[0]) + len(self.asns)

    def __contains__(self, address: Address) -> bool:
        number = int(address)
        firsts, lasts = self._four if address.version == 4 else self._six
        at = bisect_right(firsts, number) - 1
        return at >= 0 and number <= lasts[at]


class OperatorLists:
    """All lists together."""

    def __init__(self, lists: Iterable[NetworkList] = ()) -> None:
        self._lists = tuple(lists)

    def __len__(self) -> int:
        return sum(len(each) for each in self._lists)

    def kinds(self, address: Address, asn: int | None) -> frozenset[str]:
        """The kinds of all lists that name the address or its autonomous system."""
        return frozenset(each.kind for each in self._lists if address in each or (asn is not None and asn in each.asns))

    def counts(self) -> Mapping[str, int]:
        """Kind -> number of ranges and autonomous systems."""
        found: dict[str, int] = {}
        for each in self._lists:
            found[each.kind] = found.get(each.kind, 0) + len(each)
        return found


def read_list(kind: str, path: Path) -> NetworkList:
    """Read a list file.

    Raises :class:`~sentinel.errors.FileError` with the line when the file cannot be read or a line is none
    of the three forms. A prefix with host bits set (``192.0.2.7/24``) is refused: it is as likely a slip in
    the address as in the length.
    """
    if kind not in LIST_KINDS:
        raise FileError(str(path), f"unknown kind {kind!r}; one of {', '.join(LIST_KINDS)}")
    networks: list[tuple[int, int, int]] = []
    asns: set[int] = set()
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_LINE), ""), 1):
                text = line.partition("#")[0].strip()
                if not text:
                    continue
                if asn := _ASN.fullmatch(text):
                    asns.add(_asn(asn[1], path, number))
                else:
                    networks.append(_network(text, path, number))
    except OSError as error:
        raise FileError(str(path), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(str(path), "is not a text file in UTF-8") from error
    return NetworkList(kind, networks, frozenset(asns))


def _asn(digits: str, path: Path, line: int) -> int:
    asn = int(digits)
    if not 0 < asn < 1 << 32:
        raise FileError(str(path), "an AS number is between 1 and 4294967295", line=line)
    return asn


def _network(text: str, path: Path, line: int) -> tuple[int, int, int]:
    hint = "expected a CIDR such as 192.0.2.0/24, an address or AS64500"
    if "%" in text:
        raise FileError(str(path), hint, line=line)
    try:
        net = ipaddress.ip_network(text)
    except ValueError:
        with contextlib.suppress(ValueError):
            hint = f"has bits set after its length; did you mean {ipaddress.ip_network(text, strict=False)}?"
        raise FileError(str(path), hint, line=line) from None
    first, last = int(net.network_address), int(net.broadcast_address)
    if isinstance(net, ipaddress.IPv6Network) and net.prefixlen >= 96 and net.network_address.ipv4_mapped is not None:
        return 4, first & 0xFFFF_FFFF, last & 0xFFFF_FFFF
    return net.version, first, last


def _merge(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = merged[-1][0], last
        else:
            merged.append((first, last))
    return merged
