"""How texts and bytes are written elsewhere: escaped, wide, as hexadecimal digits, as base64."""

import html
import json
import quopri
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeVar
from urllib.parse import quote, quote_plus

F = TypeVar("F")
#: Makes a form of name, bytes, and whether letters match in either case.
Make = Callable[[str, bytes, bool], F]

#: What stands before, and what between, the hexadecimal digits of two bytes.
_SEPARATORS: Final = (("", ""), ("", ":"), ("", " "), ("", "-"), ("\\x", "\\x"), ("%", "%"))
#: First characters of base64 that depend on what stands before the value, by the bytes that do.
_UNSURE: Final = (0, 2, 3)


def text_variants(text: str) -> list[str]:
    """The text in both Unicode normal forms, in lower case where ASCII letters are not all, and its domain as IDNA."""
    found = [text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)]
    if not text.isascii():
        found += [each.lower() for each in found] + [each.upper() for each in found] + [text.casefold()]
        local, at, domain = text.rpartition("@")
        if at:
            with suppress(UnicodeError):
                found.append(f"{local}@{domain.encode('idna').decode()}")
    return list(dict.fromkeys(found))


def wide_forms(text: str, make: Make[F]) -> Iterator[F]:
    """UTF-16 in both byte orders, and Latin-1 where it says something else than UTF-8."""
    yield make("UTF-16LE", text.encode("utf-16-le", "surrogatepass"), True)
    yield make("UTF-16BE", text.encode("utf-16-be", "surrogatepass"), True)
    if not text.isascii():
        with suppress(UnicodeEncodeError):
            yield make("Latin-1", text.encode("latin-1"), True)


def escapes(text: str, make: Make[F]) -> Iterator[F]:
    """The text as it stands in JSON, URLs, HTML, mails (quoted-printable) and Python's own notation."""
    utf8 = text.encode("utf-8", "surrogatepass")
    inner = json.dumps(text)[1:-1]
    for each in (
        inner,
        json.dumps(text, ensure_ascii=False)[1:-1],
        inner.replace("/", "\\/"),
        inner.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        json.dumps(inner)[1:-1],
    ):
        yield make("JSON-escaped", each.encode("utf-8", "surrogatepass"), True)
    for each in (quote(utf8, safe=""), quote(utf8), quote_plus(utf8), quote(utf8, safe=":@+")):
        yield make("URL-escaped", each.encode(), True)
    marked = html.escape(text)
    for each in (
        marked,
        html.escape(text, quote=False),
        marked.replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
        text.replace("@", "&#64;"),
        text.replace("@", "&commat;"),
    ):
        yield make("HTML-escaped", each.encode("utf-8", "surrogatepass"), True)
        yield make("HTML-escaped", each.encode("ascii", "xmlcharrefreplace"), True)
    # Lines of mails are broken at 76 characters; what is longer is found in its other forms.
    yield make("quoted-printable", quopri.encodestring(utf8).replace(b"=\n", b""), True)
    yield make("backslash-escaped", text.encode("unicode_escape"), True)
    yield make("backslash-escaped", repr(utf8)[2:-1].encode(), True)


def hex_forms(data: bytes, make: Make[F]) -> Iterator[F]:
    """Hexadecimal digits of ``data``, in one run and with what is usual between the bytes."""
    pairs = [f"{byte:02x}" for byte in data]
    for before, between in _SEPARATORS:
        yield make("hexadecimal", (before + between.join(pairs)).encode(), True)


def base64_forms(data: bytes, make: Make[F]) -> Iterator[F]:
    """What of base64 and base64url is certain when ``data`` stands at any place in what was encoded."""
    for offset, unsure in enumerate(_UNSURE):
        # The last character may hold bits of what follows.
        certain = (offset + len(data)) * 8 // 6
        text = b64encode(bytes(offset) + data)[unsure:certain]
        yield make("base64", text, False)
        url = text.replace(b"+", b"-").replace(b"/", b"_")
        if url != text:
            yield make("base64url", url, False)
