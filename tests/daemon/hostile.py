"""A mail server that does what no good one does, by plan: the same faults in every run."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

HOST: Final = "127.0.0.1"

#: What happens to the mail of a recipient, by number: until it was tried so often (0: always), and what.
FAULTS: Final = (
    "", "", "", "", "rcpt 450", "rcpt 550", "data 451", "data 554", "dot 452", "dot 552", "drop rcpt", "drop data",
    "drop before dot", "drop after dot", "slow rcpt", "421 rcpt", "nonsense rcpt", "long rcpt",
)  # fmt: skip
_CONNECTIONS: Final = (
    "", "", "banner", "", "no starttls", "", "expired", "", "mail 451", "", "mail 550", "", "ehlo 421", "", "drop ehlo",
    "", "starttls 454", "",
)  # fmt: skip
#: What happens to a connection, by number. What takes a time-out is rare.
CONNECTIONS: Final = (*_CONNECTIONS * 5, "slow banner")
#: Mails that a connection takes before its own fault shows at MAIL.
_BEFORE_MAIL: Final = 7
#: A drip is this many seconds a byte; the tests' time-outs are shorter than what it says.
_DRIP: Final = 0.1


class Hostile:
    """``accepted`` counts mails taken by recipient, ``lost`` those whose answer never arrived, ``clear`` those that
    came without encryption. ``always`` makes the faults of some recipients last."""

    def __init__(
        self, good: ssl.SSLContext, expired: ssl.SSLContext, *, connections: tuple[str, ...] = CONNECTIONS
    ) -> None:
        self.accepted: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.tries: Counter[str] = Counter()
        self.faults: dict[str, str] = {}
        self.always: set[str] = set()
        self.clear = 0
        self.met: Counter[str] = Counter()
        self._contexts = {"": good, "expired": expired}
        self._plans = connections
        self._connections = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[int]:
        """On a free port."""
        talks: set[asyncio.Task[None]] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talks.add(task)
            try:
                await self._talk(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError, _Gone):
                pass
            finally:
                talks.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(talk, HOST, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in talks:
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plan = self._plans[self._connections % len(self._plans)]
        self._connections += 1
        self.met[plan] += 1
        if plan == "banner":
            writer.write(b"220 " + b"x" * 512 * 1024 + b"\r\n")
        elif plan == "slow banner":
            await self._slowly(writer, b"220 hello there, this takes its time\r\n")
        else:
            writer.write(b"220 hello\r\n")
        secure, mails = False, 0
        recipient = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                if plan == "ehlo 421":
                    writer.write(b"421 not now\r\n")
                    raise _Gone
                if plan == "drop ehlo":
                    raise _Gone
                offered = not secure and plan != "no starttls"
                writer.write(b"250-hello\r\n250-8BITMIME\r\n" + (b"250 STARTTLS\r\n" if offered else b"250 SIZE\r\n"))
            elif verb == b"STAR":
                if plan == "starttls 454":
                    writer.write(b"454 no TLS today\r\n")
                    continue
                writer.write(b"220 go\r\n")
                await writer.start_tls(self._contexts[plan if plan == "expired" else ""])
                secure = True
            elif verb == b"MAIL":
                mails += 1
                if plan.startswith("mail") and mails > _BEFORE_MAIL:
                    writer.write(plan[5:].encode() + b" 5.7.1 not from you\r\n")
                else:
                    writer.write(b"250 ok\r\n")
            elif verb == b"RCPT":
                recipient = line[line.index(b"<") + 1 : line.index(b">")].decode()
                await self._recipient(writer, recipient)
            elif verb == b"DATA":
                await self._data(reader, writer, recipient, secure)
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()

    def _fault(self, recipient: str) -> str:
        """What is to happen now: a temporary fault the first time only, a permanent one always."""
        fault = self.faults.get(recipient, "")
        once = fault.split()[-1] not in ("550", "554", "552") if fault else False
        return "" if once and self.tries[recipient] > 1 and recipient not in self.always else fault

    async def _recipient(self, writer: asyncio.StreamWriter, recipient: str) -> None:
        self.tries[recipient] += 1
        fault = self._fault(recipient)
        self.met[fault] += 1
        if fault in ("rcpt 450", "rcpt 550"):
            writer.write(fault[5:].encode() + b" <" + recipient.encode() + b"> no\r\n")
        elif fault == "drop rcpt":
            raise _Gone
        elif fault == "slow rcpt":
            await self._slowly(writer, b"250 this takes its time\r\n")
        elif fault == "421 rcpt":
            writer.write(b"421 closing\r\n")
            raise _Gone
        elif fault == "nonsense rcpt":
            writer.write(b"\xff\xfe\x00 what\r\n")
        elif fault == "long rcpt":
            writer.write(b"250-" + b"y" * 600 * 1024)
        else:
            writer.write(b"250 ok\r\n")

    async def _data(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str, secure: bool
    ) -> None:
        fault = self._fault(recipient)
        if fault in ("data 451", "data 554"):
            writer.write(fault[5:].encode() + b" no\r\n")
            return
        if fault == "drop data":
            raise _Gone
        writer.write(b"354 go\r\n")
        if fault == "drop before dot":
            await reader.readline()
            raise _Gone
        await reader.readuntil(b"\r\n.\r\n")
        self.clear += not secure
        if fault in ("dot 452", "dot 552"):
            writer.write(fault[4:].encode() + b" no\r\n")
            return
        self.accepted[recipient] += 1
        if fault == "drop after dot":
            self.lost[recipient] += 1
            raise _Gone
        writer.write(b"250 taken\r\n")

    async def _slowly(self, writer: asyncio.StreamWriter, text: bytes) -> None:
        for byte in text:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(_DRIP)


class _Gone(Exception):  # noqa: N818  # the connection is cut
    pass
