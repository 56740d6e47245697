"""Where an export goes: standard output, a file, or a syslog server."""

import re
from pathlib import Path
from typing import ClassVar, Final, Literal
from urllib.parse import urlsplit

Kind = Literal["stdout", "file", "udp", "tcp", "tls"]
#: RFC 5425 section 4.1, RFC 5426 section 3.3; octet-counted TCP (RFC 6587) has none of its own, 601 is RFC 3195's.
_PORTS: Final = {"udp": 514, "tcp": 601, "tls": 6514}
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f-\x9f]")


class Target(str):
    """A destination as it is typed; its parts are ``kind``, ``path`` of a file, ``host`` and ``port`` of a server."""

    expected: ClassVar[str] = (
        "stdout, file:/PATH, or syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT, syslog+tls://HOST:PORT"
    )
    kind: Kind
    path: Path
    host: str
    port: int

    def __new__(cls, text: str) -> "Target":
        found = super().__new__(cls, text)
        found.path, found.host, found.port = Path(), "", 0
        if text == "stdout":
            found.kind = "stdout"
            return found
        if text.startswith("file:"):
            found.kind, found.path = "file", Path(text.removeprefix("file:"))
            if not found.path.is_absolute() or _CONTROL.search(text):
                raise ValueError("the path of a file must be absolute")
            return found
        try:
            parts = urlsplit(text)
            found.host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("host or port is wrong") from None
        scheme, _, kind = parts.scheme.partition("+")
        if scheme != "syslog" or kind not in _PORTS:
            raise ValueError("it is none of these")
        if not found.host or parts.path or parts.query or parts.fragment or parts.username or _CONTROL.search(text):
            raise ValueError("it takes a host and a port, nothing else")
        found.kind = kind  # type: ignore[assignment]  # looked up above
        found.port = port or _PORTS[kind]
        return found
