"""Setting values that are more than a number or a text: each parses itself and says what it expects.

Every class has ``expected``, the sentence that errors and docs/configuration.md show; a ValueError carries
only what is wrong with the value, never the value.
"""

import ipaddress
import re
from datetime import UTC, date, datetime, time, timedelta
from email.headerregistry import HeaderRegistry
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sentinel.events.clock import to_micros, to_text
from sentinel.events.place import NETWORK_KINDS

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_LONGEST = 200
_LONGEST_EXACT = 2048
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
#: The last year that a day can be added to.
_LAST_YEAR = 9998
_HOURS = re.compile(r"((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9])", re.ASCII)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ASN = re.compile(r"AS([1-9][0-9]{0,9})", re.IGNORECASE | re.ASCII)


class OneLine(str):
    """Text shown to people; no control characters, so it can neither break a header nor a log line."""

    expected: ClassVar[str] = f"one line of text, 1 to {_LONGEST} characters"
    __slots__ = ()

    def __new__(cls, text: str) -> "OneLine":
        if not text.strip():
            raise ValueError("it is empty")
        if len(text) > _LONGEST or _CONTROL.search(text):
            raise ValueError("it is too long or holds a control character")
        return super().__new__(cls, text)


class Exact(str):
    """A text that stands in events as it is: an id, a user agent."""

    expected: ClassVar[str] = "the whole text as in events, 1 to 2,048 characters"
    __slots__ = ()

    def __new__(cls, text: str) -> "Exact":
        if not 0 < len(text) <= _LONGEST_EXACT:
            raise ValueError("it is empty or too long")
        return super().__new__(cls, text)


class Host(str):
    """A host name or address to connect to."""

    expected: ClassVar[str] = "a host name or IP address"
    __slots__ = ()

    def __new__(cls, text: str) -> "Host":
        if not (_HOST.fullmatch(text) or (":" in text and re.fullmatch(r"[0-9A-Fa-f:.]+", text))):
            raise ValueError("it has characters no host name has, or a port (which has its own key)")
        return super().__new__(cls, text)


class Origin(str):
    """A host name of the service's own pages, kept in lower case; ``*.example.org`` stands for all below it."""

    expected: ClassVar[str] = "a host name as login.example.org, or *.example.org, or a web origin"
    __slots__ = ()

    def __new__(cls, text: str) -> "Origin":
        try:
            host = urlsplit(text).hostname or "" if "//" in text else text
        except ValueError:
            host = ""
        host = host.lower()
        if not (_HOST.fullmatch(host.removeprefix("*.")) or re.fullmatch(r"[0-9a-f:]*:[0-9a-f:.]*", host)):
            raise ValueError("it is none of these")
        return super().__new__(cls, host)


class MailAddress(str):
    """A bare mail address, ``ops@example.org``."""

    expected: ClassVar[str] = "a mail address such as ops@example.org"
    __slots__ = ()

    def __new__(cls, text: str) -> "MailAddress":
        name, address = _mailbox(text)
        if name or address != text:
            raise ValueError("it must be the address alone")
        return super().__new__(cls, text)


class Mailbox(str):
    """A mail address with or without a name, as it stands in a From line."""

    expected: ClassVar[str] = "a mail address such as Example <security@example.org>"
    __slots__ = ()

    def __new__(cls, text: str) -> "Mailbox":
        _mailbox(text)
        return super().__new__(cls, text)

    @property
    def address(self) -> str:
        return _mailbox(self)[1]

    @property
    def name(self) -> str:
        return _mailbox(self)[0]


class WebAddress(str):
    """An http or https URL."""

    expected: ClassVar[str] = "a URL that begins with https:// (or http://)"
    __slots__ = ()

    def __new__(cls, text: str) -> "WebAddress":
        try:
            parts = urlsplit(text)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
        except ValueError:
            valid = False
        if not valid or _CONTROL.search(text) or re.search(r"[\s<>\"]", text):
            raise ValueError("it is not such a URL")
        return super().__new__(cls, text)


class Colour(str):
    """A colour as ``#rrggbb``, kept in lower case."""

    expected: ClassVar[str] = "a colour such as #2f5fa8"
    __slots__ = ()

    def __new__(cls, text: str) -> "Colour":
        if not re.fullmatch("#[0-9a-fA-F]{6}", text, re.ASCII):
            raise ValueError("it is not # and six hexadecimal digits")
        return super().__new__(cls, text.lower())


class QuietHours(str):
    """Hours of the day, by a clock with 24 hours; they may go over midnight."""

    expected: ClassVar[str] = "hours such as 22:00-07:00"
    __slots__ = ()

    def __new__(cls, text: str) -> "QuietHours":
        found = _HOURS.fullmatch(text)
        if not found:
            raise ValueError("it is no such span")
        if found[1] == found[2]:
            raise ValueError("it begins and ends at once")
        return super().__new__(cls, text)

    @property
    def minutes(self) -> tuple[int, int]:
        """Beginning and end, in minutes since midnight."""
        begin, end = (60 * int(part[:2]) + int(part[3:]) for part in self.split("-"))
        return begin, end


class Domain(str):
    """A mail domain, kept in lower case and in ASCII."""

    expected: ClassVar[str] = "a mail domain such as example.org"
    __slots__ = ()

    def __new__(cls, text: str) -> "Domain":
        try:
            name = text.encode("idna").decode("ascii").lower()
        except UnicodeError:
            name = ""
        if not _HOST.fullmatch(name):
            raise ValueError("it is no domain name")
        return super().__new__(cls, name)


class StoreAddress(str):
    """Where the store is; whether sentinel can open it is for the store to say."""

    expected: ClassVar[str] = "sqlite:FILE, redis://…, rediss://… or unix://…"
    __slots__ = ()

    def __new__(cls, text: str) -> "StoreAddress":
        scheme, _, rest = text.partition(":")
        known = scheme == "sqlite" or (scheme in ("redis", "rediss", "unix") and rest.startswith("//"))
        if not known or not rest.strip("/") or _CONTROL.search(text):
            raise ValueError("it is none of these")
        return super().__new__(cls, text)


class CountryCode(str):
    """A country as events name it."""

    expected: ClassVar[str] = "a country as ISO 3166-1 alpha-2, such as FR"
    __slots__ = ()

    def __new__(cls, text: str) -> "CountryCode":
        if not re.fullmatch("[A-Z]{2}", text, re.ASCII):
            raise ValueError("it is not two capital letters")
        return super().__new__(cls, text)


class NetworkName(str):
    """A part of the internet: a CIDR or address, an autonomous system, or a kind of network."""

    expected: ClassVar[str] = "a CIDR such as 192.0.2.0/24, an address, AS64500, or a kind of network such as vpn"
    __slots__ = ()

    def __new__(cls, text: str) -> "NetworkName":
        if text not in NETWORK_KINDS and not (asn := _ASN.fullmatch(text)):
            _span(text)
        elif text not in NETWORK_KINDS and asn and int(asn[1]) >= 1 << 32:
            raise ValueError("an AS number is between 1 and 4294967295")
        return super().__new__(cls, text)

    @property
    def kind(self) -> str | None:
        """The kind of network, if it is one."""
        return str(self) if self in NETWORK_KINDS else None

    @property
    def asn(self) -> int | None:
        """The number of the autonomous system, if it is one."""
        found = _ASN.fullmatch(self)
        return int(found[1]) if found else None

    @property
    def span(self) -> tuple[int, int, int] | None:
        """IP version, first and last address as numbers, if it is a CIDR or an address."""
        return None if self.kind or self.asn else _span(self)


class Weekly(str):
    """A weekday and a time of it (UTC), or ``off``; ``weekday`` is 0 on Monday, ``minute`` counts from midnight."""

    expected: ClassVar[str] = 'a weekday and a time (UTC) such as "monday 08:00", or "off"'
    weekday: int
    minute: int

    def __new__(cls, text: str) -> "Weekly":
        found = super().__new__(cls, text)
        found.weekday = found.minute = -1
        if text == "off":
            return found
        day, _, clock = text.partition(" ")
        if day not in _WEEKDAYS or not (match := re.fullmatch("([01][0-9]|2[0-3]):([0-5][0-9])", clock, re.ASCII)):
            raise ValueError("it is neither")
        found.weekday, found.minute = _WEEKDAYS.index(day), 60 * int(match[1]) + int(match[2])
        return found

    def __bool__(self) -> bool:
        return self.weekday >= 0


class Until(int):
    """The moment something ends, in micros: the end of a date (UTC), or the given moment."""

    expected: ClassVar[str] = "a date such as 2026-12-31, or a date and time with an offset; without quotes"
    __slots__ = ()

    def __new__(cls, value: Any) -> "Until":
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError("it has no offset; end it with Z for UTC")
            return super().__new__(cls, to_micros(value))
        if isinstance(value, date):
            if value.year > _LAST_YEAR:
                raise ValueError("it is too far away; leave it out for no end")
            return super().__new__(cls, to_micros(datetime.combine(value, time(), UTC) + timedelta(days=1)))
        raise ValueError("it is no date")

    def __str__(self) -> str:
        return to_text(int(self))


def _span(text: str) -> tuple[int, int, int]:
    """Version, first and last address of a network; of a v4-mapped one, those of the IPv4 network."""
    if "%" in text:
        raise ValueError("a zone has no meaning here")
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        try:
            meant = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError("it is none of these") from None
        # As likely a slip in the address as in the length.
        raise ValueError(f"it has bits set after its length; did you mean a /{meant.prefixlen} network?") from None
    first, last = int(network.network_address), int(network.broadcast_address)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        return 4, first & 0xFFFF_FFFF, last & 0xFFFF_FFFF
    return network.version, first, last


class Listen:
    """Where the daemon listens: ``host`` and ``port``, or ``path`` of a Unix socket (then host is empty).

    A relative path is relative to ``folder``.
    """

    expected: ClassVar[str] = "host:port, [IPv6 address]:port or unix:PATH"
    __slots__ = ("host", "path", "port")

    def __init__(self, text: str, folder: Path = Path()) -> None:
        self.host, self.port, self.path = "", 0, ""
        if text.startswith("unix:"):
            self.path = str(folder / text.removeprefix("unix:"))
            # 107 bytes: what Linux takes in sockaddr_un.sun_path, less the closing NUL.
            if text == "unix:" or _CONTROL.search(text) or len(self.path.encode()) > 107:
                raise ValueError("the path of the socket is missing or too long (107 bytes)")
            return
        host, colon, port = text.rpartition(":")
        if not colon:
            raise ValueError("the port is missing")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ValueError("an IPv6 address needs brackets, as in [::1]:8787")
        self.host = str(Host(host))
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
            raise ValueError("the port must be a number from 0 (any free one) to 65535")
        self.port = int(port)

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Listen({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listen) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def _mailbox(text: str) -> tuple[str, str]:
    """Name and address; ValueError unless it is exactly one and fit for a header."""
    if _CONTROL.search(text):
        raise ValueError("it holds a control character")
    try:
        header: Any = HeaderRegistry()("from", text)
    except Exception as error:
        # The standard library's parser fails on some wrong addresses with an IndexError and the like.
        raise ValueError("it is not a mail address") from error
    found = header.addresses
    if len(found) != 1 or header.defects or ";" in text:
        raise ValueError("it is not one mail address")
    if not found[0].username or not _HOST.fullmatch(found[0].domain):
        raise ValueError("its part before or after the @ is missing or wrong")
    return str(found[0].display_name), str(found[0].addr_spec)
