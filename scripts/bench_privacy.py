"""What sealing and pseudonyms cost an event, in a process of its own.

The same events are enriched, judged and packed twice: as they are, and with nothing sealed, no row ids and no keyed
pseudonyms (the values themselves, cut to the same length). The difference of the processor time is the price. Both
ways take turns batch by batch, so that what else the machine does meets both alike, and the median over all batches
of all rounds counts. What an account's keys of a new UTC day cost depends on the hour; the counted half begins two and
a half hours into a day, so that three in ten events need one, as over a whole day. Prints microseconds an event as
JSON, with the median of each round.
"""

import asyncio
import gc
import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from statistics import median
from time import thread_time_ns
from typing import Any

from bench_events import mix  # first: it makes this tree importable

from sentinel.daemon.build import bare_lookups, build_enricher
from sentinel.events.event import convert_event
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

ROUNDS = 5
BATCH = 256


def main() -> None:
    events, accounts = int(sys.argv[1]), int(sys.argv[2])
    gc.set_threshold(50_000, 20, 100)  # as in the daemon
    end = datetime.now(UTC).replace(hour=14, minute=30, second=0, microsecond=0)
    given = [convert_event(event) for event in mix("privacy", events, accounts, end, 24 * 60)]
    rules = RuleSet(load_rules([packaged_rules()]))
    rounds = [asyncio.run(run(given, rules)) for _ in range(ROUNDS)]
    differences = [[sealed - bare for sealed, bare in one] for one in rounds]
    json.dump(
        {
            "events": events // 2,
            "us_per_event": round(median(chain(*differences)), 1),
            "rounds": [round(median(one), 1) for one in differences],
            "with": round(median(sealed for one in rounds for sealed, _ in one), 1),
            "without": round(median(bare for one in rounds for _, bare in one), 1),
        },
        sys.stdout,
    )


async def run(given: list[Any], rules: RuleSet) -> list[tuple[float, float]]:
    """Microseconds of this thread an event, with and without, of each batch of the second half; the first half builds
    the past."""
    sides = {private: Side(rules) for private in (True, False)}
    found = []
    for number, at in enumerate(range(0, len(given), BATCH)):
        spent = {}
        for private in (True, False) if number % 2 else (False, True):
            with plain(not private):
                spent[private] = await sides[private].take(given[at : at + BATCH])
        if at >= len(given) // 2:
            found.append((spent[True], spent[False]))
    for side in sides.values():
        await side.store.close()
    return found


class Side:
    """One installation with a past of its own, in memory."""

    def __init__(self, rules: RuleSet) -> None:
        vault = Vault.ephemeral()
        self.store = SqliteStore(None, vault)
        settings = TenantSettings(rules=rules)
        self.pipeline = Pipeline(self.store, vault, lambda tenant: settings)
        self.enricher = build_enricher(vault.pseudonym, bare_lookups())

    async def take(self, given: list[Any]) -> float:
        """Microseconds an event: enriching, judging and packing."""
        begun = thread_time_ns()
        arrivals = [arrive(self.enricher, "default", event) for event in given]
        batch = await self.pipeline.judge(arrivals)
        spent = thread_time_ns() - begun
        await self.pipeline.commit(batch)
        return spent / 1000 / len(given)


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
