"""How long expiry keeps intake waiting: events are judged all the time while a whole day's worth and more expires.

Usage: bench_expiry.py EVENTS ACCOUNTS SECONDS. A store is filled with a past of which all is due; then one event after
another is judged, without expiry for some seconds and with it until it is done. Prints, as JSON and in milliseconds,
how long events took, how long judging was stopped at a time (``alone``), and how long a step held the writer.
"""

import asyncio
import gc
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from bench_events import mix  # first: it makes this tree importable

from sentinel.daemon.build import bare_lookups, build_enricher
from sentinel.daemon.expiry import Expired, Expiry
from sentinel.events.clock import now
from sentinel.events.event import convert_event
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.intake import Intake
from sentinel.pipeline.item import TenantSettings
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.retention import due
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.store.sqlite.store import SqliteStore

_T = TypeVar("_T")


class Watched(SqliteStore):
    """Takes the time of all that runs on the writer's thread."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.held: dict[str, list[float]] = {}

    async def _write(self, work: Callable[[Any], _T]) -> _T:
        name = sys._getframe(1).f_code.co_name

        def timed(database: Any) -> _T:
            began = perf_counter()
            try:
                return work(database)
            finally:
                self.held.setdefault(name, []).append(perf_counter() - began)

        return await super()._write(timed)


async def bench(folder: Path, events: int, accounts: int, seconds: float) -> dict[str, Any]:
    vault = Vault(Keyring(folder / "keyring.db", Secret(b"b" * 32)))
    store = Watched(folder / "sentinel.db", vault)
    rules = RuleSet(load_rules([packaged_rules()]))
    pipeline = Pipeline(store, vault, lambda tenant: TenantSettings(rules=rules))
    intake = Intake(pipeline)
    enricher = build_enricher(vault.pseudonym, bare_lookups())
    running = asyncio.create_task(intake.run())
    past = datetime.now(UTC) - timedelta(days=366)
    old = [arrive(enricher, "default", convert_event(event)) for event in mix("old", events, accounts, past, 20 * 60)]
    for at in range(0, len(old), 256):
        await intake.submit(old[at : at + 256])
    await store.begin_log()
    size = store.path.stat().st_size if store.path else 0
    fresh = iter(mix("new", 1_000_000, accounts, datetime.now(UTC), 60))
    stopped: list[float] = []

    async def alone(work: Callable[[], Awaitable[_T]]) -> _T:
        async def timed() -> _T:
            began = perf_counter()
            try:
                return await work()
            finally:
                stopped.append(perf_counter() - began)

        return await intake.exclusive(timed)

    async def judge(until: Callable[[], bool]) -> list[float]:
        took = []
        while not until():
            come = arrive(enricher, "default", convert_event(next(fresh)))
            began = perf_counter()
            await intake.submit([come], inline=True)
            took.append(perf_counter() - began)
            await asyncio.sleep(0.001)
        return took

    end = perf_counter() + seconds
    without = await judge(lambda: perf_counter() > end)
    store.held.clear()
    done = Expired()
    expiry = Expiry(store, vault, alone, {})

    async def expire() -> float:
        began = perf_counter()
        wanted = due(now(), 365)
        await expiry.keys(wanted, done)
        await expiry.rows(wanted, done)
        await expiry.rest_of_it(wanted, now(), 0, done)
        await expiry.space(done)
        return perf_counter() - began

    task = asyncio.create_task(expire())
    beside = await judge(task.done)
    intake.close()
    await running
    found = {
        "expired": {name: getattr(done, name) for name in done.__struct_fields__ if getattr(done, name)},
        "seconds": round(task.result(), 1),
        "megabytes": [round(size / 1e6, 1), round(store.path.stat().st_size / 1e6, 1) if store.path else 0],
        "event_ms": {"without": _spread(without), "beside": _spread(beside)},
        "alone_ms": _spread(stopped),
        "writer_ms": {name: _spread(times) for name, times in sorted(store.held.items())},
    }
    await store.close()
    vault.close()
    return found


def _spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {"n": len(ordered)} | {
        name: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1) for name, share in at.items()
    }


def main() -> None:
    gc.set_threshold(50_000, 20, 100)  # as in the daemon
    events, accounts, seconds = (int(word) for word in sys.argv[1:4])
    with tempfile.TemporaryDirectory(prefix="bench-expiry-") as folder:
        json.dump(asyncio.run(bench(Path(folder), events, accounts, seconds)), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
