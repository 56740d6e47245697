"""Statements of expiry. Each is one short transaction; what is to go is found by an index, or by the reader."""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from sentinel.database import transaction
from sentinel.privacy.retention import Due
from sentinel.store.aging import Expiring
from sentinel.store.sqlite.erasing import delete_owned

_json: Final = msgspec.json.Encoder().encode


def raw(db: sqlite3.Connection, through: int, limit: int) -> int:
    """Clear raw values."""
    return db.execute(
        "UPDATE event SET raw = NULL WHERE seq IN"
        " (SELECT seq FROM event INDEXED BY event_raw WHERE raw IS NOT NULL AND day <= ? LIMIT ?)",
        (through, limit),
    ).rowcount


def records(db: sqlite3.Connection, through: int, limit: int) -> int:
    """Delete records, with their places in campaigns."""
    with transaction(db):
        found = db.execute("SELECT seq, key FROM event WHERE day <= ? LIMIT ?", (through, limit)).fetchall()
        db.execute(
            "DELETE FROM campaign_event WHERE event IN (SELECT value FROM json_each(?))", _list(row[1] for row in found)
        )
        db.execute("DELETE FROM event WHERE seq IN (SELECT value FROM json_each(?))", _list(row[0] for row in found))
    return len(found)


def old_alerts(db: sqlite3.Connection, through: int, limit: int) -> list[str]:
    """Keys of alerts last seen up to a day, of all tenants."""
    return [row[0] for row in db.execute("SELECT key FROM alert WHERE day <= ? LIMIT ?", (through, limit))]


def alerts(db: sqlite3.Connection, keys: list[str], through: int) -> int:
    """Delete alerts that did not go on since they were found."""
    with transaction(db):
        gone = db.execute(
            "DELETE FROM alert WHERE key IN (SELECT value FROM json_each(?)) AND day <= ? RETURNING key",
            (_json(keys), through),
        ).fetchall()
        db.execute(
            "DELETE FROM campaign_event WHERE alert IN (SELECT value FROM json_each(?))", _list(row[0] for row in gone)
        )
    return len(keys)


def old_mails(db: sqlite3.Connection, before: int, limit: int) -> list[int]:
    """Ids of mails done with."""
    rows = db.execute("SELECT id FROM mail WHERE done BETWEEN 1 AND ? - 1 LIMIT ?", (before, limit))
    return [row[0] for row in rows]


def oldest_pending(db: sqlite3.Connection, limit: int) -> list[tuple[Any, ...]]:
    """The mails that wait longest, also those held back: id, key of the alert, ref, sealed notice."""
    return db.execute("SELECT id, alert, ref, notice FROM mail WHERE done = 0 ORDER BY id LIMIT ?", (limit,)).fetchall()


def mails(db: sqlite3.Connection, ids: Iterable[int]) -> int:
    """Delete mails."""
    return db.execute("DELETE FROM mail WHERE id IN (SELECT value FROM json_each(?))", _list(ids)).rowcount


def verdicts(db: sqlite3.Connection, before: int, limit: int) -> int:
    """Delete verdicts that were carried out."""
    return db.execute(
        "DELETE FROM verdict WHERE id IN (SELECT id FROM verdict WHERE done BETWEEN 1 AND ? - 1 LIMIT ?)",
        (before, limit),
    ).rowcount


def count(db: sqlite3.Connection, due: Due, mails_before: int, links_before: int) -> Expiring:
    """How much is due."""
    raw, records, alerts, mails, links = db.execute(
        "SELECT (SELECT count(*) FROM event INDEXED BY event_raw WHERE raw IS NOT NULL AND day <= :raw),"
        " (SELECT count(*) FROM event WHERE day <= :records), (SELECT count(*) FROM alert WHERE day <= :records),"
        " (SELECT count(*) FROM mail WHERE done BETWEEN 1 AND :mails - 1),"
        " (SELECT count(*) FROM answer_token WHERE expires <= :links)",
        {"raw": due.raw_through, "records": due.records_through, "mails": mails_before, "links": links_before},
    ).fetchone()
    return Expiring(raw=raw, records=records, alerts=alerts, mails=mails, links=links)


def sealed(db: sqlite3.Connection, table: str, names: Iterable[str]) -> list[tuple[str, bytes]]:
    """Profiles or attributes by row id."""
    return db.execute(
        f"SELECT key, sealed FROM {table} WHERE key IN (SELECT value FROM json_each(?))",  # noqa: S608  # constant names
        _list(names),
    ).fetchall()


def has_past(db: sqlite3.Connection, events: Iterable[str], alerts: str) -> bool:
    """Whether there are events with one of these owners, or alerts."""
    found = db.execute(
        "SELECT EXISTS (SELECT 1 FROM event WHERE owner IN (SELECT value FROM json_each(?)))"
        " OR EXISTS (SELECT 1 FROM alert WHERE owner = ?)",
        (_json(list(events)), alerts),
    )
    return bool(found.fetchone()[0])


def drop_account(db: sqlite3.Connection, rows: bytes) -> int:
    """Delete what is left of an account without events and alerts; ``rows`` gives its row ids."""
    with transaction(db):
        return delete_owned(db, rows)


def reclaim(db: sqlite3.Connection, limit: int) -> int:
    """Give free pages back, those at the end of the file first; returns how many."""
    before = db.execute("PRAGMA freelist_count").fetchone()[0]
    # Each page is a row without columns, after the first of which execute() would stop.
    db.executescript(f"PRAGMA incremental_vacuum({int(limit)})")
    return int(before - db.execute("PRAGMA freelist_count").fetchone()[0])


def _list(values: Iterable[str | int]) -> tuple[bytes]:
    return (_json(list(values)),)
