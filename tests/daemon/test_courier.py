"""The courier: a process of its own that sends what the daemon's events put into the outbox."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP

from sentinel.config import Config, load
from sentinel.daemon.courier import Courier
from sentinel.daemon.state import open_store, open_vault, prepare_state
from sentinel.events.alert import Notice
from sentinel.events.sighting import Attributes
from sentinel.store.protocol import Changes
from tests.hooks.receiver import HookServer


class _Mailbox:
    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.recipients: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        self.recipients += envelope.rcpt_tos  # type: ignore[attr-defined]  # aiosmtpd is untyped
        self.arrived.set()
        return "250 taken"


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[_Mailbox, int]]:
    box = _Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box, hostname="localhost"), "127.0.0.1", 0)
    yield box, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def config(tmp_path: Path, mailbox: tuple[_Mailbox, int]) -> Config:
    file = tmp_path / "sentinel.toml"
    file.write_text(
        f'state = "{tmp_path / "state"}"\n[smtp]\nport = {mailbox[1]}\ntls = "none"\nfrom = "S <s@example.org>"\n'
    )
    config = load(file)
    prepare_state(config)
    return config


async def put_mail(config: Config, event: str) -> None:
    """One alert with an address into the outbox."""
    vault = open_vault(config, writes=True)
    store = open_store(config, vault)
    (key,) = vault.admit(["account-key"]).values()
    await vault.flush()
    given = Attributes(account="u-1", email="ada@example.org")
    notice = Notice(
        id=f"a-{event}",
        kind="new_sign_in",
        tenant="default",
        event=event,
        account=key.handle,
        time=1_767_225_600_000_000,
        risk=50,
        level="medium",
        decision="notify",
    )
    await store.commit(Changes(attributes={key.handle: given}, notices=[notice]))
    await store.close()
    vault.close()


async def test_sends_when_woken_and_ends_when_told(config: Config, mailbox: tuple[_Mailbox, int]) -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    courier = asyncio.create_task(Courier(config).run(stop, wake))
    await put_mail(config, "e-1")
    wake.set()
    await asyncio.wait_for(mailbox[0].arrived.wait(), 20)
    assert mailbox[0].recipients == ["ada@example.org"]
    stop.set()
    await asyncio.wait_for(courier, 20)


async def test_a_killed_courier_is_started_anew(config: Config, mailbox: tuple[_Mailbox, int]) -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    side = Courier(config)
    courier = asyncio.create_task(side.run(stop, wake))
    await put_mail(config, "e-1")
    wake.set()
    await asyncio.wait_for(mailbox[0].arrived.wait(), 20)
    mailbox[0].arrived.clear()
    assert side.process is not None
    first = side.process.pid
    os.kill(first, signal.SIGKILL)
    await put_mail(config, "e-2")
    await asyncio.wait_for(mailbox[0].arrived.wait(), 20)
    assert side.process.pid != first
    assert side.trouble == ""
    stop.set()
    await asyncio.wait_for(courier, 20)


async def test_one_that_cannot_start_is_told(config: Config, tmp_path: Path) -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    side = Courier(config)
    open_vault(config, writes=True).close()
    (config.state / "sentinel.key").write_bytes(b"short")
    courier = asyncio.create_task(side.run(stop, wake))
    async with asyncio.timeout(20):
        while not side.trouble:  # noqa: ASYNC110  # another process ends; nothing tells
            await asyncio.sleep(0.05)
    assert "mails and hooks wait until it is started anew" in side.trouble
    stop.set()
    await asyncio.wait_for(courier, 20)


async def test_tells_hooks_beside_the_mails_and_mails_go_on_without_their_secret(
    config: Config, mailbox: tuple[_Mailbox, int], tmp_path: Path
) -> None:
    server = await HookServer().start()
    secret = tmp_path / "auth.hook"
    secret.write_text("whsec_c2VudGluZWwgc2VudGluZWwgc2VudGluZWw=")
    secret.chmod(0o600)
    assert config.path is not None
    hook = f'[[hooks]]\nname = "auth"\nurl = "{server.url}"\nsecrets = ["auth.hook"]\nallow_private = true\n'
    config.path.write_text(config.text + hook)
    told = load(config.path)
    await put_mail(told, "e-1")
    stop, wake = asyncio.Event(), asyncio.Event()
    side = Courier(told)
    courier = asyncio.create_task(side.run(stop, wake))
    (came,) = await server.wait(1)
    assert came.json["type"] == "alert.sent"
    assert mailbox[0].recipients == ["ada@example.org"]
    mailbox[0].arrived.clear()
    # Spoilt since: the courier that comes next cannot tell hooks, and sends mails all the same.
    secret.chmod(0o644)
    assert side.process is not None
    os.kill(side.process.pid, signal.SIGKILL)
    await put_mail(told, "e-2")
    await asyncio.wait_for(mailbox[0].arrived.wait(), 20)
    assert len(server.came) == 1
    stop.set()
    await asyncio.wait_for(courier, 20)
    await server.stop()
