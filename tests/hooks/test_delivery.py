"""The outbox of hooks brought to real HTTP servers, over a real store, with a moved clock."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from sentinel.events.clock import HOUR, SECOND
from sentinel.events.hook import HookEvent
from sentinel.hooks.client import Poster
from sentinel.hooks.delivery import HookDelivery
from sentinel.hooks.schedule import wait
from sentinel.hooks.targets import Webhook
from sentinel.hooks.webhooks import WebhookSecret
from sentinel.store.sqlite.store import SqliteStore
from tests.hooks.receiver import Came, HookServer, answers
from tests.store.named import NamedVault

START = 1_800_000_000 * SECOND
SECRET = WebhookSecret("whsec_" + base64.b64encode(b"s" * 32).decode())
Serve = Callable[..., Awaitable[HookServer]]


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = SqliteStore(None, NamedVault())
    yield store
    await store.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    started: list[HookServer] = []

    async def run(answer: Any = None) -> HookServer:
        started.append(await HookServer(answer).start())
        return started[-1]

    yield run
    for each in started:
        await each.stop()


def target(server: HookServer, name: str = "auth", *, digest: bytes = b"d" * 32, timeout: float = 10.0) -> Webhook:
    return Webhook(name, digest, Poster(server.url, allow_private=True, timeout=timeout), [SECRET])


def event(about: str = "e-1", *targets: str, account: str | None = "account-1") -> HookEvent:
    return HookEvent(
        type="assessment.raised", tenant="default", account=account, time=START, about=about, data={"event": about},
        targets=targets or ("auth",),
    )  # fmt: skip


async def states(store: SqliteStore, name: str = "auth") -> dict[str, int]:
    return next((each.states for each in await store.hook_standings() if each.target == name), {})


async def test_every_try_has_the_same_id_and_body_until_it_is_taken(store: SqliteStore, serve: Serve) -> None:
    server = await serve(answers(500, 404, 302, 204))
    delivery = HookDelivery(store, [target(server)], worker="w")
    await store.put_hooks([event()])
    now = START
    for attempt in range(4):
        assert await delivery.run_once(now) == 1
        assert await delivery.run_once(now) == 0
        now += (wait(_name(server), attempt) or 0) * SECOND
    assert len({(came.body, came.headers["webhook-id"]) for came in server.came}) == 1
    assert len({came.headers["webhook-timestamp"] for came in server.came}) == 4
    assert len({came.headers["webhook-signature"] for came in server.came}) == 4
    assert await states(store) == {"delivered": 1}
    await delivery.close()


def _name(server: HookServer) -> str:
    return server.came[0].headers["webhook-id"].removeprefix("msg_")


async def test_after_ten_tries_it_is_a_dead_letter_that_can_be_sent_again(store: SqliteStore, serve: Serve) -> None:
    server = await serve(answers(500))
    delivery = HookDelivery(store, [target(server)], worker="w")
    await store.put_hooks([event()])
    now = START
    for attempt in range(10):
        assert await delivery.run_once(now) == 1
        pause = wait(_name(server), attempt)
        if pause is not None:
            assert await delivery.run_once(now + (pause - 1) * SECOND) == 0
            now += pause * SECOND
    assert 65 * HOUR < now - START < 85 * HOUR
    (standing,) = await store.hook_standings()
    assert (standing.states, standing.reason) == ({"dead": 1}, "answered 500")
    server.answer = answers(200)
    assert await store.replay_hooks("auth") == 1
    assert await delivery.run_once(now) == 1
    assert server.came[-1].body == server.came[0].body
    assert await states(store) == {"delivered": 1}
    await delivery.close()


async def test_a_target_that_is_gone_gets_nothing_more_until_it_is_changed(store: SqliteStore, serve: Serve) -> None:
    server = await serve(answers(410))
    delivery = HookDelivery(store, [target(server)], worker="w")
    await store.put_hooks([event()])
    await delivery.run_once(START)
    await store.put_hooks([event("e-2")])
    await delivery.run_once(START + SECOND)
    assert len(server.came) == 1
    assert await states(store) == {"dead": 2}
    assert [(each.target, each.reason) for each in await store.disabled_hooks()] == [("auth", "answered 410")]
    server.answer = answers(202)
    changed = HookDelivery(store, [target(server, digest=b"e" * 32)], worker="w")
    await store.put_hooks([event("e-3")])
    await changed.run_once(START + 2 * SECOND)
    assert [came.json["data"] for came in server.came[1:]] == [{"event": "e-3"}]
    assert await store.disabled_hooks() == []
    await delivery.close()
    await changed.close()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_target_that_asks_for_a_pause_gets_it(store: SqliteStore, serve: Serve, status: int) -> None:
    server = await serve(answers(status, 202, Retry_After="600"))
    delivery = HookDelivery(store, [target(server)], worker="w")
    await store.put_hooks([event()])
    await delivery.run_once(START)
    await store.put_hooks([event("e-2")])
    assert await delivery.run_once(START + 599 * SECOND) == 0
    assert await delivery.run_once(START + 600 * SECOND) == 2
    assert await states(store) == {"delivered": 2}
    await delivery.close()


async def test_a_slow_or_dead_target_delays_no_other(store: SqliteStore, serve: Serve) -> None:
    never = asyncio.Event()

    async def hang(came: Came) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    slow, quick = await serve(hang), await serve()
    delivery = HookDelivery(store, [target(slow, "slow"), target(quick, "quick")], worker="w")
    stop = asyncio.Event()
    await store.put_hooks([event(f"e-{number}", "slow", "quick") for number in range(40)])
    running = asyncio.create_task(delivery.run(stop, lambda: START))
    await quick.wait(40)
    assert len({came.headers["webhook-id"] for came in quick.came}) == 40
    assert (await states(store, "slow")) == {"pending": 40}
    never.set()
    await slow.wait(40)
    stop.set()
    delivery.wake()
    await running
    assert (await states(store, "slow")) == {"delivered": 40}


async def test_what_a_killed_worker_held_is_taken_over(store: SqliteStore, serve: Serve) -> None:
    server = await serve()
    first, second = (HookDelivery(store, [target(server)], worker=name) for name in ("killed", "other"))
    await store.put_hooks([event()])
    await store.lease_hooks("auth", worker="killed", now=START, limit=8, seconds=70)
    assert await second.run_once(START + 69 * SECOND) == 0
    assert await second.run_once(START + 70 * SECOND) == 1
    assert len(server.came) == 1
    await first.close()
    await second.close()


async def test_what_waits_for_a_hook_that_is_not_configured_is_given_up(store: SqliteStore, serve: Serve) -> None:
    server = await serve()
    delivery = HookDelivery(store, [target(server)], worker="w")
    await store.put_hooks([event("e-1", "auth", "former")])
    await delivery.run_once(START)
    assert await states(store, "former") == {"dead": 1}
    assert await states(store) == {"delivered": 1}
    await delivery.close()


async def test_of_what_was_delivered_nothing_is_left_but_that_it_was(store: SqliteStore, serve: Serve) -> None:
    server = await serve()
    delivery = HookDelivery(store, [target(server)], worker="w")
    await store.put_hooks([event()])
    await delivery.run_once(START)
    rows = await store._read(lambda db: db.execute("SELECT body, due, first_try, done FROM hook").fetchall())
    assert [tuple(row) for row in rows] == [(None, 0, 0, START - START % (24 * HOUR))]
    await delivery.close()


async def test_a_store_that_fails_stops_no_loop(
    store: SqliteStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve()
    delivery = HookDelivery(store, [target(server)], worker="w")
    real, failed = store.disabled_hooks, asyncio.Event()

    async def failing() -> Any:
        monkeypatch.setattr(store, "disabled_hooks", real)
        failed.set()
        raise RuntimeError("broken")

    monkeypatch.setattr(store, "disabled_hooks", failing)
    stop = asyncio.Event()
    running = asyncio.create_task(delivery.run(stop, lambda: START))
    await failed.wait()
    await store.put_hooks([event()])
    delivery.wake()
    await server.wait(1)
    stop.set()
    delivery.wake()
    await running
