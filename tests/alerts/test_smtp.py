"""The mailer against real servers in process: plain, STARTTLS, TLS, refusing, silent and hostile ones."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sentinel.alerts.address import AddressError
from sentinel.alerts.smtp import MAX_MAILS, Mailer, Result, SmtpSettings

HOST = "127.0.0.1"
ADA = "ada@example.org"


class Inbox:
    """A handler that keeps what it is given and answers as told."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.sessions: list[Session] = []
        self.over_tls: list[bool] = []
        self.rcpt = "250 OK"
        self.data = "250 OK"
        self.mail = "250 OK"

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if self.mail.startswith("250"):
            envelope.mail_from = address
        return self.mail

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.sessions.append(session)
        self.over_tls.append(session.ssl is not None)
        if self.data.startswith("250"):
            self.mails.append(envelope)
        return self.data


@asynccontextmanager
async def serve(inbox: Inbox, *, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """A real aiosmtpd on a free port; ``tls`` makes the whole connection TLS."""
    loop = asyncio.get_running_loop()
    servers: list[SMTP] = []

    def protocol() -> SMTP:
        servers.append(SMTP(inbox, hostname="mail.example.org", loop=loop, **options))
        return servers[-1]

    server = await loop.create_server(protocol, HOST, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in servers:
            if one.transport is not None:
                # Before Python 3.11.4 a TLS connection that is closed already cannot be aborted.
                with suppress(AttributeError):
                    one.transport.abort()
        await server.wait_closed()


@asynccontextmanager
async def script(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server that does what no good server does."""

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve_one, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def mailer(port: int, **values: Any) -> AsyncIterator[Mailer]:
    settings: dict[str, Any] = {
        "host": HOST,
        "port": port,
        "tls": "none",
        "envelope_from": "bounces@example.org",
        "timeout": 5.0,
        "hello": "sentinel.example.org",
    }
    made = Mailer(SmtpSettings(**settings | values))
    try:
        yield made
    finally:
        await made.close()


def mail(subject: str = "Hello", to: str = ADA) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Example <security@example.org>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content("A calm mail – with a dash.\n.\nand a dot\n")
    return message


class Certificates:
    def __init__(self, folder: Path, *, names: tuple[str, ...] = (HOST,), days: int = 1) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.org")])
        now = datetime.now(UTC)
        alternatives = [x509.IPAddress(ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = str(folder / "certificate.pem")
        secret = folder / "key.pem"
        Path(self.file).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(self.file, secret)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


async def test_a_mail_arrives_whole() -> None:
    inbox = Inbox()
    async with serve(inbox) as port, mailer(port) as sender:
        assert await sender.send(mail(), ADA) == Result("sent")
    (envelope,) = inbox.mails
    assert envelope.mail_from == "bounces@example.org"
    assert envelope.rcpt_tos == [ADA]
    content = envelope.content
    assert isinstance(content, bytes)
    assert b"Subject: Hello" in content
    assert b"\r\n.\r\nand a dot" in content


async def test_one_connection_serves_several_mails() -> None:
    inbox = Inbox()
    async with serve(inbox) as port, mailer(port) as sender:
        for number in range(5):
            assert (await sender.send(mail(str(number)), ADA)).status == "sent"
    assert len(inbox.mails) == 5
    assert len({session.peer for session in inbox.sessions}) == 1


async def test_a_connection_is_given_back_after_many_mails() -> None:
    inbox = Inbox()
    async with serve(inbox) as port, mailer(port) as sender:
        for _ in range(MAX_MAILS + 1):
            assert (await sender.send(mail(), ADA)).status == "sent"
    assert len({session.peer for session in inbox.sessions}) == 2


async def test_concurrent_mails_do_not_mix() -> None:
    inbox = Inbox()
    async with serve(inbox) as port, mailer(port) as sender:
        people = [f"p{number}@example.org" for number in range(10)]
        results = await asyncio.gather(*(sender.send(mail(person, person), person) for person in people))
    assert {result.status for result in results} == {"sent"}
    assert len({session.peer for session in inbox.sessions}) == 1
    for envelope in inbox.mails:
        assert isinstance(envelope.content, bytes)
        assert f"Subject: {envelope.rcpt_tos[0]}\r\n".encode() in envelope.content


async def test_a_connection_that_went_bad_is_made_anew() -> None:
    inbox = Inbox()
    async with serve(inbox) as port, mailer(port) as sender:
        assert (await sender.send(mail("first"), ADA)).status == "sent"
        peer = inbox.sessions[0].peer
        assert sender._client is not None
        assert sender._client.transport is not None
        sender._client.transport.close()  # as after an idle time-out of the server or a firewall
        assert (await sender.send(mail("second"), ADA)).status == "sent"
    assert inbox.sessions[1].peer != peer
    assert len(inbox.mails) == 2


async def test_a_server_that_says_goodbye_between_two_mails() -> None:
    """421 on the health check: nothing of the mail was given to it, so a new connection is safe."""
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.startswith(b"DATA"):
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 ok\r\n")
            elif line.startswith(b"NOOP"):
                writer.write(b"421 idle too long\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")

    async with script(talk) as port, mailer(port) as sender:
        assert (await sender.send(mail(), ADA)).status == "sent"
        assert (await sender.send(mail(), ADA)).status == "sent"
    assert connections == 2


# --- refusals ---


@pytest.mark.parametrize(
    ("stage", "answer", "status", "reason"),
    [
        ("rcpt", "450 4.2.1 ada@example.org is busy", "temporary", "refused the recipient (450 4.2.1)"),
        ("rcpt", "451 greylisted", "temporary", "refused the recipient (451)"),
        ("rcpt", "550 5.1.1 <ada@example.org> unknown", "permanent", "refused the recipient (550 5.1.1)"),
        ("rcpt", "552 mailbox full", "permanent", "refused the recipient (552)"),
        ("rcpt", "530 5.7.0 Authentication required", "temporary", "refused the recipient (530 5.7.0)"),
        ("data", "451 4.3.0 try ada@example.org later", "temporary", "refused the mail (451 4.3.0)"),
        ("data", "554 5.7.1 spam from ada@example.org", "permanent", "refused the mail (554 5.7.1)"),
        ("mail", "550 5.7.1 bounces@example.org not allowed", "temporary", "refused the sender (550 5.7.1)"),
        ("mail", "451 later", "temporary", "refused the sender (451)"),
    ],
)
async def test_a_refusal_is_judged_and_its_reason_holds_no_address(
    stage: str, answer: str, status: str, reason: str
) -> None:
    inbox = Inbox()
    setattr(inbox, stage, answer)
    async with serve(inbox) as port, mailer(port) as sender:
        result = await sender.send(mail(), ADA)
        assert result.status == status
        assert reason in result.reason
        assert "@" not in result.reason
        # The next mail is not harmed by it.
        setattr(inbox, stage, "250 OK")
        assert (await sender.send(mail("next"), ADA)).status == "sent"
    assert len(inbox.mails) == 1


@pytest.mark.parametrize("address", ["", "ada", "ada@example.org\r\nRCPT TO:<eve@example.org>", "a@b, c@d"])
async def test_a_bad_address_never_reaches_the_server(address: str) -> None:
    async with mailer(1) as sender:
        result = await sender.send(mail(), address)
    assert result.status == "permanent"
    assert "plain mail address" in result.reason
    assert "@example" not in result.reason


async def test_a_bad_sender_is_refused_at_once() -> None:
    settings = SmtpSettings(host=HOST, port=1, tls="none", envelope_from="a@b\r\nc")
    with pytest.raises(AddressError):
        Mailer(settings)


async def test_an_international_address_needs_a_server_that_takes_it() -> None:
    inbox = Inbox()
    async with serve(inbox, enable_SMTPUTF8=True) as port, mailer(port) as sender:
        assert (await sender.send(mail(), "josé@example.org")).status == "sent"
    assert inbox.mails[0].rcpt_tos == ["josé@example.org"]
    async with serve(inbox) as port, mailer(port) as sender:
        result = await sender.send(mail(), "josé@example.org")
    assert result == Result("permanent", "the address needs SMTPUTF8, which the mail server does not offer")


# --- TLS ---


async def test_starttls_with_an_own_authority(certificates: Certificates) -> None:
    inbox = Inbox()
    options = {"tls_context": certificates.server, "require_starttls": True}
    async with (
        serve(inbox, **options) as port,
        mailer(port, tls="starttls", ca_file=certificates.file) as sender,
    ):
        assert (await sender.send(mail(), ADA)).status == "sent"
        assert (await sender.send(mail(), ADA)).status == "sent"
    assert inbox.over_tls == [True, True]


async def test_tls_from_the_first_byte(certificates: Certificates) -> None:
    inbox = Inbox()
    async with (
        serve(inbox, tls=certificates.server) as port,
        mailer(port, tls="tls", ca_file=certificates.file) as sender,
    ):
        assert (await sender.send(mail(), ADA)).status == "sent"
    assert len(inbox.mails) == 1


async def test_starttls_not_offered_sends_nothing_in_clear(certificates: Certificates) -> None:
    inbox = Inbox()
    async with serve(inbox) as port, mailer(port, tls="starttls", ca_file=certificates.file) as sender:
        result = await sender.send(mail(), ADA)
    assert result.status == "temporary"
    assert result.server
    assert result.reason == "the mail server does not offer STARTTLS; nothing was sent in clear"
    assert inbox.mails == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_an_unknown_authority_is_not_accepted(certificates: Certificates, tls: str) -> None:
    inbox = Inbox()
    if tls == "starttls":
        server = serve(inbox, tls_context=certificates.server)
    else:
        server = serve(inbox, tls=certificates.server)
    async with server as port, mailer(port, tls=tls) as sender:
        result = await sender.send(mail(), ADA)
    assert result.status == "temporary"
    assert result.server
    assert "certificate was not accepted: self-signed certificate" in result.reason
    assert inbox.mails == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_for_another_host_is_not_accepted(tmp_path: Path, tls: str) -> None:
    other = Certificates(tmp_path, names=("other.example.org",))
    inbox = Inbox()
    server = serve(inbox, tls_context=other.server) if tls == "starttls" else serve(inbox, tls=other.server)
    async with server as port, mailer(port, tls=tls, ca_file=other.file) as sender:
        result = await sender.send(mail(), ADA)
    assert result.status == "temporary"
    assert "certificate was not accepted" in result.reason
    assert inbox.mails == []


async def test_an_expired_certificate_is_not_accepted(tmp_path: Path) -> None:
    old = Certificates(tmp_path, days=-1)
    inbox = Inbox()
    async with (
        serve(inbox, tls_context=old.server) as port,
        mailer(port, tls="starttls", ca_file=old.file) as sender,
    ):
        result = await sender.send(mail(), ADA)
    assert "certificate was not accepted: certificate has expired" in result.reason


async def test_tls_spoken_to_a_plain_server() -> None:
    async with serve(Inbox()) as port, mailer(port, tls="tls") as sender:
        result = await sender.send(mail(), ADA)
    assert result.status == "temporary"
    assert result.reason.startswith("connecting: no TLS connection")


# --- signing in ---


async def test_signing_in(certificates: Certificates) -> None:
    seen: list[Any] = []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    inbox = Inbox()
    options = {"tls_context": certificates.server, "authenticator": authenticate, "auth_required": True}
    async with serve(inbox, **options) as port:
        values = {"tls": "starttls", "ca_file": certificates.file, "username": "sentinel"}
        async with mailer(port, password="right", **values) as sender:
            assert (await sender.send(mail(), ADA)).status == "sent"
        async with mailer(port, password="wrong", **values) as sender:
            result = await sender.send(mail(), ADA)
    assert seen[0] == (b"sentinel", b"right")
    assert result.status == "temporary"
    assert result.server
    assert result.reason == "signing in: the mail server refused (535 5.7.8)"


async def test_no_way_to_sign_in() -> None:
    async with serve(Inbox()) as port, mailer(port, username="sentinel", password="x") as sender:
        result = await sender.send(mail(), ADA)
    assert result.reason == "signing in: the mail server offers no way to sign in"


def test_settings_do_not_show_the_password() -> None:
    settings = SmtpSettings(
        host=HOST, port=25, tls="tls", envelope_from=ADA, username="sentinel", password="very secret"
    )
    assert "very secret" not in repr(settings)


# --- trouble ---


async def test_nobody_listens() -> None:
    async with serve(Inbox()) as port:
        pass
    async with mailer(port) as sender:
        result = await sender.send(mail(), ADA)
    assert result == Result("temporary", "connecting: no connection: Connection refused", server=True)


async def drops_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def refuses_to_talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"554 no service for you\r\n")
    await reader.read()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def talks_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\xff\xfe not smtp at all\r\n")
    await reader.read()


async def never_ends_a_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(b"2" * 65_536)
        await writer.drain()


async def never_ends_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    await reader.readline()
    while True:
        writer.write(b"250-MORE\r\n" * 1000)
        await writer.drain()


async def drops_at_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    while not (await reader.readline()).startswith(b"DATA"):
        writer.write(b"250 ok\r\n")


async def stalls_after_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    while not (await reader.readline()).startswith(b"DATA"):
        writer.write(b"250 ok\r\n")
    writer.write(b"354 go\r\n")
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (drops_at_once, "connecting: no connection"),
        (refuses_to_talk, "connecting: the mail server refused (554)"),
        (says_nothing, "connecting: no answer in time"),
        (talks_nonsense, "connecting: the mail server refused (-1)"),
        (never_ends_a_line, "connecting: the mail server refused (-1)"),
        (never_ends_an_answer, "the greeting: the mail server refused (-1)"),
        (drops_at_data, "the connection broke while handing over the mail (the connection was lost)"),
        (stalls_after_data, "the connection broke while handing over the mail (no answer in time)"),
    ],
)
async def test_bad_servers_are_temporary_trouble(talk: Any, reason: str) -> None:
    async with script(talk) as port, mailer(port, timeout=0.3) as sender:
        result = await asyncio.wait_for(sender.send(mail(), ADA), 10)
        assert result.status == "temporary"
        assert reason in result.reason
        assert HOST not in result.reason
        assert sender._client is None


async def test_a_server_that_is_just_fast_enough_each_time_does_not_hold_a_mail_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sentinel.alerts.smtp._BUDGET", 1)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while await reader.readline():
            await asyncio.sleep(0.2)  # below the time-out each time, above it after three answers
            writer.write(b"250 ok\r\n")

    async with script(drip) as port, mailer(port, timeout=0.5) as sender:
        result = await sender.send(mail(), ADA)
    assert result == Result("temporary", "the mail server took longer than 0.5 s for one mail")


async def test_a_cancelled_mail_leaves_no_connection_behind() -> None:
    stalled = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while not (await reader.readline()).startswith(b"DATA"):
            writer.write(b"250 ok\r\n")
        stalled.set()
        await reader.read()

    async with script(stall) as port, mailer(port) as sender:
        task = asyncio.create_task(sender.send(mail(), ADA))
        await stalled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sender._client is None
