"""What training on so many stored events takes: seconds and memory by phase.

    python scripts/bench_train.py 100000

People are simulated over half a year, as many as give so many events; the daemon's path judges and stores them
(`--keep FOLDER` keeps the store for the next time). Training runs in a process of its own, as it does from the timer.
Prints, as JSON, seconds on the clock and of processor time (other work on the machine makes the clock slower), and the
most memory (MB, resident) that the process had in each phase.
"""

import argparse
import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.enrich.sighting import Enricher
from sentinel.events.event import convert_event
from sentinel.models.recipe import packaged_recipe
from sentinel.models.stored import KINDS
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate
from sentinel.store.sqlite.store import SqliteStore

DAYS = 180
#: Events of one person in that time, about.
EACH = 422
BATCH = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("events", type=int)
    parser.add_argument("--keep", type=Path, help="keep address data and store here, and take what is there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-train-") as name:
        folder = asked.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        stored = folder / f"{asked.events}.db"
        if not stored.exists():
            asyncio.run(fill(folder, stored, asked.events))
        filled = time.perf_counter() - began
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(trained, folder, stored).result()
    json.dump({"filled_seconds": round(filled, 1)} | found, sys.stdout, indent=2)
    print()


def keys(stored: Path, *, writes: bool) -> Vault:
    return Vault(Keyring(stored.with_suffix(".keys"), Secret(b"b" * 32), readonly=not writes), writes=writes)


def settings() -> TenantSettings:
    return TenantSettings(rules=RuleSet(load_rules([packaged_rules()])))


def own(vault: Vault, state: Path) -> Enricher:
    made = enricher(state)
    return Enricher(vault.pseudonym, made.places, made.networks)


async def fill(state: Path, stored: Path, events: int) -> None:
    """Simulate, judge, store; the store gets its name once it is whole."""
    gc.set_threshold(50_000, 20, 100)  # as in the daemon
    vault = keys(stored, writes=True)
    draft = stored.with_suffix(".draft")
    store = SqliteStore(draft, vault, durable=False)
    enriched, rules = own(vault, state), settings()
    pipeline = Pipeline(store, vault, lambda tenant: rules)
    wish = Wish(accounts=max(1, round(events / EACH)), days=DAYS, seed=77)
    coming = islice(simulate(wish, Addresses.load(state)), events)
    while batch := list(islice(coming, BATCH)):
        await pipeline.process([arrive(enriched, "default", convert_event(each), silent=True) for each in batch])
    await store.close()
    vault.close()
    draft.rename(stored)


class Phases:
    """Takes time and memory of what is done one after the other."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
        began, used = time.perf_counter(), time.process_time()
        yield
        self.found[name] = {
            "seconds": round(time.perf_counter() - began, 1),
            "cpu_seconds": round(time.process_time() - used, 1),
            "peak_mb": high_water(),
        }


def high_water() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def trained(state: Path, stored: Path) -> dict[str, Any]:
    """Train as the command does; in a process of its own."""
    from sentinel.events.clock import day_of, end_of
    from sentinel.models.scorer import baseline_scorer
    from sentinel.training import train
    from sentinel.training.elsewhere import Listed
    from sentinel.training.run import gather

    gc.set_threshold(50_000, 20, 100)
    phases = Phases()
    recipes = {kind: packaged_recipe(kind) for kind in KINDS}

    async def collected() -> Any:
        vault = keys(stored, writes=False)
        store = SqliteStore(stored, vault, readonly=True)
        listed = Listed(Addresses.load(state), own(vault, state), "default")
        try:
            until = end_of(day_of(date(9000, 1, 1)))
            return await gather(store, "default", settings(), listed, recipes["impostor"], until=until)
        finally:
            await store.close()
            vault.close()

    with phases.phase("collect"):
        rows = asyncio.run(collected())
    parts = {name: len(getattr(rows, name)) for name in ("grown", "calibrated", "held_out")}
    for kind in KINDS:
        with phases.phase(f"fit {kind}"):
            made = train.fit(
                rows, kind, recipes[kind], tenant="default", version="2026-01-01", progress=lambda what: None
            )
        with phases.phase(f"compare {kind}"):
            outcome = train.decide(made, rows, recipes[kind], baseline_scorer().models, date(2026, 7, 1))
        phases.found[f"compare {kind}"]["figure"] = outcome.figures[train.DECIDES[kind][0]]
    total = {
        name: round(sum(each[name] for each in phases.found.values()), 1) for name in ("seconds", "cpu_seconds")
    } | {"peak_mb": max(each["peak_mb"] for each in phases.found.values())}
    return {"rows": parts, "phases": phases.found, "total": total}


if __name__ == "__main__":
    main()
