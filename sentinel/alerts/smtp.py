"""The mail server: hands over one mail at a time and says what became of it. The only file that uses
aiosmtplib."""

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import Final, Literal

import aiosmtplib
import msgspec

from sentinel.alerts.address import AddressError, check_address
from sentinel.alerts.dkim import DkimError, Signer

Tls = Literal["starttls", "tls", "none"]

#: A connection is given back after this many mails; mail servers commonly end longer ones themselves.
MAX_MAILS: Final = 100
#: One mail takes a dozen answers of the server; all of them together may take this many times ``timeout``.
_BUDGET: Final = 3
#: The server closes the connection (RFC 5321 section 3.8).
_CLOSING: Final = 421
#: Servers that answer "authentication required" or "encryption needed" speak of the settings, not of the mail
#: (RFC 4954 section 6, RFC 3207 section 4).
_SETTINGS_CODES: Final = frozenset({_CLOSING, 454, 523, 524, 530, 534, 535, 538})
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """How to reach the mail server.

    ``tls`` is ``tls`` (from the first byte), ``starttls`` (required, never skipped) or ``none``.
    ``timeout`` is in seconds and holds for each answer. ``envelope_from`` is where bounces go. ``ca_file``
    replaces the system's certificate authorities. ``hello`` is the name given in EHLO (default: this
    machine's).
    """

    host: str
    port: int
    tls: Tls
    envelope_from: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 20.0
    ca_file: str | None = None
    hello: str | None = None

    @property
    def budget(self) -> float:
        """The longest one mail may take, in seconds."""
        return self.timeout * _BUDGET


class Result(msgspec.Struct, frozen=True):
    """What became of a mail. ``reason`` is for the operator and never holds an address or the server's own
    words (they often repeat the address). ``server`` says that the fault is the server's or the settings',
    so that the next mail would fare no better; ``refused`` that the address is, for good."""

    status: Literal["sent", "temporary", "permanent"]
    reason: str = ""
    server: bool = False
    refused: bool = False


class _ServerTroubleError(Exception):
    """The connection could not be made ready for a mail; the text is the reason."""


class Mailer:
    """One connection to the mail server, kept for several mails and made anew when it went bad.

    ``signer`` signs the mails. Pipelining (RFC 2920) is not used: aiosmtplib has none, and several connections hide
    the server's delay as well (docs/delivery.md).

    Raises :class:`sentinel.alerts.address.AddressError` for a bad ``envelope_from``, :class:`OSError` or
    :class:`ssl.SSLError` for a ``ca_file`` that cannot be read.
    """

    def __init__(self, settings: SmtpSettings, signer: Signer | None = None) -> None:
        self.settings = settings
        self._signer = signer
        self._sender = check_address(settings.envelope_from).addr_spec
        self._context: ssl.SSLContext | None = None
        if settings.tls != "none":
            self._context = ssl.create_default_context(cafile=settings.ca_file)
        self._lock = asyncio.Lock()
        self._client: aiosmtplib.SMTP | None = None
        self._mails = 0

    @property
    def budget(self) -> float:
        """The longest :meth:`send` may take, in seconds; a lease on a mail must be longer."""
        return self.settings.budget

    async def send(self, message: EmailMessage, recipient: str) -> Result:
        """Hand ``message`` over for ``recipient``. Never raises for what a server or an address can do
        wrong."""
        try:
            address = check_address(recipient).addr_spec
        except AddressError as error:
            return Result("permanent", str(error))
        async with self._lock:
            try:
                async with asyncio.timeout(self.budget):
                    client = await self._ready()
                    return await self._hand_over(client, message, address)
            except _ServerTroubleError as error:
                self._drop()
                return Result("temporary", str(error), server=True)
            except TimeoutError:
                self._drop()
                return Result("temporary", f"the mail server took longer than {self.budget:g} s for one mail")
            except BaseException:  # cancelled half-way: the connection is in no state for another mail
                self._drop()
                raise

    async def close(self) -> None:
        """Say goodbye and close. The next :meth:`send` connects again."""
        async with self._lock:
            if self._client is not None:
                with suppress(aiosmtplib.SMTPException, OSError, TimeoutError, ValueError):
                    await self._client.quit(timeout=min(self.settings.timeout, 5.0))
            self._drop()

    async def _ready(self) -> aiosmtplib.SMTP:
        """The kept connection if it still answers, else a new one."""
        client = self._client
        if client is not None and client.is_connected and self._mails < MAX_MAILS:
            try:
                await client.noop()
            except (aiosmtplib.SMTPException, OSError, ValueError):
                pass  # went bad while idle; nothing was under way on it
            else:
                return client
        self._drop()
        return await self._connect()

    async def _connect(self) -> aiosmtplib.SMTP:
        settings = self.settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout,
            use_tls=settings.tls == "tls",
            start_tls=False,  # done below, where its absence can be told from other faults
            tls_context=self._context,
            local_hostname=settings.hello,
        )
        self._client, self._mails = client, 0
        await _step("connecting", client.connect())
        if settings.tls == "starttls":
            await _step("the greeting", client.ehlo())
            if not client.supports_extension("starttls"):
                raise _ServerTroubleError("the mail server does not offer STARTTLS; nothing was sent in clear")
            await _step("STARTTLS", client.starttls())
        await _step("the greeting", client.ehlo())
        if settings.username is not None:
            await _step("signing in", client.login(settings.username, settings.password or ""))
        return client

    async def _hand_over(self, client: aiosmtplib.SMTP, message: EmailMessage, address: str) -> Result:
        self._mails += 1
        try:
            options, data = self._data(client, message, address)
            await client.sendmail(self._sender, [address], data, mail_options=options)
        except DkimError as error:
            return Result("temporary", str(error))
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            result = self._judge("the recipient", refused.code, refused.message)
            return msgspec.structs.replace(result, refused=result.status == "permanent")
        except aiosmtplib.SMTPSenderRefused as error:
            # Every mail has this sender: a fault of the settings that the operator can mend before it
            # expires.
            self._drop()
            return Result("temporary", f"the mail server refused the sender ({_code(error)})", server=True)
        except aiosmtplib.SMTPDataError as error:
            return self._judge("the mail", error.code, error.message)
        except aiosmtplib.SMTPNotSupported:
            return Result("permanent", "the address needs SMTPUTF8, which the mail server does not offer")
        except aiosmtplib.SMTPResponseException as error:
            self._drop()
            return Result("temporary", f"the mail server gave an answer out of turn ({_code(error)})")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._drop()
            reason = f"the connection broke while handing over the mail ({_trouble(error)})"
            return Result("temporary", reason)
        return Result("sent")

    def _data(self, client: aiosmtplib.SMTP, message: EmailMessage, address: str) -> tuple[list[str], bytes]:
        """What to ask of the server for this mail, and its bytes, signed if that is wanted."""
        options, policy = [], SMTP
        if not address.isascii():
            if not client.supports_extension("smtputf8"):
                raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
            options, policy = ["SMTPUTF8"], SMTPUTF8
        if client.supports_extension("8bitmime"):
            options.append("BODY=8BITMIME")
        else:
            policy = policy.clone(cte_type="7bit")
        data = message.as_bytes(policy=policy)
        return options, data if self._signer is None else self._signer.signed(data)

    def _judge(self, what: str, code: int, message: str) -> Result:
        reason = f"the mail server refused {what} ({_codes(code, message)})"
        if code in _SETTINGS_CODES:
            self._drop()
            # One that closes the connection (421) may not like this mail; whether it is there for the next, a new
            # connection tells.
            return Result("temporary", reason, server=code != _CLOSING)
        if 500 <= code <= 599:
            return Result("permanent", reason)
        if not 400 <= code <= 499:
            # An answer that fits no question: client and server no longer speak of the same thing.
            self._drop()
        return Result("temporary", reason)

    def _drop(self) -> None:
        """Forget the connection without waiting for a server that may not answer."""
        client, self._client = self._client, None
        if client is not None:
            transport = client.transport
            client.close()
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()


async def _step(name: str, work: Awaitable[object]) -> None:
    try:
        await work
    except aiosmtplib.SMTPResponseException as error:
        raise _ServerTroubleError(f"{name}: the mail server refused ({_code(error)})") from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _ServerTroubleError(f"{name}: {_trouble(error)}") from error


def _trouble(error: BaseException | None) -> str:
    """What went wrong, in words without host names: the library's texts name the peer."""
    cause = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the mail server's certificate was not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS connection: {cause.reason or 'handshake failed'}"
        cause = cause.__cause__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiosmtplib.SMTPConnectError):
        return "no connection: " + (_errno(error.__cause__) or "refused or cut off")
    if isinstance(error, ConnectionError):
        return "the connection was lost"
    if isinstance(error, aiosmtplib.SMTPException) and "AUTH" in str(error):
        return "the mail server offers no way to sign in"
    return type(error).__name__


def _errno(error: BaseException | None) -> str:
    if isinstance(error, socket.gaierror):
        return "the host name was not found"
    # Not its own text: asyncio writes the address into it.
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""


def _code(error: aiosmtplib.SMTPResponseException) -> str:
    return _codes(error.code, error.message)


def _codes(code: int, message: str) -> str:
    enhanced = _ENHANCED.match(message)
    return f"{code} {enhanced[0]}" if enhanced else str(code)
