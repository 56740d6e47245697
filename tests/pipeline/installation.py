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
from sentinel.events.hook import HOOK_TYPES, SIGNALS
from sentinel.hooks.receivers import Receiver, Receivers
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.handles import lookups, with_handles
from sentinel.pipeline.item import Answer, Arrival, Item, Outcome, TenantSettings
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.noise import Noise, discrete_laplace
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.store.rows import Rows
from sentinel.store.sqlite import commons
from sentinel.store.sqlite.store import SqliteStore
from tests.builders import common_rows

KEY = Secret(b"k" * 32)
RULES = RuleSet(load_rules([packaged_rules()]))
#: Systems of the service that are told everything, where a test wants them.
TOLD = Receivers(
    (
        Receiver(name="auth", types=frozenset(HOOK_TYPES)),
        Receiver(name="idp", types=frozenset(SIGNALS)),
    )
)
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
        key: Secret = KEY,
        noise: Noise = discrete_laplace,
        **settings: Any,
    ) -> None:
        self.path = folder / "store.db"
        self._settings = TenantSettings(rules=rules, **settings)
        self._key = key
        self._noise = noise
        self._open()

    def _open(self) -> None:
        self.vault = open_vault(self.path.parent, self._key)
        self.enricher = Enricher(self.vault.pseudonym, *bare_lookups())
        self.store = SqliteStore(self.path, self.vault)
        self.pipeline = Pipeline(self.store, self.vault, lambda tenant: self._settings, self._noise)

    async def profile(self, account: str = "u-1", tenant: str = "default") -> Profile | None:
        """An account's profile as committed; nothing for an account never heard of."""
        key = self.vault.find(self.enricher.account_key(tenant, account))
        return await self.store.profile(key.handle) if key is not None else None

    def asked(self, event: dict[str, Any]) -> Arrival:
        """An event that is only asked about, with the handles of its accounts."""
        come = self.arrival(event)
        return with_handles(come, self.vault.admit(lookups(come)))

    def handle(self, account: str = "u-1", tenant: str = "default") -> str:
        """What an account is known by in the store."""
        key = self.vault.find(self.enricher.account_key(tenant, account))
        assert key is not None
        return key.handle

    async def reopen(self) -> None:
        """Close the store and open it again, with nothing left in memory."""
        await self.store.close()
        self.vault.close()
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


def open_vault(folder: Path, key: Secret = KEY, *, writes: bool = True) -> Vault:
    """The keys of an installation; the same pseudonyms in all of them."""
    path = folder / "keyring.db"
    folder.mkdir(exist_ok=True)
    if not path.exists():
        # The first bytes drawn are those that pseudonyms are made with.
        Keyring(path, key, draw=lambda number: b"r" * number).close()
    return Vault(Keyring(path, key, readonly=not writes), writes=writes)


def content(path: Path) -> dict[str, Any]:
    """What a store's file holds, opened, without what differs by chance (keys, nonces, row ids, how entries lie in
    rows): accounts by their pseudonyms instead of their handles."""
    vault = open_vault(path.parent, writes=False)
    rows = Rows(vault)
    accounts = vault.keyring.page(0, 1_000_000)
    names = {account.handle: account.lookup for account in accounts}
    with closing(sqlite3.connect(path)) as database:
        tracks: dict[int, list[Any]] = {}
        for name, expires, sealed in database.execute("SELECT name, expires, entries FROM track"):
            tracks.setdefault(name, []).extend(rows.open_entries(name, expires, sealed))
        events = database.execute(
            "SELECT key, tenant, owner, ref, day, type, body, NULL, record, trusted, alert FROM event ORDER BY seq"
        ).fetchall()
        profiles = dict(database.execute("SELECT key, sealed FROM profile"))
        attributes = dict(database.execute("SELECT key, sealed FROM attributes"))
        alerts = database.execute(
            "SELECT key, tenant, owner, ref, kind, day, event, sealed, state FROM alert ORDER BY key"
        ).fetchall()
        counts = commons.load(database)
        mails = database.execute("SELECT alert, ref, notice, state, urgency FROM mail ORDER BY id").fetchall()
    opened = {}
    for handle in [*names, "campaigns:default", "campaigns:shop"]:
        if (sealed := profiles.pop(rows.profile_row(handle), None)) is not None:
            opened[handle] = rows.open_profile(handle, sealed)
    assert not profiles, "a profile that no key leads to"
    found: dict[str, Any] = {
        "events": rows.records(events),
        "profiles": sorted((names.get(handle, handle), profile) for handle, profile in opened.items()),
        "attributes": sorted(
            (names[handle], rows.open_attributes(handle, attributes[row]))
            for handle in names
            if (row := rows.attributes_row(handle)) in attributes
        ),
        "alerts": rows.alerts(alerts),
        "mails": [
            (alert, rows.open_notice(alert, ref, notice) if notice is not None else None, *rest)
            for alert, ref, notice, *rest in mails
        ],
        "tracks": [sorted(entries, key=repr) for entries in tracks.values()],
        # Which rows were written anew since a period ended does not matter: loaded, they are the same.
        "commons": {tenant: common_rows(Commons(b"", rows)) for tenant, rows in counts.items()},
    }
    vault.close()
    found = _renamed(found, names)
    found["tracks"] = sorted((sorted(entries, key=repr) for entries in found["tracks"]), key=repr)
    return found


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Plain values, with handles replaced by ``names``; packed ones are unpacked."""
    if isinstance(value, msgspec.Struct):
        return {name: _renamed(getattr(value, name), names) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {_renamed(name, names): _renamed(inner, names) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(inner, names) for inner in value]
    if isinstance(value, bytes):
        try:
            unpacked = msgspec.msgpack.decode(value)
        except msgspec.DecodeError:
            return value
        return _renamed(unpacked, names) if isinstance(unpacked, list | dict) else value
    return names.get(value, value) if isinstance(value, str) else value


def digest(path: Path) -> str:
    """:func:`content` in short."""
    return hashlib.sha256(msgspec.msgpack.encode(content(path))).hexdigest()
