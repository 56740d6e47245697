"""Issue 2, done when 4: ``kill -9`` twenty times during a stream of posts."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from sentinel.api.auth import SCOPES, new_key
from sentinel.config import load
from sentinel.daemon.state import open_vault
from sentinel.store.sqlite.store import SqliteStore
from tests.running import AWAY, HOST, PATIENCE, InProcess, login

ROUNDS = 20
SENDERS = 4
ROOT = Path(__file__).resolve().parents[2]


class Rig:
    """Daemons on one store, each killed before the next."""

    def __init__(self, config: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.crash_rig", str(config)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self) -> str:
        """A new daemon; its address once it is ready."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._pid = int(self._process.stdout.readline())
        for line in self._process.stderr:
            entry = json.loads(line)
            assert entry["log.level"] == "info", entry
            if entry["message"] == "ready":
                return f"http://{HOST}:{entry['server.port']}"
        raise AssertionError("the rig ended")

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self.kill()
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)


@contextmanager
def rig(config: Path) -> Iterator[Rig]:
    one = Rig(config)
    try:
        yield one
    finally:
        one.end()


def batch(sender: int, number: int) -> list[dict[str, Any]]:
    """Events of a few accounts, failures and strangers among them."""
    roll = random.Random(f"{sender} {number}")
    kinds: list[dict[str, Any]] = [{}, {}, {"outcome": "failure", "reason": "bad_password"}, AWAY]
    return [
        login(f"e-{sender}-{number}-{n}", f"2026-01-02T09:{number % 60:02}:{n:02}Z", account=f"u-{roll.randrange(20)}",
              email=f"mail-{number}@example.org", **roll.choice(kinds))
        for n in range(roll.choice([1, 1, 10, 40]))
    ]  # fmt: skip


class Sender:
    """Posts one batch after another; what was not answered is posted again, as services do."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.at = 0
        self.answered: list[str] = []

    async def run(self, session: aiohttp.ClientSession, base: str) -> None:
        """Until the daemon is gone."""
        while True:
            events = batch(self.number, self.at)
            try:
                async with session.post(f"{base}/v1/events", json=events) as reply:
                    body = await reply.json()
                    assert (reply.status, body["rejected"]) == (202, []), body
            except (aiohttp.ClientError, OSError):
                return
            self.answered += [event["id"] for event in events]
            self.at += 1


async def test_what_was_answered_is_there_and_scored_once(
    write_config: Callable[..., Path], start: Callable[..., Awaitable[InProcess]], state: Path
) -> None:
    config = write_config()
    key, secret = new_key("web", "default", SCOPES, now=1)
    store = SqliteStore(state / "sentinel.db", open_vault(load(config), writes=True))
    await store.put_key(key)
    await store.close()
    roll = random.Random(5)
    senders = [Sender(number) for number in range(SENDERS)]
    headers = {"Authorization": f"Bearer {secret}"}
    with rig(config) as daemons:
        async with aiohttp.ClientSession(headers=headers) as session:
            for _ in range(ROUNDS):
                base = await asyncio.to_thread(daemons.start)
                before = sum(sender.at for sender in senders)
                work = [asyncio.ensure_future(sender.run(session, base)) for sender in senders]
                # Killed after so many answers and a moment more, so that it dies in every part of its work.
                enough = before + roll.randint(2, 12)
                while sum(sender.at for sender in senders) < enough:
                    assert not all(task.done() for task in work)
                    await asyncio.sleep(0)
                await asyncio.sleep(roll.uniform(0, 0.008))
                daemons.kill()
                await asyncio.gather(*work)
                assert sum(sender.at for sender in senders) > before
            base = await asyncio.to_thread(daemons.start)
            answered = [id for sender in senders for id in sender.answered]
            assert len(answered) == len(set(answered)) > 200
            for id in answered:
                async with session.get(f"{base}/v1/assessments/{id}") as reply:
                    assert (reply.status, (await reply.json())["event"]) == (200, id)
            daemons.kill()

    daemon = await start()
    kept = Counter([record.key async for record in daemon.daemon.store.history()])
    assert set(kept.values()) == {1}
    keys = {daemon.daemon.enricher.event_key("default", id) for id in answered}
    assert keys <= set(kept)
    # What is there beyond was on disk when its answer was cut off; it is found again, not scored again.
    client = daemon.stranger(secret)
    for sender in senders:
        for number in range(sender.at + 1):
            events = batch(sender.number, number)
            reply = (await client.post("/v1/events", events)).body
            assert reply["rejected"] == []
            if number < sender.at:
                assert reply["duplicates"] == len(events)
    after = Counter([record.key async for record in daemon.daemon.store.history()])
    assert set(after.values()) == {1}
    assert len(after) == sum(len(batch(s.number, n)) for s in senders for n in range(s.at + 1))
