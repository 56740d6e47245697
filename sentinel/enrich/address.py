"""Addresses: text to address, which are reserved, and the bytes that stand for an address and its network.

Nothing here keeps an address but a small cache; pseudonyms are made of the bytes elsewhere.
"""

import ipaddress
from functools import lru_cache
from typing import Final, TypeAlias

from sentinel.errors import FieldError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Remembered addresses: people come back within minutes, so this serves nearly all of them; about 200 bytes each.
CACHE_SIZE: Final = 65_536

#: Ranges that ``ipaddress`` calls global or knows only in newer versions, yet that are nobody's place:
#: shared address space of carriers (RFC 6598), benchmarking (RFC 2544, RFC 5180), documentation (RFC 5737,
#: 3849, 9637), ORCHID (RFC 4843, 7343), discard (RFC 6666), former site-local (RFC 3879), local NAT64 (RFC
#: 8215), dummy and reserved space.
_RESERVED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "240.0.0.0/4",
        "64:ff9b:1::/48", "100::/64", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32",
        "3fff::/20", "5f00::/16", "fec0::/10",
    )
)  # fmt: skip

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def parse_address(text: str, *, field: str = "ip") -> Address:
    """The address written in ``text``; a v4-mapped IPv6 address (``::ffff:192.0.2.1``) counts as IPv4.

    An IPv6 address through the well-known NAT64 prefix (RFC 6052) counts as the IPv4 address in it, too.
    Raises :class:`~sentinel.errors.FieldError` for anything else than one plain address: names, ports,
    prefixes, and zone ids (``fe80::1%eth0``: they mean something on one machine only). The text itself is
    not in the error.

    >>> parse_address("::ffff:192.0.2.1")
    IPv4Address('192.0.2.1')
    """
    found = _parse(text) if len(text) <= 45 else None
    if found is None:
        raise FieldError(field, "must be one IPv4 or IPv6 address, without port, prefix length or zone")
    return found


@lru_cache(CACHE_SIZE)
def _parse(text: str) -> Address | None:
    if "%" in text:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found in _NAT64:
            return ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return found


@lru_cache(CACHE_SIZE)
def is_reserved(address: Address) -> bool:
    """Whether the address is nobody's on the public internet: private, loopback, link-local, carrier-grade
    NAT, documentation, benchmarking, multicast and the like. Such an address has no place and no operator.

    >>> is_reserved(parse_address("100.64.0.1")), is_reserved(parse_address("9.9.9.9"))
    (True, False)
    """
    if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
        return True
    return any(address.version == net.version and address in net for net in _RESERVED)


def address_bytes(address: Address) -> bytes:
    """What stands for the address itself: ``4`` and four bytes, or ``6`` and the first eight bytes.

    An IPv6 host changes the last 64 bits by itself every day (RFC 8981): the /64 is what stays.

    >>> address_bytes(parse_address("2001:db8:1:2::3")).hex()
    '3620010db800010002'
    """
    return b"4" + address.packed if address.version == 4 else b"6" + address.packed[:8]


def prefix_bytes(address: Address) -> bytes:
    """What stands for the address's network: its /24 (IPv4) or /48 (IPv6), the smallest blocks routed on
    their own.

    >>> prefix_bytes(parse_address("192.0.2.7"))
    b'p4\\xc0\\x00\\x02'
    """
    return b"p4" + address.packed[:3] if address.version == 4 else b"p6" + address.packed[:6]
