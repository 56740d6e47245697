"""Every form in which a known value may stand in a file.

Over raw bytes only forms of at least :data:`RAW_BYTES` bytes are looked for, since shorter ones hit by chance: four
given bytes stand somewhere in every four thousand million random ones. The shorter forms are looked for as whole
values, in the columns of tables (:mod:`sentinel.privacy.scan.tables`).
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from sentinel.privacy.scan.encodings import base64_forms, escapes, hex_forms, text_variants, wide_forms

#: The shortest form that is looked for over raw bytes.
RAW_BYTES: Final = 7
#: A packed form with fewer different bytes (``::1``) stands in every database.
_VARIETY: Final = 4

DIGITS: Final = frozenset(b"0123456789")
HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Form:
    """One form. ``name`` is told with a hit.

    ``fold``: ASCII letters match in either case. ``edge``: bytes that must not stand beside it; for short runs of
    digits, which lie in longer ones by chance.
    """

    name: str
    data: bytes
    fold: bool
    edge: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Forms:
    """All forms of a value: for raw bytes, and what a whole value of a column may be."""

    raw: list[Form]
    #: Byte strings a column or a packed value may be, and what they are called.
    whole: dict[bytes, str] = field(default_factory=dict)
    #: The same, compared without regard to the case of ASCII letters; keys are in lower case.
    folded: dict[bytes, str] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)


def address_of(value: str) -> Address | None:
    """The address that a value is, with a mapped one as the IPv4 address in it; None when it is something else."""
    try:
        address = ip_address(value)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def kind_of(value: str) -> str:
    """What a value is taken for: ``IPv4``, ``IPv6``, ``e-mail`` or ``text``."""
    address = address_of(value)
    if address is not None:
        return f"IPv{address.version}"
    return "e-mail" if "@" in value.strip("@") and " " not in value else "text"


def forms_of(value: str) -> Forms:
    """All forms of ``value``; those that are equal appear once, under their first name."""
    address = address_of(value)
    if isinstance(address, IPv4Address):
        forms = _ipv4(address)
    elif isinstance(address, IPv6Address):
        forms = _ipv6(address)
    else:
        forms = Forms(list(_text("text", text_variants(value))))
    short = [form for form in forms.raw if len(form.data) < RAW_BYTES]
    for form in short:
        if form.name in ("text", "UTF-16LE", "UTF-16BE"):
            forms.folded.setdefault(form.data.lower(), form.name)
    return Forms(list(_once(forms.raw)), forms.whole, forms.folded, forms.numbers)


def _once(forms: Iterable[Form]) -> Iterator[Form]:
    folded: set[bytes] = set()
    exact: set[bytes] = set()
    for form in forms:
        low = form.data.lower()
        if len(low) < RAW_BYTES or low in folded or form.data in exact:
            continue
        if form.fold:
            folded.add(low)
        else:
            exact.add(form.data)
        yield form


def _text(name: str, variants: list[str], *, escaped: bool = True) -> Iterator[Form]:
    """Texts as they are, escaped, wide, and encoded as hexadecimal digits and base64."""
    for text in variants:
        data = text.encode("utf-8", "surrogatepass")
        yield Form(name, data, True)
        yield from wide_forms(text, Form)
        if escaped:
            yield from escapes(text, Form)
    for text in dict.fromkeys(each for given in variants for each in (given, given.lower(), given.upper())):
        data = text.encode("utf-8", "surrogatepass")
        yield from hex_forms(data, Form)
        yield from base64_forms(data, Form)
    for text in variants[:1]:
        for wide in ("utf-16-le", "utf-16-be"):
            yield from base64_forms(text.encode(wide, "surrogatepass"), Form)


def _ipv4(address: IPv4Address) -> Forms:
    number = int(address)
    packed = address.packed
    mapped = IPv6Address(0xFFFF << 32 | number)
    high, low = number >> 16, number & 0xFFFF
    padded = ".".join(f"{octet:03d}" for octet in packed)
    raw = [
        *_text("text", [str(address), padded], escaped=False),
        Form("reversed name", address.reverse_pointer.encode(), True),
        Form("decimal integer", str(number).encode(), False, DIGITS),
        Form("hexadecimal", packed.hex().encode(), True, HEX_DIGITS),
        Form("hexadecimal, little-endian", packed[::-1].hex().encode(), True, HEX_DIGITS),
        *(form for form in hex_forms(packed, Form) if len(form.data) > 2 * len(packed)),
        # In all texts of the mapped address stands ffff and then this.
        *_text("mapped IPv6", [f"ffff:{high:x}:{low:x}", f"ffff:{high:04x}:{low:04x}"]),
        *_packed(mapped, "mapped IPv6"),
    ]
    forms = Forms(raw)
    for name, data in (("packed", packed), ("packed, little-endian", packed[::-1])):
        forms.whole[data] = name
        forms.folded[data.hex().encode()] = f"hexadecimal of {name}"
        forms.folded[b"0x" + data.hex().encode()] = f"hexadecimal of {name}"
        for text in (b64encode(data), urlsafe_b64encode(data)):
            forms.whole[text] = forms.whole[text.rstrip(b"=")] = f"base64 of {name}"
        for signed in (False, True):
            forms.numbers.setdefault(int.from_bytes(data, "big", signed=signed), name.replace("packed", "integer"))
    forms.folded[str(number).encode()] = "decimal integer"
    return forms


def _ipv6(address: IPv6Address) -> Forms:
    groups = address.exploded.split(":")
    plain = ":".join(f"{int(group, 16):x}" for group in groups)
    raw = [
        *_text("text", list(dict.fromkeys([address.compressed, address.exploded, plain]))),
        *_packed(address, ""),
    ]
    return Forms(raw, whole={address.packed: "packed", address.packed[::-1]: "packed, little-endian"})


def _packed(address: IPv6Address, what: str) -> Iterator[Form]:
    """Forms of the 16 bytes of an address."""
    of = f" of {what}" if what else ""
    yield Form(f"decimal integer{of}", str(int(address)).encode(), False, DIGITS)
    yield Form(f"reversed name{of}", address.reverse_pointer.encode(), True)
    for order, data in (("", address.packed), (", little-endian", address.packed[::-1])):
        if len(set(data)) < _VARIETY:
            continue
        yield Form(f"packed{of}{order}", data, False)
        yield from (Form(f"{form.name}{of}{order}", form.data, form.fold) for form in hex_forms(data, Form))
        yield from (Form(f"{form.name}{of}{order}", form.data, form.fold) for form in base64_forms(data, Form))
