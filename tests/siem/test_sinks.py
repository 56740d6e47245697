"""Sinks against what is really there: files that are rotated and full, servers that hang up, certificates that lie."""

import datetime
import errno
import ipaddress
import json
import os
import socket
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from sentinel.siem.sinks import Line, NdjsonFile, SinkError
from sentinel.siem.syslog import Certificates, Syslog, message
from sentinel.siem.target import Target

LINES = [Line(b'{"a":1}', 0, None), Line(b'{"b":2}', 1_500_000, "critical")]
TIMEOUT = 10.0


def line(text: str) -> Line:
    return Line(text.encode(), 0, "low")


# Files


def test_a_file_is_added_to_and_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    old = os.umask(0)
    try:
        sink = NdjsonFile(path)
        sink.write(LINES)
    finally:
        os.umask(old)
    sink.write([line("{}")])
    sink.close()
    assert path.read_bytes() == b'{"a":1}\n{"b":2}\n{}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("gone", ["renamed", "removed", "replaced"])
def test_a_rotated_file_is_made_anew(tmp_path: Path, gone: str) -> None:
    path, old = tmp_path / "out.ndjson", tmp_path / "out.ndjson.1"
    sink = NdjsonFile(path)
    sink.write(LINES[:1])
    if gone == "removed":
        path.unlink()
    else:
        path.rename(old)
    if gone == "replaced":
        path.touch(0o640)
    sink.write(LINES[1:])
    sink.close()
    assert path.read_bytes() == b'{"b":2}\n'
    if gone != "removed":
        assert old.read_bytes() == b'{"a":1}\n'


@pytest.mark.parametrize("left", [b'{"a":1}\n{"ha', b'{"half', b"x" * 200_000, b'{"a":1}\n' + b"y" * 70_000])
def test_half_a_line_that_a_crash_left_is_taken_off(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "out.ndjson"
    path.write_bytes(left)
    sink = NdjsonFile(path)
    sink.write([line("{}")])
    sink.close()
    whole = b'{"a":1}\n' if left.startswith(b'{"a":1}\n') else b""
    assert path.read_bytes() == whole + b"{}\n"


def test_a_full_disk_leaves_no_half_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.ndjson"
    sink = NdjsonFile(path)
    sink.write([line("{}")])
    real, calls = os.write, []

    def full(file: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data[:5])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(SinkError, match="No space left"):
            sink.write(LINES)
    assert path.read_bytes() == b"{}\n"
    sink.write(LINES)
    assert path.read_bytes() == b'{}\n{"a":1}\n{"b":2}\n'
    sink.close()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="No such file"):
        NdjsonFile(tmp_path / "none" / "out").write(LINES)


# Syslog messages


def test_a_message_is_rfc_5424() -> None:
    found = message(LINES[1], host="watch.example.org", process=7)
    assert found == b'<82>1 1970-01-01T00:00:01.500000Z watch.example.org sentinel 7 assessment - {"b":2}'


@given(st.text())
def test_any_json_is_ascii_in_a_message_and_the_same_json(text: str) -> None:
    told = {"text": "".join(each for each in text if not 0xD800 <= ord(each) <= 0xDFFF)}
    found = message(Line(json.dumps(told, ensure_ascii=False).encode(), 0, None), host="h", process=1)
    assert found.isascii()
    assert json.loads(found.split(b" - ", 1)[1]) == told


# Servers


class Server:
    """Takes one connection after another; ``takes`` bytes of each, then it hangs up."""

    def __init__(self, context: ssl.SSLContext | None = None, takes: int | None = None) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.heard: list[bytearray] = []
        self.takes = takes
        self._context = context
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            heard = bytearray()
            self.heard.append(heard)
            self._open.append(connection)
            while self.takes is None or len(heard) < self.takes:
                try:
                    data = connection.recv(1000)
                except OSError:
                    break
                if not data:
                    break
                heard += data
            connection.close()

    def close(self) -> None:
        self.listening.close()
        for each in self._open:
            each.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(*arguments: object, **more: object) -> Server:
        made.append(Server(*arguments, **more))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for server in made:
        server.close()


def messages(heard: bytes) -> list[bytes]:
    """Octet-counted messages, without what syslog puts before them."""
    found = []
    while heard:
        length, _, rest = bytes(heard).partition(b" ")
        found.append(rest[: int(length)].split(b" - ", 1)[1])
        heard = rest[int(length) :]
    return found


def wait_for(server: Server, count: int) -> list[bytes]:
    """The messages of all connections, once there are so many."""
    done = threading.Event()
    for _ in range(int(TIMEOUT / 0.01)):
        found = [each for heard in server.heard for each in messages(heard)]
        if len(found) >= count:
            return found
        done.wait(0.01)
    raise AssertionError(f"{found} of {count} messages came")


def test_tcp_counts_octets(serve: Callable[..., Server]) -> None:
    server = serve()
    sink = Syslog(Target(f"syslog+tcp://127.0.0.1:{server.port}"), Certificates())
    sink.write(LINES)
    sink.write([line('{"ü":1}')])
    sink.close()
    assert wait_for(server, 3) == [b'{"a":1}', b'{"b":2}', b'{"\\u00fc":1}']
    assert len(server.heard) == 1


def test_udp_sends_a_datagram_a_message() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(TIMEOUT)
        sink = Syslog(Target(f"syslog+udp://127.0.0.1:{server.getsockname()[1]}"), Certificates())
        sink.write(LINES)
        assert [server.recv(4096).split(b" - ", 1)[1] for _ in LINES] == [b'{"a":1}', b'{"b":2}']
        with pytest.raises(SinkError, match="fits no datagram"):
            sink.write([line("x" * 70_000)])
        sink.close()


def test_a_server_that_hangs_up_has_taken_nothing(serve: Callable[..., Server]) -> None:
    server = serve(takes=1)
    sink = Syslog(Target(f"syslog+tcp://127.0.0.1:{server.port}"), Certificates(), patience=5)
    with pytest.raises(SinkError):
        sink.write([line("x" * 20_000_000)])
    server.heard.clear()
    server.takes = None
    sink.write(LINES)
    assert wait_for(server, 2) == [b'{"a":1}', b'{"b":2}']
    sink.close()


def test_a_server_that_was_restarted_in_between_gets_everything(serve: Callable[..., Server]) -> None:
    server = serve()
    sink = Syslog(Target(f"syslog+tcp://127.0.0.1:{server.port}"), Certificates())
    sink.write(LINES[:1])
    wait_for(server, 1)
    server._open[0].shutdown(socket.SHUT_RDWR)
    wait = threading.Event()
    wait.wait(0.1)
    sink.write(LINES[1:])
    assert wait_for(server, 2) == [b'{"a":1}', b'{"b":2}']
    sink.close()


def test_a_server_that_reads_nothing_has_taken_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sink = Syslog(Target(f"syslog+tcp://127.0.0.1:{silent.getsockname()[1]}"), Certificates(), patience=0.3)
        with pytest.raises(SinkError):
            sink.write([line("x" * 20_000_000)])
        sink.close()


def test_a_server_that_goes_with_what_it_has_not_read_has_taken_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel forgets what was not acknowledged when the connection is reset, so an empty queue alone proves
    nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(TIMEOUT)
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        monkeypatch.setattr("sentinel.siem.syslog.time.sleep", lambda _: silent.accept()[0].close())
        sink = Syslog(Target(f"syslog+tcp://127.0.0.1:{silent.getsockname()[1]}"), Certificates(), patience=5)
        with pytest.raises(SinkError, match="hung up"):
            sink.write([line("x" * 100_000)])
        sink.close()


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(SinkError, match="Connection refused"):
        Syslog(Target(f"syslog+tcp://127.0.0.1:{port}"), Certificates()).write(LINES)


class Authority:
    """Makes certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example CA")])
        self.ca = folder / "ca.pem"
        own = self._signed(self._name, self._key, ca=True)
        self.ca.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def certificate(self, name: str, *, address: str = "127.0.0.1", days: int = 1) -> tuple[Path, Path]:
        """Files with a certificate for an address, and its key; ``days`` until it ends."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._signed(subject, key, address=address, days=days)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool = False, address: str = "", days: int = 1
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=9))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if address:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def server_context(authority: Authority, *, wants: bool = False, **how: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("server", **how))  # type: ignore[arg-type]
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
    return context


def test_tls_shows_a_certificate_to_who_asks(serve: Callable[..., Server], authority: Authority) -> None:
    server = serve(server_context(authority, wants=True))
    certificate, key = authority.certificate("client")
    own = Certificates(ca=authority.ca, certificate=certificate, key=key)
    sink = Syslog(Target(f"syslog+tls://127.0.0.1:{server.port}"), own)
    sink.write(LINES)
    assert wait_for(server, 2) == [b'{"a":1}', b'{"b":2}']
    sink.close()


@pytest.mark.parametrize(
    ("how", "trusted"), [({"address": "127.0.0.2"}, True), ({"days": -1}, True), ({}, False)],
    ids=["another host's", "expired", "nobody's"],
)  # fmt: skip
def test_a_certificate_that_is_wrong_gets_nothing(
    serve: Callable[..., Server], authority: Authority, how: dict[str, object], trusted: bool
) -> None:
    server = serve(server_context(authority, **how))
    sink = Syslog(
        Target(f"syslog+tls://127.0.0.1:{server.port}"), Certificates(ca=authority.ca if trusted else None), patience=5
    )
    with pytest.raises(SinkError, match="CERTIFICATE_VERIFY_FAILED"):
        sink.write(LINES)
    assert not any(server.heard)


# Targets


@pytest.mark.parametrize(
    ("text", "kind", "port"),
    [
        ("stdout", "stdout", 0), ("file:/var/log/out.ndjson", "file", 0), ("syslog+udp://logs.example.org", "udp", 514),
        ("syslog+tcp://192.0.2.1:1514", "tcp", 1514), ("syslog+tls://[2001:db8::1]", "tls", 6514),
    ],
)  # fmt: skip
def test_targets(text: str, kind: str, port: int) -> None:
    found = Target(text)
    assert (found.kind, found.port, str(found)) == (kind, port, text)


@pytest.mark.parametrize(
    "text",
    ["", "out.ndjson", "file:out", "file:", "syslog://logs.example.org", "syslog+tcp://", "syslog+tcp://h:99999",
     "syslog+tls://h/path", "https://logs.example.org", "syslog+tcp://a b:1", "syslog+tcp://user@h:1"],
)  # fmt: skip
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(ValueError):
        Target(text)
