"""Every form of a value is found where it is planted, however it was written there; what was not planted is not."""

import base64
import html
import json
import random
import urllib.parse
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.privacy.scan.forms import RAW_BYTES, forms_of, kind_of
from sentinel.privacy.scan.search import Needles
from sentinel.privacy.scan.stream import Limits, Stream

words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=7, max_size=40)
agents = st.builds(lambda a, b: f'Sample/1.0 ({a}; <{b}>) "Möbel" & Co/2', words, words)
mails = st.builds(
    lambda a, b: f"{a}@{b}.example",
    st.from_regex(r"[A-Za-z0-9.+_-]{3,20}", fullmatch=True),
    st.from_regex(r"[a-z]{3,9}", fullmatch=True),
)
v4 = st.ip_addresses(v=4)
#: An address of few different bytes (``::1``) is not looked for in its packed form.
v6 = st.ip_addresses(v=6).filter(lambda ip: ip.ipv4_mapped is None and len(set(ip.packed)) >= 8)


def found(value: str, data: bytes, *, size: int = 1 << 20) -> set[str]:
    """Names of the forms of ``value`` that stand in ``data``, fed ``size`` bytes at a time."""
    names: set[str] = set()
    stream = Stream(Needles([value]), lambda offset, found, around: names.add(found.form.name), Limits())
    for at in range(0, len(data), size):
        stream.feed(data[at : at + size])
    stream.finish()
    return names


def plant(data: bytes) -> bytes:
    return b"\x00\xff before {" + data + b"} after\x00\xff"


def dashed(data: bytes) -> bytes:
    return data.hex("-").upper().encode()


TEXTS: dict[str, Callable[[str], bytes]] = {
    "text": str.encode,
    "lower case": lambda text: text.lower().encode(),
    "upper case": lambda text: text.upper().encode(),
    "UTF-16LE": lambda text: text.encode("utf-16-le"),
    "UTF-16BE": lambda text: text.encode("utf-16-be"),
    "JSON": lambda text: json.dumps(text)[1:-1].encode(),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1].encode(),
    "URL": lambda text: urllib.parse.quote(text, safe="").encode(),
    "URL in lower case": lambda text: urllib.parse.quote(text, safe="").lower().encode(),
    "form": lambda text: urllib.parse.quote_plus(text).encode(),
    "HTML": lambda text: html.escape(text).encode(),
    "HTML in ASCII": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace"),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "with dashes": lambda text: dashed(text.encode()),
    "Python": lambda text: repr(text.encode())[2:-1].encode(),
    "base64 at 0": lambda text: base64.b64encode(text.encode() + b"?"),
    "base64 at 1": lambda text: base64.b64encode(b"\xff" + text.encode() + b"?"),
    "base64 at 2": lambda text: base64.b64encode(b"\xff\xff" + text.encode() + b"?"),
    "base64url at 1": lambda text: base64.urlsafe_b64encode(b"\xff" + text.encode()),
    "base64 of UTF-16": lambda text: base64.b64encode(b"\xff" + text.encode("utf-16-le")),
}


@pytest.mark.parametrize("form", TEXTS)
@settings(deadline=None)
@given(value=st.one_of(agents, mails))
def test_texts_are_found_in_every_form(form: str, value: str) -> None:
    assert found(value, plant(TEXTS[form](value)))


V4: dict[str, Callable[[IPv4Address], bytes]] = {
    **{name: lambda ip, make=make: make(str(ip)) for name, make in TEXTS.items()},  # type: ignore[misc]  # bound at once
    "padded": lambda ip: ".".join(f"{octet:03}" for octet in ip.packed).encode(),
    "decimal": lambda ip: str(int(ip)).encode(),
    "hexadecimal of bytes": lambda ip: b"0x" + ip.packed.hex().encode(),
    "little-endian hexadecimal": lambda ip: b"0x" + ip.packed[::-1].hex().upper().encode(),
    "bytes with dashes": lambda ip: dashed(ip.packed),
    "mapped": lambda ip: f"::ffff:{ip}".encode(),
    "mapped in groups": lambda ip: IPv6Address(f"::ffff:{ip}").compressed.upper().encode(),
    "mapped, exploded": lambda ip: IPv6Address(f"::ffff:{ip}").exploded.encode(),
    "mapped, packed": lambda ip: IPv6Address(f"::ffff:{ip}").packed,
    "mapped, packed, reversed": lambda ip: IPv6Address(f"::ffff:{ip}").packed[::-1],
    "mapped, base64": lambda ip: base64.b64encode(b"\xff" + IPv6Address(f"::ffff:{ip}").packed),
    "reversed name": lambda ip: ip.reverse_pointer.encode(),
    "mapped, reversed name": lambda ip: IPv6Address(f"::ffff:{ip}").reverse_pointer.upper().encode(),
}
V6: dict[str, Callable[[IPv6Address], bytes]] = {
    **{name: lambda ip, make=make: make(str(ip)) for name, make in TEXTS.items()},  # type: ignore[misc]  # bound at once
    "exploded": lambda ip: ip.exploded.upper().encode(),
    "uncompressed": lambda ip: ":".join(f"{int(group, 16):x}" for group in ip.exploded.split(":")).encode(),
    "exploded, UTF-16": lambda ip: ip.exploded.encode("utf-16-le"),
    "exploded, base64": lambda ip: base64.b64encode(b"\xff" + ip.exploded.encode()),
    "packed": lambda ip: ip.packed,
    "packed, little-endian": lambda ip: ip.packed[::-1],
    "decimal": lambda ip: str(int(ip)).encode(),
    "hexadecimal of bytes": lambda ip: ip.packed.hex().upper().encode(),
    "bytes with dashes": lambda ip: dashed(ip.packed),
    **{f"bytes, base64 at {at}": lambda ip, at=at: base64.b64encode(bytes(at) + ip.packed) for at in range(3)},  # type: ignore[misc]  # bound at once
    "bytes, base64url": lambda ip: base64.urlsafe_b64encode(ip.packed),
    "reversed name": lambda ip: ip.reverse_pointer.encode(),
}


@pytest.mark.parametrize("form", V4)
@settings(deadline=None)
@given(ip=v4.filter(lambda ip: len(str(int(ip))) >= RAW_BYTES and len({*ip.packed, 0, 255}) >= 4))
def test_ipv4_addresses_are_found_in_every_form(form: str, ip: IPv4Address) -> None:
    assert found(str(ip), plant(V4[form](ip)))


@pytest.mark.parametrize("form", V6)
@settings(deadline=None)
@given(ip=v6)
def test_ipv6_addresses_are_found_in_every_form(form: str, ip: IPv6Address) -> None:
    assert found(str(ip), plant(V6[form](ip)))


@settings(deadline=None)
@given(value=st.one_of(agents, mails, v4.map(str), v6.map(str)), data=st.data())
def test_forms_are_found_across_the_borders_of_pieces(value: str, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(forms_of(value).raw))
    before = data.draw(st.integers(0, 40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentinel.privacy.scan.stream._PIECE", 1)
        for size in (1, 7, 64):
            assert form.name in found(value, b"\xf0" * before + form.data + b"\xf0", size=size)


@settings(deadline=None)
@given(value=st.one_of(agents, mails, v4.map(str), v6.map(str)))
def test_no_form_over_raw_bytes_is_shorter_than_seven_bytes_or_told_twice(value: str) -> None:
    forms = forms_of(value).raw
    assert min(len(form.data) for form in forms) >= RAW_BYTES
    assert len({form.data for form in forms}) == len(forms) < 1024


def test_the_kind_of_a_value_is_recognised() -> None:
    kinds = {"192.0.2.1": "IPv4", "::ffff:192.0.2.1": "IPv4", "2001:db8::1": "IPv6", "a@example.org": "e-mail"}
    assert {value: kind_of(value) for value in kinds} == kinds
    assert kind_of("Sample/1.0 (a@b)") == kind_of("@name") == "text"


def test_a_short_integer_within_a_longer_number_is_not_a_hit() -> None:
    assert found("192.0.2.71", b"id=32212260559") == set()
    assert found("192.0.2.71", b"id=73221226055,") == set()
    assert found("192.0.2.71", b"ac0000247f") == set()
    assert found("192.0.2.71", b"id=3221226055,") == {"decimal integer"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentinel.privacy.scan.stream._PIECE", 1)
        assert found("192.0.2.71", b"id=32212260559", size=13) == set()


def test_random_bytes_and_texts_hold_nothing() -> None:
    draw = random.Random(4)
    values = [str(IPv6Address(0x20010DB8 << 96 | draw.getrandbits(96))) for _ in range(500)]
    values += [f"192.0.2.{at}" for at in range(256)] + [f"person-{at}@example.org" for at in range(500)]
    hits: list[object] = []
    limits = Limits()
    stream = Stream(Needles(values), lambda *hit: hits.append(hit), limits)
    for _ in range(8):
        stream.feed(draw.randbytes(1 << 20))
        stream.feed(base64.b64encode(draw.randbytes(1 << 18)))
        stream.feed(draw.randbytes(1 << 18).hex().encode())
        stream.feed(b" ".join(b"%d" % draw.getrandbits(33) for _ in range(10_000)))
    stream.finish()
    assert hits == []
    assert limits.problems == []
    assert limits.open == limits.heavy == 0
