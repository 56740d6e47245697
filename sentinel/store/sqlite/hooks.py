"""The outbox of hooks: events waiting for a target, leased to one worker at a time."""

import sqlite3
from typing import Any, Final

from sentinel.events.clock import DAY, SECOND, utc_day
from sentinel.store.hooks import Disabled

#: The tables, as a migration.
CREATE: Final = """
    CREATE TABLE hook (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        tenant TEXT NOT NULL,
        target TEXT NOT NULL,
        type TEXT NOT NULL,
        owner TEXT,
        ref BLOB,
        day INTEGER NOT NULL,
        body BLOB,
        state TEXT NOT NULL DEFAULT 'pending',
        due INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        first_try INTEGER NOT NULL DEFAULT 0,
        worker TEXT,
        leased_until INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        done INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX hook_name ON hook (target, name);
    CREATE INDEX hook_due ON hook (target, state, due);
    CREATE INDEX hook_owner ON hook (owner) WHERE owner IS NOT NULL;
    CREATE INDEX hook_day ON hook (day);
    CREATE TABLE hook_target (
        name TEXT PRIMARY KEY,
        digest BLOB NOT NULL,
        since INTEGER NOT NULL,
        reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
"""
#: Columns that :meth:`sentinel.store.rows.Rows.hook` fills.
COLUMNS: Final = "name, tenant, target, type, owner, ref, day, body"

_OPEN: Final = "worker = NULL, leased_until = 0"


def lease(
    db: sqlite3.Connection, target: str, worker: str, now: int, limit: int, seconds: int
) -> list[tuple[Any, ...]]:
    """Take the oldest due events of a target; another worker sees them again only when the lease has run out.

    Rows of: id, attempts before this one, first try, name, ref, sealed event.
    """
    rows = db.execute(
        "UPDATE hook SET worker = :worker, leased_until = :until, attempts = attempts + 1,"
        " first_try = CASE first_try WHEN 0 THEN :now ELSE first_try END"
        " WHERE id IN (SELECT id FROM hook WHERE target = :target AND state = 'pending' AND due <= :now"
        " AND leased_until <= :now ORDER BY id LIMIT :limit)"
        " RETURNING id, attempts - 1, first_try, name, ref, body",
        {"target": target, "worker": worker, "now": now, "until": now + seconds * SECOND, "limit": limit},
    ).fetchall()
    return sorted(rows, key=lambda row: row[0])  # RETURNING keeps no order


def is_due(db: sqlite3.Connection, target: str, now: int) -> bool:
    """Whether there is something to lease."""
    rows = "SELECT 1 FROM hook WHERE target = ? AND state = 'pending' AND due <= ? AND leased_until <= ?"
    return bool(db.execute(f"SELECT EXISTS ({rows})", (target, now, now)).fetchone()[0])


def settle(db: sqlite3.Connection, hook: int, worker: str, now: int, state: str, reason: str) -> None:
    """Done with. Of what was delivered nothing is needed any more, nor when it was to the second: with the target's log
    beside it, that would say whose it was."""
    if state not in ("delivered", "dead"):
        raise ValueError(f"an event for a hook ends as delivered or dead, not {state}")
    db.execute(
        f"UPDATE hook SET state = ?, reason = ?, done = ?, due = 0, first_try = 0, {_OPEN},"  # noqa: S608  # constant text
        " body = CASE ? WHEN 'delivered' THEN NULL ELSE body END"
        # Held back while it was under way: it went out all the same, and must not again.
        " WHERE id = ? AND worker = ? AND state IN ('pending', 'held')",
        (state, reason, _whole_day(now), state, hook, worker),
    )


def retry(db: sqlite3.Connection, hook: int, worker: str, at: int, reason: str) -> None:
    """Try again at ``at``."""
    db.execute(
        f"UPDATE hook SET due = ?, reason = ?, {_OPEN} WHERE id = ? AND worker = ? AND state = 'pending'",  # noqa: S608  # constant text
        (at, reason, hook, worker),
    )


def hold(db: sqlite3.Connection, hook: int, worker: str, profile: str, sealed: bytes) -> None:
    """Hold back what was leased, as if it had not been: its account is restricted, as the ``sealed`` profile says. If
    that changed since, it is looked at again when the lease has run out."""
    db.execute(
        "UPDATE hook SET state = 'held', attempts = attempts - 1,"  # noqa: S608  # constant text
        f" first_try = CASE attempts WHEN 1 THEN 0 ELSE first_try END, {_OPEN}"
        " WHERE id = ? AND worker = ? AND state = 'pending'"
        " AND EXISTS (SELECT 1 FROM profile WHERE key = ? AND sealed = ?)",
        (hook, worker, profile, sealed),
    )


def bury(db: sqlite3.Connection, target: str, now: int, reason: str) -> int:
    """Make dead letters of all that waits for a target and that nobody is sending."""
    return db.execute(
        "UPDATE hook SET state = 'dead', reason = ?, done = ?, due = 0, first_try = 0"
        " WHERE target = ? AND state = 'pending' AND leased_until <= ?",
        (reason, _whole_day(now), target, now),
    ).rowcount


def replay(db: sqlite3.Connection, target: str, since: int) -> int:
    """Make dead letters due again, as if they had never been tried."""
    return db.execute(
        "UPDATE hook SET state = 'pending', reason = '', done = 0, due = 0, attempts = 0, first_try = 0"
        " WHERE target = ? AND state = 'dead' AND day >= ?",
        (target, utc_day(since)),
    ).rowcount


def targets(db: sqlite3.Connection) -> set[str]:
    """Names of the targets that something waits for."""
    return {row[0] for row in db.execute("SELECT DISTINCT target FROM hook WHERE state = 'pending'")}


def counts(db: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Events by target and state."""
    rows = db.execute("SELECT target, state, count(*) FROM hook GROUP BY target, state")
    return {(target, state): number for target, state, number in rows}


def oldest(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """The event of each target that waits longest: target, name, ref, sealed event."""
    # SQLite takes the other columns of the row that has the minimum.
    rows = db.execute("SELECT target, name, ref, body, min(id) FROM hook WHERE state = 'pending' GROUP BY target")
    return [row[:4] for row in rows]


def reasons(db: sqlite3.Connection) -> dict[str, str]:
    """Why the newest event of each target that failed did."""
    rows = db.execute("SELECT target, reason, max(id) FROM hook WHERE reason != '' GROUP BY target")
    return {row[0]: row[1] for row in rows}


def of_account(db: sqlite3.Connection, owner: str) -> list[tuple[Any, ...]]:
    """The events about an account, whose row id is ``owner``: type, target, state, day."""
    return db.execute("SELECT type, target, state, day FROM hook WHERE owner = ? ORDER BY id", (owner,)).fetchall()


def expire(db: sqlite3.Connection, through: int, limit: int) -> int:
    """Delete what happened up to a UTC day."""
    query = "DELETE FROM hook WHERE id IN (SELECT id FROM hook WHERE day <= ? LIMIT ?)"
    return db.execute(query, (through, limit)).rowcount


def disable(db: sqlite3.Connection, disabled: Disabled) -> None:
    """Remember that a target is told nothing more."""
    db.execute(
        "INSERT INTO hook_target (name, digest, since, reason) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
        " SET digest = excluded.digest, since = excluded.since, reason = excluded.reason",
        (disabled.target, disabled.digest, disabled.since, disabled.reason),
    )


def enable(db: sqlite3.Connection, target: str) -> None:
    """Forget that."""
    db.execute("DELETE FROM hook_target WHERE name = ?", (target,))


def disabled(db: sqlite3.Connection) -> list[Disabled]:
    """The targets that are told nothing more."""
    rows = db.execute("SELECT name, digest, since, reason FROM hook_target ORDER BY name")
    return [Disabled(target=name, digest=digest, since=since, reason=reason) for name, digest, since, reason in rows]


def _whole_day(now: int) -> int:
    return max(1, now - now % DAY)
