"""A whole daemon in the test's process or in one of its own, and the command line with an empty home."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from aiohttp import web_app
from aiosmtpd.smtp import SMTP, Envelope, Session

from sentinel.api.auth import SCOPES, new_key
from sentinel.config import load
from sentinel.daemon.daemon import Daemon
from tests.warm import Warm

HOST = "127.0.0.1"
#: The longest that anything here may take, in seconds: a test that waits in vain shall fail, not hang.
PATIENCE = 30.0

HOME: dict[str, Any] = {
    "ip": "192.0.2.7",
    "device_id": "laptop",
    "place": {"country": "FR", "city": "Paris", "lat": 48.9, "lon": 2.4},
    "network": {"asn": 64496, "organisation": "Example Home", "kind": "residential"},
}
AWAY: dict[str, Any] = {
    "ip": "203.0.113.9",
    "device_id": "stranger",
    "place": {"country": "JP", "city": "Tokyo", "lat": 35.7, "lon": 139.7},
    "network": {"asn": 64500, "organisation": "Example Abroad", "kind": "residential"},
}


def ago(**span: float) -> str:
    """The time so long ago, as an event has it."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat().replace("+00:00", "Z")


def login(id: str, time: str | None = None, **fields: Any) -> dict[str, Any]:
    """A successful login of ``u-1`` at home unless told otherwise; a field of None is left out."""
    event = {"id": id, "time": time or ago(), "account": "u-1", "outcome": "success", **HOME} | fields
    return {name: value for name, value in event.items() if value is not None}


def habits(account: str = "u-1", count: int = 4, **fields: Any) -> list[dict[str, Any]]:
    """Logins at home on the days before today: the trusted past of an account."""
    return [
        login(f"past-{account}-{number}", ago(days=count - number, hours=1), account=account, **fields)
        for number in range(count)
    ]


class Mailbox:
    """A catch-all: keeps who each mail was for and what it says."""

    def __init__(self) -> None:
        self.mails: list[tuple[tuple[str, ...], EmailMessage]] = []
        self._came = asyncio.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        message = message_from_bytes(content if isinstance(content, bytes) else b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append((tuple(envelope.rcpt_tos), message))
        self._came.set()
        return "250 taken"

    @property
    def recipients(self) -> list[str]:
        """Of all mails, in the order they came."""
        return [address for recipients, _ in self.mails for address in recipients]

    async def wait(self, count: int) -> None:
        """Wait until so many mails came."""
        async with asyncio.timeout(PATIENCE):
            while len(self.mails) < count:
                self._came.clear()
                await self._came.wait()


class MailServer:
    """A real aiosmtpd that takes everything, on a free port or on ``port``."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self.port = 0
        self._sessions: list[SMTP] = []

    async def start(self, port: int = 0) -> None:
        loop = asyncio.get_running_loop()

        def protocol() -> SMTP:
            self._sessions.append(SMTP(self.mailbox, hostname="mail.example.org", loop=loop))
            return self._sessions[-1]

        self._server = await loop.create_server(protocol, HOST, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for session in self._sessions:
            if isinstance(session.transport, asyncio.WriteTransport):
                session.transport.abort()
        await self._server.wait_closed()


@dataclass(frozen=True)
class Reply:
    """What the daemon answered; ``body`` is the JSON in it."""

    status: int
    headers: Any
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Client:
    """Speaks to a daemon with one key."""

    def __init__(self, base: str, secret: str | None, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.secret = secret
        self._session = session

    async def ask(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Reply:
        """``body`` is sent as it is when it is bytes, else as JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        if data is not None:
            sent["Content-Type"] = "application/json"
        sending = BytesIO(data) if data is not None else None  # aiohttp warns of large bytes
        async with self._session.request(
            method, self.base + path, data=sending, headers=sent | (headers or {})
        ) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.text())

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any, **more: Any) -> Reply:
        return await self.ask("POST", path, body, **more)

    async def put(self, path: str, body: Any, **more: Any) -> Reply:
        return await self.ask("PUT", path, body, **more)

    async def delete(self, path: str, **more: Any) -> Reply:
        return await self.ask("DELETE", path, **more)

    async def take(self, events: Sequence[dict[str, Any]]) -> None:
        """Post events that must all be accepted."""
        reply = await self.post("/v1/events", list(events))
        assert reply.status == 202, reply.text
        assert reply.body["rejected"] == []

    async def assess(self, event: dict[str, Any]) -> dict[str, Any]:
        """The assessment of an event that must be accepted."""
        reply = await self.post("/v1/assessments", event)
        assert reply.status == 200, reply.text
        found: dict[str, Any] = reply.body
        return found


class InProcess:
    """A daemon in this process, on a free port, with a state of its own."""

    def __init__(self, config: Path) -> None:
        self.path = config
        self.daemon = Daemon(load(config))
        self._session = aiohttp.ClientSession()
        self._keys = 0

    async def start(self) -> None:
        """Returns once requests are answered; raises what kept it from starting."""
        self._task = asyncio.ensure_future(self.daemon.run())
        ready = asyncio.ensure_future(self.daemon.started.wait())
        await asyncio.wait([self._task, ready], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
        ready.cancel()
        if self._task.done():
            await self._session.close()
            await self._task

    async def stop(self) -> None:
        """Drain and stop; raises what the daemon broke off with."""
        self.daemon.stop()
        await self._session.close()
        async with asyncio.timeout(PATIENCE):
            await self._task
        # It remembers every application that ever was, and with it all parts of a daemon.
        web_app._cached_build_middleware.cache_clear()

    @property
    def base(self) -> str:
        return f"http://{HOST}:{self.daemon.port}"

    async def client(self, *scopes: str, tenant: str = "default") -> Client:
        """A client with a new key; without scopes it has them all."""
        self._keys += 1
        key, secret = new_key(f"key-{self._keys}", tenant, scopes or SCOPES, now=1)
        assert await self.daemon.store.put_key(key)
        return Client(self.base, secret, self._session)

    def stranger(self, secret: str | None = None) -> Client:
        """A client with no key, or with one that nobody gave out."""
        return Client(self.base, secret, self._session)


class Command:
    """The command ``sentinel`` in a process of its own, with an empty home."""

    def __init__(self, home: Path, warm: Warm) -> None:
        self.home = home
        self._warm = warm
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "200"}

    @property
    def state(self) -> Path:
        """Where state goes when nothing is configured."""
        return self.home / ".local/state/sentinel"

    def popen(self, *arguments: str | Path, **more: Any) -> subprocess.Popen[bytes]:
        """Start it in a fresh interpreter."""
        command = [sys.executable, "-m", "sentinel.cli.main", *map(str, arguments)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.PIPE}
        return subprocess.Popen(command, env=self.env, cwd=self.home, **pipes | more)

    def __call__(self, *arguments: str | Path, input: str | bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run to the end, from a process that has everything imported; output is text."""
        with TemporaryDirectory(prefix="command-") as folder:
            files = [Path(folder, name) for name in ("in", "out", "err")]
            files[0].write_bytes(input.encode() if isinstance(input, str) else input)
            for file in files[1:]:
                file.touch()
            code = self._warm.run([str(word) for word in arguments], env=self.env, cwd=self.home, files=files)
            return subprocess.CompletedProcess(arguments, code, files[1].read_text(), files[2].read_text())

    def fresh(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run to the end in a fresh interpreter."""
        process = self.popen(*arguments)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, process.returncode, out.decode(), err.decode())


class OwnProcess:
    """A daemon as ``sentinel run``, with what it logged."""

    def __init__(self, command: Command, config: Path) -> None:
        self._command = command
        self._config = config
        self.log: list[dict[str, Any]] = []

    def start(self) -> "OwnProcess":
        """Returns once requests are answered; ``port`` is in the log line that says so."""
        self.process = self._command.popen("--config", self._config, "run", stdout=subprocess.DEVNULL)
        self.port = int(self.wait_for("ready")["server.port"])
        return self

    @property
    def base(self) -> str:
        return f"http://{HOST}:{self.port}"

    def wait_for(self, message: str) -> dict[str, Any]:
        """The next log line whose message begins so."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            if self.log[-1]["message"].startswith(message):
                return self.log[-1]
        raise AssertionError(f"the daemon ended with {self.process.wait()}: {self.log}")

    def kill(self) -> None:
        """As a power cut ends it."""
        self.process.kill()
        self._reap()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        _, rest = self.process.communicate(timeout=PATIENCE)
        self.log += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode
