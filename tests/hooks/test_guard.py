"""No target has an address inside the operator's network, whatever form it is written in."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.hooks.guard import ForbiddenAddressError, guarded, is_public

PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "192.0.0.1",
    "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00::1",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "::ffff:1.1.1.1", "64:ff9b::101:101", "2606:4700:4700::1111", "2a00:1450::1"]
INNER = [
    ip_network(each) for each in ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_and_special_networks_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_is(address: str) -> None:
    assert is_public(address)


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_the_same_however_it_is_written(number: int) -> None:
    plain = is_public(IPv4Address(number))
    mapped = IPv6Address((0xFFFF << 32) | number)
    translated = IPv6Address(int(IPv6Address("64:ff9b::")) | number)
    assert is_public(mapped) == is_public(translated) == plain
    assert not (plain and any(IPv4Address(number) in network for network in INNER))


@given(st.integers(0, 2**128 - 1))
def test_nothing_outside_global_unicast_is_public(number: int) -> None:
    address = IPv6Address(number)
    if is_public(address) and address.ipv4_mapped is None and address not in IPv6Network("64:ff9b::/96"):
        assert address in IPv6Network("2000::/3")


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_no_socket_is_made_for_a_private_address_unless_it_is_allowed(family: int, host: str) -> None:
    info = (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, 443))
    with pytest.raises(ForbiddenAddressError):
        guarded(False)(info)
    guarded(True)(info).close()
