"""Queries. Lists go in as JSON, so that each statement has one text and stays prepared."""

import sqlite3
from collections.abc import Collection, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import msgspec

from sentinel.past.profile import decode_profile
from sentinel.past.windows import Track, decode_entries
from sentinel.store.protocol import AlertRow, Extent, Past, Record, TrackKey, Wanted

_COLUMNS: Final = "key, tenant, account, time, type, body, sealed, sighting, windows, assessment, trusted, alert"
_ALERT: Final = "id, tenant, account, kind, level, risk, first, last, events, rules, event, state"
_json: Final = msgspec.json.Encoder().encode


def recall(
    db: sqlite3.Connection, wanted: Wanted, profiles: Collection[str], tracks: Collection[TrackKey], past: Past
) -> None:
    """Fill ``past`` with what is wanted and was not cached."""
    if wanted.records:
        past.records.update(records(db, wanted.records))
    if wanted.attributes:
        past.attributes.update(attributes(db, wanted.attributes))
    if profiles:
        rows = db.execute(
            "SELECT key, data FROM profile WHERE key IN (SELECT value FROM json_each(?))", _list(profiles)
        )
        past.profiles.update((key, decode_profile(data)) for key, data in rows)
    if tracks:
        names = {track_name(key): key for key in tracks}
        entries: dict[TrackKey, list[Any]] = {}
        # In the order they were written: what a track still holds depends on it. The index gives it for nothing.
        rows = db.execute(
            "SELECT name, entries FROM track WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name, id",
            _list(names),
        )
        for name, data in rows:
            entries.setdefault(names[name], []).extend(decode_entries(data))
        past.tracks.update((key, Track(found, wanted.tracks[key])) for key, found in entries.items())


def records(db: sqlite3.Connection, keys: Iterable[str]) -> dict[str, Record]:
    """Records by key."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM event WHERE key IN (SELECT value FROM json_each(?))", _list(keys))  # noqa: S608  # constant columns
    return {row[0]: _record(row) for row in rows}


def attributes(db: sqlite3.Connection, accounts: Iterable[str]) -> dict[str, bytes]:
    """Sealed attributes by account key."""
    return dict(
        db.execute(
            "SELECT account, sealed FROM attributes WHERE account IN (SELECT value FROM json_each(?))", _list(accounts)
        )
    )


def profile(db: sqlite3.Connection, key: str) -> bytes | None:
    """A packed profile."""
    row = db.execute("SELECT data FROM profile WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def page(
    db: sqlite3.Connection, account: str | None, since: int, type: str | None, after: int, size: int
) -> list[tuple[int, Record]]:
    """The next ``size`` records with their sequence numbers."""
    chosen = "account = :account AND " if account is not None else ""
    chosen += "type = :type AND " if type is not None else ""
    rows = db.execute(
        f"SELECT seq, {_COLUMNS} FROM event WHERE {chosen}seq > :after AND time >= :since ORDER BY seq LIMIT :size",  # noqa: S608  # constant text
        {"account": account, "type": type, "after": after, "since": since, "size": size},
    )
    return [(row[0], _record(row[1:])) for row in rows]


def extent(db: sqlite3.Connection) -> Extent:
    """How many records there are, and their oldest and newest times."""
    count, oldest, newest = db.execute("SELECT count(*), min(time), max(time) FROM event").fetchone()
    return Extent(records=count, oldest=oldest or 0, newest=newest or 0)


def alerts(
    db: sqlite3.Connection,
    tenant: str,
    account: str | None,
    kind: str | None,
    limit: int,
    state: str | None = None,
    id: str | None = None,
) -> list[AlertRow]:
    """Alerts, newest first."""
    where = "tenant = :tenant"
    where += " AND account = :account" if account is not None else ""
    where += " AND kind = :kind" if kind is not None else ""
    where += " AND state = :state" if state is not None else ""
    where += " AND id = :id" if id is not None else ""
    rows = db.execute(
        f"SELECT {_ALERT} FROM alert WHERE {where} ORDER BY last DESC, id LIMIT :limit",  # noqa: S608  # constant text
        {"tenant": tenant, "account": account, "kind": kind, "limit": limit, "state": state, "id": id},
    )
    return [
        AlertRow(
            id=row[0], tenant=row[1], account=row[2], kind=row[3], level=row[4], risk=row[5], first=row[6],
            last=row[7], events=row[8], rules=msgspec.json.decode(row[9], type=list[str]), event=row[10], state=row[11],
        )
        for row in rows
    ]  # fmt: skip


def alert_events(db: sqlite3.Connection, alert: AlertRow) -> list[int]:
    """The sequence numbers of an alert's events."""
    if alert.kind == "campaign":
        # CROSS JOIN: from the few of the campaign to their events, never the other way.
        query = (
            "SELECT seq FROM campaign_event CROSS JOIN event ON event.key = campaign_event.event"
            " WHERE campaign_event.tenant = :tenant AND campaign_event.alert = :alert ORDER BY seq"
        )
    else:
        query = "SELECT seq FROM event WHERE account = :account AND alert = :alert AND tenant = :tenant ORDER BY seq"
    rows = db.execute(query, {"tenant": alert.tenant, "alert": alert.id, "account": alert.account})
    return [row[0] for row in rows]


def by_sequence(db: sqlite3.Connection, numbers: Iterable[int]) -> list[Record]:
    """Records by sequence number, in their order."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM event WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq",  # noqa: S608  # constant text
        _list(numbers),
    )
    return [_record(row) for row in rows]


@lru_cache(maxsize=65_536)
def track_name(key: TrackKey) -> int:
    """A track's name in the database: 64 bits of a hash, a tenth of the size. Among a million tracks the chance that
    any two share one is below 1e-7."""
    return int.from_bytes(blake2b(_json(key), digest_size=8).digest(), "big", signed=True)


def _record(row: Any) -> Record:
    return Record(
        key=row[0], tenant=row[1], account=row[2], time=row[3], type=row[4], body=row[5], sealed=row[6],
        sighting=row[7], windows=row[8], assessment=row[9], trusted=bool(row[10]), alert=row[11],
    )  # fmt: skip


def _list(values: Iterable[str | int]) -> tuple[bytes]:
    return (_json(list(values)),)
