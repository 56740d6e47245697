"""`sentinel demo`: a whole daemon with a catch-all mail server and traffic, nothing to configure."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import tempfile
import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final
from unicodedata import normalize

import aiohttp
from aiosmtpd.smtp import SMTP
from rich.console import Console

from sentinel.api.auth import SCOPES, new_key
from sentinel.config import load
from sentinel.daemon.daemon import Daemon
from sentinel.demo.traffic import live, traffic
from sentinel.errors import SentinelError

_SEED: Final = 7
_DAYS: Final = 20
_BATCH: Final = 500
#: Seconds that the last mails may take.
_LAST_MAILS: Final = 5
_COLOURS: Final = {"allow": "green", "notify": "yellow", "challenge": "magenta", "block": "red"}


class _Mailbox:
    """The catch-all: every mail becomes three files, as sent, as text and as HTML."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder = folder
        self.count = 0
        self._console = console

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.count += 1
        stem = f"{self.count:03d}-{re.sub(r'[^a-z0-9]+', '-', _plain(str(message['Subject'])))[:60].strip('-')}"
        (self.folder / f"{stem}.eml").write_bytes(envelope.content)
        for kind in ("html", "plain"):
            part = message.get_body((kind,))
            if part is not None:
                (self.folder / f"{stem}.{'html' if kind == 'html' else 'txt'}").write_text(part.get_content())
        self._console.print(f"[cyan]mail[/cyan]       {message['Subject']}  →  {stem}.html", highlight=False)
        return "250 taken"


async def run(console: Console, *, seconds: float | None, port: int) -> None:
    """Run the demo until it is stopped, or for ``seconds``. ``port`` 0 takes any free one."""
    with tempfile.TemporaryDirectory(prefix="sentinel-demo-") as scratch:
        # The mails stay behind, to be looked at when the demo has ended.
        mails = Path(tempfile.mkdtemp(prefix="sentinel-demo-mails-"))
        mailbox = _Mailbox(mails, console)
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(lambda: SMTP(mailbox, hostname="localhost"), "127.0.0.1", 0)
        config = Path(scratch, "sentinel.toml")
        http = port if port and _free(port) else _any_free()
        mail = smtp.sockets[0].getsockname()[1]
        config.write_text(_CONFIG.format(state=Path(scratch, "state"), http=http, smtp=mail))  # noqa: ASYNC240  # at the start
        daemon = Daemon(load(config))
        task = asyncio.ensure_future(daemon.run())
        ready = asyncio.ensure_future(daemon.started.wait())
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            ready.cancel()
            await task
        key, secret = new_key("demo", "default", SCOPES, now=time.time_ns() // 1000)
        await daemon.store.put_key(key)
        base = f"http://127.0.0.1:{daemon.port}"
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, daemon.stop)
        try:
            async with aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {secret}"}) as session:
                await _play(console, session, daemon, base, secret, mails, seconds)
            await _delivered(daemon)
        finally:
            daemon.stop()
            await task
            smtp.close()
            console.print(f"\n{mailbox.count} mails are in {mails}", highlight=False, soft_wrap=True)


async def _play(
    console: Console,
    session: aiohttp.ClientSession,
    daemon: Daemon,
    base: str,
    secret: str,
    mails: Path,
    seconds: float | None,
) -> None:
    start = datetime.now(UTC)
    history = list(traffic(_SEED, start - timedelta(days=_DAYS), days=_DAYS))
    began = time.perf_counter()
    for at in range(0, len(history), _BATCH):
        await _post(session, history[at : at + _BATCH])
    took = time.perf_counter() - began
    accounts = len({event.get("account") for event in history})
    console.print(f"[bold]sentinel demo[/bold]: {base}, mails are kept in {mails}", highlight=False, soft_wrap=True)
    console.print(f"learned {len(history):,} events of {accounts} made-up accounts in {took:.1f} s\n", highlight=False)
    console.print("Post an event yourself:\n", highlight=False)
    console.print(_CURL.format(base=base, secret=secret), highlight=False, markup=False, soft_wrap=True)
    console.print(
        "\nNow live; ordinary logins are counted, what stands out is shown. The mails (open an .html in a browser) ask "
        '"Was this you?": answer one. Ctrl-C ends it.\n',
        highlight=False,
    )
    quiet = 0
    shown: dict[tuple[str, str], int] = {}
    end = time.perf_counter() + seconds if seconds is not None else None
    for wait, event in live(_SEED, datetime.now(UTC)):
        if await _stopped(daemon, wait) or (end is not None and time.perf_counter() >= end):
            break
        # The daemon refuses events from its future; the generator runs a moment ahead of the clock.
        event = event | {"time": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
        async with session.post("/v1/assessments", data=json.dumps(event)) as answer:
            if answer.status != 200:
                console.print(f"[red]refused[/red]    {await answer.text()}", highlight=False)
                continue
            assessment = await answer.json()
        if assessment["decision"] == "allow":
            quiet += 1
            if quiet % 50 == 0:
                console.print(f"[dim]allow      {quiet} ordinary events so far[/dim]", highlight=False)
            continue
        what = (assessment["decision"], str(assessment["alert"]))
        shown[what] = shown.get(what, 0) + 1
        if shown[what] <= 2:
            _show(console, assessment)


async def _delivered(daemon: Daemon) -> None:
    """Wait for the mails under way: what is in the outbox when the demo ends goes with it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_MAILS):
            while (await daemon.store.mail_counts())["pending"]:  # noqa: ASYNC110  # the outbox tells nobody
                await asyncio.sleep(0.05)


async def _stopped(daemon: Daemon, wait: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait):
            await daemon.stopping.wait()
    return daemon.stopping.is_set()


async def _post(session: aiohttp.ClientSession, events: list[dict[str, Any]]) -> None:
    async with session.post("/v1/events", data=json.dumps(events)) as answer:
        body = await answer.json()
        if answer.status != 202 or body["rejected"]:
            raise SentinelError(f"the demo's own events were refused: {body}")


def _show(console: Console, assessment: dict[str, Any]) -> None:
    decision = assessment["decision"]
    rules = ", ".join(finding["rule"] for finding in assessment["findings"])
    colour = _COLOURS[decision]
    who = assessment["account"] or "nobody known"
    console.print(
        f"[{colour}]{decision:<10}[/{colour}] risk {assessment['risk']:>5}  {who:<12} {rules}", highlight=False
    )


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _plain(text: str) -> str:
    """Letters without their accents, in lower case: for names of files."""
    return normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def _any_free() -> int:
    """A port of the system's choice: known before the daemon listens, since mails lead to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_CONFIG: Final = """state = "{state}"
listen = "127.0.0.1:{http}"
[smtp]
host = "127.0.0.1"
port = {smtp}
tls = "none"
from = "Example Security <security@example.org>"
[alerts]
operators = ["operators@example.org"]
[service]
name = "Example"
security_page = "https://example.org/security"
reset_page = "https://example.org/reset"
answer_url = "http://127.0.0.1:{http}"
"""

_CURL: Final = """  curl {base}/v1/assessments -H 'Authorization: Bearer {secret}' \\
    -d '{{"id": "try-1", "time": "'$(date -u +%FT%TZ)'", "account": "ada", "outcome": "success",
         "device_id": "never-seen", "ip": "203.0.113.7", "place": {{"country": "JP", "lat": 35.7, "lon": 139.7}}}}'"""
