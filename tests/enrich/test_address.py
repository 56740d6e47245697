"""Text becomes one address or an error; reserved addresses are known; what stands for an address is
stable.
"""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.enrich.address import address_bytes, is_reserved, parse_address, prefix_bytes
from sentinel.errors import FieldError

RESERVED = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.254", "127.0.0.1", "169.254.1.1", "172.16.0.1",
    "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1",
    "ff02::1", "2001:db8::1", "3fff::1", "2001:2::1", "2001:20::1", "100::1", "fec0::1",
    "::ffff:10.0.0.1", "64:ff9b:1::1", "64:ff9b::c000:201",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "9.9.9.9", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1", "2620:fe::fe"]


@pytest.mark.parametrize("text", RESERVED)
def test_reserved(text: str) -> None:
    assert is_reserved(parse_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_not_reserved(text: str) -> None:
    assert not is_reserved(parse_address(text))


@pytest.mark.parametrize("text", ["::ffff:192.0.2.1", "::FFFF:c000:0201", "64:ff9b::192.0.2.1", "192.0.2.1"])
def test_an_ipv4_address_in_ipv6_clothes_counts_as_ipv4(text: str) -> None:
    assert parse_address(text) == ipaddress.ip_address("192.0.2.1")


@pytest.mark.parametrize(
    "text",
    ["", "fe80::1%eth0", "::1%1", "192.0.2.1:80", "[2001:db8::1]", "192.0.2.0/24", "192.0.2", "192.0.2.01",
    "example",
     "192.0.2.1 ", "192.0.2.1\n", "٣.1.1.1", "1" * 5000],
)  # fmt: skip
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(FieldError) as error:
        parse_address(text)
    assert error.value.field == "ip"
    assert text.strip() == "" or text not in str(error.value)


@given(st.ip_addresses())
def test_every_address_is_read_back(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    found = parse_address(str(address))
    assert isinstance(is_reserved(found), bool)
    assert found == address or found.version == 4


def test_an_ipv6_address_stands_for_its_64_and_its_48() -> None:
    one, two, other = map(parse_address, ("2001:db8:1:2::1", "2001:db8:1:2:aaaa::9", "2001:db8:1:3::1"))
    assert address_bytes(one) == address_bytes(two) != address_bytes(other)
    assert prefix_bytes(one) == prefix_bytes(other) != prefix_bytes(parse_address("2001:db8:2:2::1"))


def test_an_ipv4_address_stands_for_itself_and_its_24() -> None:
    one, two, other = map(parse_address, ("192.0.2.1", "192.0.2.2", "192.0.3.1"))
    assert address_bytes(one) != address_bytes(two)
    assert prefix_bytes(one) == prefix_bytes(two) != prefix_bytes(other)


@given(st.ip_addresses(), st.ip_addresses())
def test_no_two_families_or_meanings_share_bytes(
    one: ipaddress.IPv4Address | ipaddress.IPv6Address, two: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    assert address_bytes(one) != prefix_bytes(two)
    assert one.version == two.version or address_bytes(one) != address_bytes(two)
