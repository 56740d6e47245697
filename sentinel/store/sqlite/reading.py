"""Queries, which give rows as they are. Lists go in as JSON, so that each statement has one text and stays prepared."""

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec

from sentinel.events.clock import utc_day
from sentinel.past.windows import Track
from sentinel.store.protocol import AlertRow, Past, TrackKey, Wanted
from sentinel.store.rows import Rows

#: As :class:`sentinel.store.rows.EventRow` has them; raw values are asked for apart.
_COLUMNS: Final = "key, tenant, owner, ref, day, type, body, NULL, record, trusted, alert"
_ALERT: Final = "key, tenant, owner, ref, kind, day, event, sealed, state"
_json: Final = msgspec.json.Encoder().encode

Row = tuple[Any, ...]


def recall(
    db: sqlite3.Connection,
    rows: Rows,
    wanted: Wanted,
    profiles: Collection[str],
    tracks: Collection[TrackKey],
    past: Past,
) -> None:
    """Fill ``past`` with what is wanted and was not cached."""
    if wanted.records:
        past.records.update((record.key, record) for record in rows.records(records(db, wanted.records)))
    if wanted.attributes:
        names = {rows.attributes_row(handle): handle for handle in wanted.attributes}
        past.attributes.update(
            (names[name], rows.open_attributes(names[name], sealed)) for name, sealed in attributes(db, names)
        )
    if profiles:
        names = {rows.profile_row(handle): handle for handle in profiles}
        found = db.execute(
            "SELECT key, sealed FROM profile WHERE key IN (SELECT value FROM json_each(?))", _list(names)
        )
        past.profiles.update((names[name], rows.open_profile(names[name], sealed)) for name, sealed in found)
    if tracks:
        numbers = {rows.track_name(key): key for key in tracks}
        entries: dict[TrackKey, list[Any]] = {}
        # In the order they were written: what a track still holds depends on it. The index gives it for nothing.
        written = db.execute(
            "SELECT name, expires, entries FROM track WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name, id",
            _list(numbers),
        )
        for number, expires, sealed in written:
            entries.setdefault(numbers[number], []).extend(rows.open_entries(number, expires, sealed))
        past.tracks.update((key, Track(found, wanted.tracks[key])) for key, found in entries.items())


def records(db: sqlite3.Connection, keys: Iterable[str]) -> list[Row]:
    """Records by key."""
    return db.execute(
        f"SELECT {_COLUMNS} FROM event WHERE key IN (SELECT value FROM json_each(?))",  # noqa: S608  # constant columns
        _list(keys),
    ).fetchall()


def raw(db: sqlite3.Connection, key: str) -> tuple[bytes | None, bytes | None]:
    """The sealed raw values of a record, and what leads to its account."""
    row = db.execute("SELECT raw, ref FROM event WHERE key = ?", (key,)).fetchone()
    return (row[0], row[1]) if row else (None, None)


def attributes(db: sqlite3.Connection, names: Iterable[str]) -> list[Row]:
    """Sealed attributes by row id."""
    return db.execute(
        "SELECT key, sealed FROM attributes WHERE key IN (SELECT value FROM json_each(?))", _list(names)
    ).fetchall()


def profile(db: sqlite3.Connection, name: str) -> bytes | None:
    """A sealed profile by row id."""
    row = db.execute("SELECT sealed FROM profile WHERE key = ?", (name,)).fetchone()
    return row[0] if row else None


def page(
    db: sqlite3.Connection, owners: Collection[str] | None, since: int, type: str | None, after: int, size: int
) -> list[Row]:
    """The next ``size`` records, each with its sequence number in front; ``owners`` are row ids of one account."""
    chosen = "owner IN (SELECT value FROM json_each(:owners)) AND " if owners is not None else ""
    chosen += "type = :type AND " if type is not None else ""
    return db.execute(
        f"SELECT seq, {_COLUMNS} FROM event WHERE {chosen}seq > :after AND day >= :since ORDER BY seq LIMIT :size",  # noqa: S608  # constant text
        {
            "owners": _json(list(owners)) if owners is not None else None,
            "type": type,
            "after": after,
            "since": utc_day(since),
            "size": size,
        },
    ).fetchall()


def counts_by_day(db: sqlite3.Connection, since: int, tenant: str | None) -> list[Row]:
    """Day, events (answers are none), logins, logins with an alert."""
    return db.execute(
        "SELECT day, count(*), sum(type = 'login'), sum(type = 'login' AND alert IS NOT NULL) FROM event"
        " WHERE day >= :since AND type <> 'feedback' AND (:tenant IS NULL OR tenant = :tenant)"
        " GROUP BY day ORDER BY day",
        {"since": since, "tenant": tenant},
    ).fetchall()


def key_at(db: sqlite3.Connection, number: int) -> str | None:
    """The key of the record with a sequence number."""
    row = db.execute("SELECT key FROM event WHERE seq = ?", (number,)).fetchone()
    return row[0] if row else None


def newest_number(db: sqlite3.Connection) -> int:
    """The highest sequence number."""
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])


def days(db: sqlite3.Connection) -> range:
    """The UTC days that events are stored of."""
    oldest, newest = db.execute("SELECT min(day), max(day) FROM event").fetchone()
    return range(oldest, newest + 1) if oldest is not None else range(0)


def extent(db: sqlite3.Connection) -> tuple[int, list[Row]]:
    """How many records there are, and those of the first and the last day."""
    count = db.execute("SELECT count(*) FROM event").fetchone()[0]
    ends = db.execute(
        f"SELECT {_COLUMNS} FROM event WHERE day = (SELECT min(day) FROM event) OR day = (SELECT max(day) FROM event)"  # noqa: S608  # constant text
    )
    return count, ends.fetchall()


def alerts(
    db: sqlite3.Connection,
    tenant: str,
    owner: str | None,
    kind: str | None,
    limit: int,
    state: str | None = None,
    key: str | None = None,
    *,
    hidden: bool = False,
) -> list[Row]:
    """At least the newest ``limit`` alerts: all of the days they were last seen on, which is all that rows tell."""
    where = "tenant = :tenant" if hidden else "tenant = :tenant AND NOT hidden"
    where += " AND owner = :owner" if owner is not None else ""
    where += " AND kind = :kind" if kind is not None else ""
    where += " AND state = :state" if state is not None else ""
    where += " AND key = :key" if key is not None else ""
    last = f"SELECT day FROM alert WHERE {where} ORDER BY day DESC LIMIT 1 OFFSET :limit - 1"  # noqa: S608  # constant text
    return db.execute(
        f"SELECT {_ALERT} FROM alert WHERE {where} AND day >= coalesce(({last}), 0)",  # noqa: S608  # likewise
        {"tenant": tenant, "owner": owner, "kind": kind, "limit": limit, "state": state, "key": key},
    ).fetchall()


def tracks_of(db: sqlite3.Connection, owner: str) -> list[Row]:
    """Name, expiry and sealed entries of the tracks that are kept by an account; ``owner`` is its row id."""
    return db.execute("SELECT name, expires, entries FROM track WHERE owner = ? ORDER BY name, id", (owner,)).fetchall()


def alerts_of(db: sqlite3.Connection, owner: str) -> list[Row]:
    """All alerts of an account, hidden ones too; ``owner`` is its row id."""
    return db.execute(f"SELECT {_ALERT} FROM alert WHERE owner = ?", (owner,)).fetchall()  # noqa: S608  # constant text


def alert_events(db: sqlite3.Connection, key: str, alert: AlertRow, owners: Collection[str]) -> list[int]:
    """The sequence numbers of an alert's events. ``key`` is the alert's, ``owners`` are row ids of its account."""
    if alert.kind == "campaign":
        # CROSS JOIN: from the few of the campaign to their events, never the other way.
        query = (
            "SELECT seq FROM campaign_event CROSS JOIN event ON event.key = campaign_event.event"
            " WHERE campaign_event.alert = :alert AND event.tenant = :tenant ORDER BY seq"
        )
    else:
        query = (
            "SELECT seq FROM event WHERE owner IN (SELECT value FROM json_each(:owners)) AND alert = :alert"
            " AND tenant = :tenant ORDER BY seq"
        )
    rows = db.execute(query, {"tenant": alert.tenant, "alert": key, "owners": _json(list(owners))})
    return [row[0] for row in rows]


def by_sequence(db: sqlite3.Connection, numbers: Iterable[int]) -> list[Row]:
    """Records by sequence number, in their order."""
    return db.execute(
        f"SELECT {_COLUMNS} FROM event WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq",  # noqa: S608  # constant text
        _list(numbers),
    ).fetchall()


def _list(values: Iterable[str | int]) -> tuple[bytes]:
    return (_json(list(values)),)
