"""Syslog: RFC 5424 messages over UDP (RFC 5426), TCP with octet counting (RFC 6587), or TLS (RFC 5425).

Syslog has no answer that says "taken". Over TCP and TLS the nearest to it is waited for: that the other machine's
kernel has acknowledged every byte, and that the server has not hung up. What it loses after that, and what the network
loses of UDP, is lost (docs/siem.md).
"""

import array
import fcntl
import os
import socket
import ssl
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from sentinel.events.clock import to_text
from sentinel.siem.sinks import Line, SinkError
from sentinel.siem.target import Target

#: Security and authorization messages (RFC 5424, table 1: authpriv).
_FACILITY: Final = 10
#: RFC 5424 table 2: informational, warning, error, critical.
_SEVERITY: Final = {"medium": 4, "high": 3, "critical": 2}
_INFORMATIONAL: Final = 6
#: Seconds to connect, and to wait for bytes to be acknowledged.
_PATIENCE: Final = 30.0
_PAUSE: Final = 0.005
#: The most that fits into a datagram over IPv4.
_DATAGRAM: Final = 65_507


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """For TLS: whom to trust (``None``: whom the system trusts), and who we are, if the server asks."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def message(line: Line, *, host: str, process: int) -> bytes:
    """A document as an RFC 5424 message. The JSON is ASCII, so that the message needs no byte order mark."""
    priority = _FACILITY * 8 + _SEVERITY.get(line.level or "", _INFORMATIONAL)
    return f"<{priority}>1 {to_text(line.time)} {host} sentinel {process} assessment - ".encode() + _ascii(line.text)


def _ascii(text: bytes) -> bytes:
    if text.isascii():
        return text
    return "".join(each if each.isascii() else _escaped(each) for each in text.decode()).encode()


def _escaped(character: str) -> str:
    """As JSON writes it: UTF-16 code units."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _host() -> str:
    """This machine, as it may stand in a header."""
    name = "".join(each for each in socket.gethostname() if "!" <= each <= "~")
    return name[:255] or "-"


class Syslog:
    """A connection that is made when it is needed, and anew after trouble."""

    def __init__(self, target: Target, certificates: Certificates, *, patience: float = _PATIENCE) -> None:
        self._target, self._patience = target, patience
        self._certificates = certificates
        self._socket: socket.socket | None = None
        self._host = _host()

    def write(self, lines: Sequence[Line]) -> None:
        """See :class:`sentinel.siem.sinks.Sink`."""
        messages = [message(line, host=self._host, process=os.getpid()) for line in lines]
        try:
            if self._target.kind == "udp":
                self._send_datagrams(messages)
            else:
                self._send_counted(messages)
        except (OSError, ssl.SSLError) as error:
            self.close()
            why = error.strerror or getattr(error, "reason", None) or type(error).__name__
            raise SinkError(f"{self._target}: {why}") from None
        except SinkError:
            self.close()
            raise

    def close(self) -> None:
        """See :class:`sentinel.siem.sinks.Sink`."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send_datagrams(self, messages: Sequence[bytes]) -> None:
        longest = max(map(len, messages))
        if longest > _DATAGRAM:
            raise SinkError(f"{self._target}: a message of {longest} bytes fits no datagram; use syslog+tcp or +tls")
        if self._socket is None:
            family, kind, protocol, _, address = self._addresses(socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.settimeout(self._patience)
            self._socket.connect(address)
        for each in messages:
            self._socket.send(each)

    def _send_counted(self, messages: Sequence[bytes]) -> None:
        if self._socket is not None and self._hung_up(self._socket):
            # It was restarted while there was nothing to send.
            self.close()
        if self._socket is None:
            self._socket = self._connected()
        self._socket.settimeout(self._patience)
        self._socket.sendall(b"".join(b"%d %s" % (len(each), each) for each in messages))
        self._wait_for_acknowledgement(self._socket)

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((self._target.host, self._target.port), self._patience)
        if self._target.kind == "tcp":
            return plain
        try:
            return self._context().wrap_socket(plain, server_hostname=self._target.host)
        except BaseException:
            plain.close()
            raise

    def _context(self) -> ssl.SSLContext:
        own = self._certificates
        try:
            context = ssl.create_default_context(cafile=own.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if own.certificate is not None:
                context.load_cert_chain(own.certificate, own.key)
        except (OSError, ssl.SSLError):
            raise SinkError(f"{self._target}: ca, certificate or key cannot be read") from None
        return context

    def _addresses(self, kind: socket.SocketKind) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
        return socket.getaddrinfo(self._target.host, self._target.port, type=kind)  # type: ignore[return-value]

    def _wait_for_acknowledgement(self, connection: socket.socket) -> None:
        until = time.monotonic() + self._patience
        unsent = array.array("i", [0])
        while True:
            if self._hung_up(connection):
                raise SinkError(f"{self._target}: the server hung up")
            # Linux: bytes in the send queue that the peer has not acknowledged (SIOCOUTQ, tcp(7)).
            fcntl.ioctl(connection, termios.TIOCOUTQ, unsent)
            if not unsent[0]:
                return
            if time.monotonic() > until:
                raise SinkError(f"{self._target}: the server takes nothing")
            time.sleep(_PAUSE)

    def _hung_up(self, connection: socket.socket) -> bool:
        """Whether the other side closed; what it may say is not for us."""
        connection.setblocking(False)
        try:
            return connection.recv(4096) == b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            connection.settimeout(self._patience)
