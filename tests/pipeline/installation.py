"""An installation to test the pipeline with: real rules, a real store in a file, a key that is always the same."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from sentinel.daemon.build import bare_lookups
from sentinel.enrich.sighting import Enricher
from sentinel.events.assessment import encode_assessment
from sentinel.events.event import convert_event
from sentinel.past.windows import decode_entries
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import Answer, Arrival, Item, Outcome, TenantSettings
from sentinel.privacy.keys import LocalKey
from sentinel.privacy.noise import Noise, discrete_laplace
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.privacy.sealer import Sealer
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.store.sqlite.store import SqliteStore

KEY = LocalKey(b"k" * 32)
RULES = RuleSet(load_rules([packaged_rules()]))
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
#: Where people of the tests are, and where they are not.
HOME: dict[str, Any] = {
    "ip": "192.0.2.7",
    "place": {"country": "FR", "city": "Paris", "lat": 48.9, "lon": 2.4, "accuracy_km": 20},
    "network": {"asn": 64496, "organisation": "Example Home", "kind": "residential"},
}
AWAY: dict[str, Any] = {
    "ip": "203.0.113.9",
    "place": {"country": "JP", "city": "Tokyo", "lat": 35.7, "lon": 139.7, "accuracy_km": 20},
    "network": {"asn": 64500, "organisation": "Example Abroad", "kind": "hosting"},
    "device_id": "stranger",
}


class Installation:
    """A pipeline over a store in ``folder``; :meth:`reopen` is a restart."""

    def __init__(
        self,
        folder: Path,
        *,
        rules: RuleSet = RULES,
        key: LocalKey = KEY,
        noise: Noise = discrete_laplace,
        **settings: Any,
    ) -> None:
        self.path = folder / "store.db"
        self.enricher = Enricher(Pseudonymizer(key), *bare_lookups())
        self._settings = TenantSettings(rules=rules, **settings)
        self._key = key
        self._noise = noise
        self._open()

    def _open(self) -> None:
        self.store = SqliteStore(self.path)
        self.pipeline = Pipeline(self.store, Sealer(self._key), lambda tenant: self._settings, self._noise)

    async def reopen(self) -> None:
        """Close the store and open it again, with nothing left in memory."""
        await self.store.close()
        self._open()

    def arrival(self, event: dict[str, Any], *, tenant: str = "default", received: datetime | None = None) -> Arrival:
        """An event as it arrives."""
        micros = None if received is None else int(received.timestamp() * 1_000_000)
        return arrive(self.enricher, tenant, convert_event(event), received=micros)

    def answer(self, event: str, verdict: str, *, tenant: str = "default", at: datetime = START) -> Answer:
        """The service's answer about an event."""
        time = int(at.timestamp() * 1_000_000)
        key = self.enricher.event_key(tenant, event)
        return Answer(tenant=tenant, key=key, event=event, verdict=verdict, time=time)

    async def run(self, items: Iterable[Item | dict[str, Any]], *, size: int = 256) -> list[Outcome]:
        """Process items (or plain events) in batches of ``size``."""
        batch = [self.arrival(item) if isinstance(item, dict) else item for item in items]
        outcomes = []
        for at in range(0, len(batch), size):
            outcomes += await self.pipeline.process(batch[at : at + size])
        return outcomes

    async def one(self, item: Item | dict[str, Any]) -> Outcome:
        """Process one item alone."""
        return (await self.run([item]))[0]


def login(number: int, *, account: str = "u-1", after: timedelta = timedelta(), **fields: Any) -> dict[str, Any]:
    """A login at home on the usual device, ``number`` hours and ``after`` from the start."""
    time = START + timedelta(hours=number) + after
    return {
        "id": f"e-{number}", "time": text(time), "account": account, "outcome": "success", "device_id": "laptop",
        **HOME, **fields,
    }  # fmt: skip


def text(time: datetime) -> str:
    """RFC 3339 in UTC."""
    return time.isoformat().replace("+00:00", "Z")


def encoded(outcomes: Sequence[Outcome]) -> list[bytes]:
    """Outcomes as bytes that can be compared."""
    return [
        b"%d %d %s " % (outcome.duplicate, outcome.conflict, (outcome.error or "").encode())
        + (encode_assessment(outcome.assessment) if outcome.assessment else b"")
        for outcome in outcomes
    ]


def content(path: Path) -> dict[str, Any]:
    """What a store's file holds, without what differs by chance (nonces, row ids, how entries lie in rows)."""
    with closing(sqlite3.connect(path)) as database:
        tracks: dict[str, list[Any]] = {}
        for name, entries in database.execute("SELECT name, entries FROM track"):
            tracks.setdefault(name, []).extend(decode_entries(entries))
        tables = {
            "events": "SELECT key, tenant, account, time, type, body, sighting, windows, assessment, trusted, alert"
            " FROM event ORDER BY seq",
            "profiles": "SELECT key, data FROM profile ORDER BY key",
            "attributes": "SELECT account, length(sealed) FROM attributes ORDER BY account",
            "alerts": "SELECT * FROM alert ORDER BY id",
            "mails": "SELECT alert, account, notice, state, urgency FROM mail ORDER BY id",
        }
        found: dict[str, Any] = {name: database.execute(query).fetchall() for name, query in tables.items()}
    found["tracks"] = {name: sorted(entries, key=repr) for name, entries in sorted(tracks.items())}
    return found


def digest(path: Path) -> str:
    """:func:`content` in short."""
    return hashlib.sha256(msgspec.msgpack.encode(content(path))).hexdigest()
