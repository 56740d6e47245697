"""Prefix-preserving pseudonyms: the published vectors, another implementation, and the property that gives the name."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import ipcrypt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sentinel.privacy.prefix import PrefixPreserving

FIRST = "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301"
SECOND = "2b7e151628aed2a6abf7158809cf4f3ca9f5ba40db214c3798f2e1c23456789a"
#: draft-denis-ipcrypt-13, appendix A.2, all sixteen. Some addresses are private ones there.
VECTORS = (
    (FIRST, "0.0.0.0", "151.82.155.134"),
    (FIRST, "255.255.255.255", "94.185.169.89"),
    (FIRST, "192.0.2.1", "100.115.72.131"),
    (FIRST, "2001:db8::1", "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88"),
    (SECOND, "10.0.0.47", "19.214.210.244"),
    (SECOND, "10.0.0.129", "19.214.210.80"),
    (SECOND, "10.0.0.234", "19.214.210.30"),
    (SECOND, "172.16.5.193", "210.78.229.136"),
    (SECOND, "172.16.97.42", "210.78.179.241"),
    (SECOND, "172.16.248.177", "210.78.121.215"),
    (SECOND, "2001:db8::a5c9:4e2f:bb91:5a7d", "7cec:702c:1243:f70:1956:125:b9bd:1aba"),
    (SECOND, "2001:db8::7234:d8f1:3c6e:9a52", "7cec:702c:1243:f70:a3ef:c8e:95c1:cd0d"),
    (SECOND, "2001:db8::f1e0:937b:26d4:8c1a", "7cec:702c:1243:f70:443c:c8e:6a62:b64d"),
    (SECOND, "2001:db8:3a5c:0:e7d1:4b9f:2c8a:f673", "7cec:702c:3503:bef:e616:96bd:be33:a9b9"),
    (SECOND, "2001:db8:9f27:0:b4e2:7a3d:5f91:c8e6", "7cec:702c:a504:b74e:194a:3d90:b047:2d1a"),
    (SECOND, "2001:db8:d8b4:0:193c:a5e7:8b2f:46d1", "7cec:702c:f840:aa67:1b8:e84f:ac9d:77fb"),
)

keys = st.binary(min_size=32, max_size=32).filter(lambda key: key[:16] != key[16:])
#: A mapped address comes back as the IPv4 address in it, as in the draft; `ipcrypt` 0.1.0 does not know that yet.
addresses = st.ip_addresses().filter(lambda ip: not (isinstance(ip, IPv6Address) and ip.ipv4_mapped))


@pytest.mark.parametrize(("key", "ip", "pseudonym"), VECTORS)
def test_published_vectors(key: str, ip: str, pseudonym: str) -> None:
    prefix = PrefixPreserving(bytes.fromhex(key))
    assert prefix.encrypt(ip_address(ip)) == ip_address(pseudonym)
    assert prefix.decrypt(ip_address(pseudonym)) == ip_address(ip)


@given(keys, addresses)
def test_another_implementation_says_the_same(key: bytes, ip: IPv4Address | IPv6Address) -> None:
    prefix = PrefixPreserving(key)
    assert prefix.encrypt(ip) == ipcrypt.pfx.encrypt(ip, key)
    assert prefix.decrypt(ip) == ipcrypt.pfx.decrypt(ip, key)


@given(keys, addresses)
def test_decrypting_gives_the_address_again(key: bytes, ip: IPv4Address | IPv6Address) -> None:
    prefix = PrefixPreserving(key)
    assert prefix.decrypt(prefix.encrypt(ip)) == ip
    assert prefix.encrypt(prefix.decrypt(ip)) == ip


@given(keys, addresses, st.data())
def test_what_shares_n_bits_shares_exactly_n_bits(
    key: bytes, ip: IPv4Address | IPv6Address, data: st.DataObject
) -> None:
    width = ip.max_prefixlen
    shared = data.draw(st.integers(0, width - 1))
    rest = data.draw(st.integers(0, (1 << (width - shared - 1)) - 1))
    # The first ``shared`` bits of ``ip``, then the other bit, then anything.
    flipped = (int(ip) >> (width - shared - 1) ^ 1) << (width - shared - 1) | rest
    other = type(ip)(flipped)
    prefix = PrefixPreserving(key)
    assume(not (isinstance(other, IPv6Address) and other.ipv4_mapped))
    assert width - (int(prefix.encrypt(ip)) ^ int(prefix.encrypt(other))).bit_length() == shared


def test_a_mapped_address_is_the_address_in_it() -> None:
    prefix = PrefixPreserving(bytes.fromhex(FIRST))
    assert prefix.encrypt(IPv6Address("::ffff:192.0.2.1")) == IPv4Address("100.115.72.131")


@pytest.mark.parametrize("key", [b"", b"k" * 16, b"k" * 31, b"k" * 33])
def test_a_key_of_another_size_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PrefixPreserving(key)


def test_a_key_with_equal_halves_is_refused() -> None:
    with pytest.raises(ValueError, match="must differ"):
        PrefixPreserving(bytes(range(16)) * 2)
