"""Operators' lists: what they may hold, what is refused with its line, what they say of an address."""

import ipaddress
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.enrich.address import parse_address
from sentinel.enrich.lists import LIST_KINDS, NetworkList, OperatorLists, read_list
from sentinel.errors import FileError

GOOD = """\
# our exits
192.0.2.0/24      # headquarters
198.51.100.7
2001:db8:1::/48
::ffff:203.0.113.0/120

AS64500
as64501 # a partner
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_names_networks_addresses_and_autonomous_systems(tmp_path: Path) -> None:
    office = read_list("office", write(tmp_path, GOOD))
    lists = OperatorLists([office])
    for text in ("192.0.2.255", "198.51.100.7", "2001:db8:1:ffff::1", "203.0.113.9"):
        assert lists.kinds(parse_address(text), None) == {"office"}
    for text in ("192.0.3.0", "198.51.100.8", "2001:db8:2::", "9.9.9.9"):
        assert lists.kinds(parse_address(text), None) == frozenset()
    assert lists.kinds(parse_address("9.9.9.9"), 64501) == {"office"}
    assert len(office) == 6


def test_lists_add_up(tmp_path: Path) -> None:
    one = read_list("vpn", write(tmp_path, "192.0.2.0/24"))
    two = read_list("listed", write(tmp_path, "192.0.2.9"))
    lists = OperatorLists([one, two])
    assert lists.kinds(parse_address("192.0.2.9"), None) == {"vpn", "listed"}
    assert lists.counts() == {"vpn": 1, "listed": 1}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("192.0.2.0/24\n\nexample.org\n", 3, "expected a CIDR"),
        ("192.0.2.7/24\n", 1, "did you mean 192.0.2.0/24"),
        ("AS0\n", 1, "between 1 and"),
        ("AS4294967296\n", 1, "between 1 and"),
        ("fe80::%eth0/64\n", 1, "expected a CIDR"),
        ("192.0.2.0 192.0.2.255\n", 1, "expected a CIDR"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(FileError, match=says) as error:
        read_list("vpn", write(tmp_path, text))
    assert error.value.line == line


def test_unknown_kind_missing_file_and_binary_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="unknown kind 'bad'; one of listed"):
        read_list("bad", write(tmp_path, ""))
    with pytest.raises(FileError, match="cannot be read"):
        read_list("vpn", tmp_path / "none.txt")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00\x01" * 100)
    with pytest.raises(FileError, match="not a text file"):
        read_list("vpn", binary)


def test_an_empty_list_names_nothing(tmp_path: Path) -> None:
    for kind in LIST_KINDS:
        assert parse_address("192.0.2.1") not in read_list(kind, write(tmp_path, "# nothing yet\n"))


@given(st.lists(st.ip_addresses(v=4), max_size=8), st.lists(st.integers(8, 32), min_size=8, max_size=8))
def test_overlapping_networks_are_found_like_one_by_one(
    addresses: list[ipaddress.IPv4Address], lengths: list[int]
) -> None:
    networks = [ipaddress.ip_network((a, n), strict=False) for a, n in zip(addresses, lengths, strict=False)]
    ranges = [(4, int(net.network_address), int(net.broadcast_address)) for net in networks]
    found = NetworkList("vpn", ranges, frozenset())
    for net in networks:
        for number in (
            int(net.network_address) - 1,
            int(net.network_address),
            int(net.broadcast_address) + 1,
        ):
            if 0 <= number < 1 << 32:
                address = ipaddress.IPv4Address(number)
                assert (address in found) == any(address in each for each in networks)


def test_a_hundred_thousand_networks(tmp_path: Path) -> None:
    chance = random.Random(1)
    lines = [f"{ipaddress.IPv4Address(chance.getrandbits(24) << 8)}/24" for _ in range(100_000)]
    found = read_list("listed", write(tmp_path, "\n".join(lines)))
    assert all(ipaddress.ip_network(line)[7] in found for line in lines[:1000])
