"""What sealing and pseudonyms cost an event, in a process of its own.

The same events are enriched, judged and packed twice in turn: as they are, and with nothing sealed, no row ids and no
keyed pseudonyms (the values themselves, cut to the same length). The difference of the processor time is the price. The
least of several rounds counts: what else the machine did only adds. Prints microseconds an event as JSON.
"""

import asyncio
import gc
import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from time import thread_time_ns
from typing import Any

from bench_events import mix  # first: it makes this tree importable

from sentinel.daemon.build import bare_lookups, build_enricher
from sentinel.events.event import convert_event
from sentinel.models.scorer import baseline_scorer
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.privacy.sealer import Sealer
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.store.sqlite.store import SqliteStore

ROUNDS = 6
BATCH = 256


def main() -> None:
    events, accounts = int(sys.argv[1]), int(sys.argv[2])
    gc.set_threshold(50_000, 20, 100)  # as in the daemon
    given = [convert_event(event) for event in mix("privacy", events, accounts, datetime.now(UTC), 24 * 60)]
    rules = RuleSet(load_rules([packaged_rules()]))
    spent: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * ROUNDS):
        private = number % 2 == 0
        with plain(not private):
            spent[private].append(asyncio.run(run(given, rules)))
    json.dump(
        {
            "events": events // 2,
            "us_per_event": round(min(spent[True]) - min(spent[False]), 1),
            "with": round(min(spent[True]), 1),
            "without": round(min(spent[False]), 1),
        },
        sys.stdout,
    )


async def run(given: list[Any], rules: RuleSet) -> float:
    """Microseconds of this thread an event: enriching, judging and packing; the first half builds the past."""
    vault = Vault.ephemeral()
    store = SqliteStore(None, vault)
    settings = TenantSettings(rules=rules, scorer=baseline_scorer())
    pipeline = Pipeline(store, vault, lambda tenant: settings)
    enricher = build_enricher(vault.pseudonym, bare_lookups())
    spent = 0
    for at in range(0, len(given), BATCH):
        begun = thread_time_ns()
        arrivals = [arrive(enricher, "default", event) for event in given[at : at + BATCH]]
        batch = await pipeline.judge(arrivals)
        if at >= len(given) // 2:
            spent += thread_time_ns() - begun
        await pipeline.commit(batch)
    await store.close()
    return spent / 1000 / (len(given) - len(given) // 2)


@contextmanager
def plain(on: bool) -> Any:
    """Nothing sealed and nothing keyed."""
    if not on:
        yield
        return
    kept = [
        (owner, name, getattr(owner, name))
        for owner, name in (
            (Sealer, "seal"),
            (Sealer, "open"),
            (Pseudonymizer, "__call__"),
            (AccountKey, "row"),
            (Vault, "ref"),
            (Vault, "sealer"),
        )
    ]
    same = Sealer(bytes(32))
    Sealer.seal = lambda self, data, row: data  # type: ignore[method-assign]
    Sealer.open = lambda self, sealed, row: sealed  # type: ignore[method-assign]
    Pseudonymizer.__call__ = lambda self, domain, tenant, value: _cut(domain, value)  # type: ignore[method-assign]
    AccountKey.row = lambda self, kind: self.handle  # type: ignore[method-assign]
    Vault.ref = lambda self, key: b"0123456789abcdef"  # type: ignore[method-assign]
    Vault.sealer = lambda self, key, purpose, day=0: same  # type: ignore[method-assign]
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def _cut(domain: str, value: str | bytes) -> str:
    text = value if isinstance(value, str) else value.hex()
    return f"{domain[:2]}{text[-14:]}".ljust(16)


if __name__ == "__main__":
    main()
