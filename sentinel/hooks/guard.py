"""Which addresses a target may have: an URL in the configuration must not become a way into the operator's network
(server-side request forgery). Asked of the very address that is about to be connected to, so that no name can be looked
up once to be checked and once more to be connected to (DNS rebinding)."""

import errno
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

#: IPv4 within IPv6, by which a host without IPv4 reaches it: NAT64 (RFC 6052 section 2.1).
_NAT64: Final = IPv6Network("64:ff9b::/96")
#: NAT64 of a local network (RFC 8215); 6to4 and Teredo, whose relays may be anywhere (RFC 7526, RFC 4380).
_TUNNELS: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"), IPv6Network("2001::/32"))
#: All that is global unicast (RFC 4291 section 2.4); the rest is for special uses or not given out.
_UNICAST: Final = IPv6Network("2000::/3")


class ForbiddenAddressError(OSError):
    """The target has an address of a private or special network."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "the address is of a private or special network")


def is_public(address: IPv4Address | IPv6Address | str) -> bool:
    """Whether an address is one of the public internet.

    >>> is_public("192.168.1.1"), is_public("::ffff:127.0.0.1"), is_public("64:ff9b::a00:1"), is_public("1.1.1.1")
    (False, False, False, True)
    """
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        if found.scope_id is not None:
            return False
        inner = found.ipv4_mapped
        if inner is None and found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is None:
            tunnelled = any(found in network for network in _TUNNELS)
            return found in _UNICAST and not tunnelled and found.is_global and not found.is_multicast
        found = inner
    return found.is_global and not found.is_multicast and not found.is_reserved


def guarded(allow_private: bool) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Makes the socket for an address (as of ``getaddrinfo``), or raises :class:`ForbiddenAddressError`."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, type, protocol, _, address = info
        if not allow_private and not is_public(address[0]):
            raise ForbiddenAddressError
        return socket.socket(family=family, type=type, proto=protocol)

    return make
