"""Into which bins logins fell, day by day: counts of everybody together, sealed."""

import sqlite3
from typing import Final

from sentinel.events.clock import utc_day
from sentinel.store.protocol import DRIFT_DAYS, Changes, TallyKey

#: The table, as a migration.
CREATE: Final = """
    CREATE TABLE drift (
        day INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (tenant, day)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX drift_day ON drift (day)
"""

_PUT: Final = (
    "INSERT INTO drift (day, tenant, sealed) VALUES (?, ?, ?)"
    " ON CONFLICT (tenant, day) DO UPDATE SET sealed = excluded.sealed"
)


def statements(changes: Changes) -> list[tuple[str, list[object]]]:
    """What to execute for a batch."""
    return [(_PUT, [day, tenant, sealed]) for (day, tenant), sealed in changes.drift.items()]


def newest(db: sqlite3.Connection) -> dict[TallyKey, bytes]:
    """The newest day of each tenant."""
    # SQLite takes the other columns of the row that has the maximum.
    rows = db.execute("SELECT max(day), tenant, sealed FROM drift GROUP BY tenant")
    return {(row[0], row[1]): row[2] for row in rows}


def since(db: sqlite3.Connection, day: int, tenant: str) -> dict[int, bytes]:
    """A tenant's days from ``day`` on, oldest first."""
    rows = db.execute("SELECT day, sealed FROM drift WHERE tenant = ? AND day >= ? ORDER BY day", (tenant, day))
    return {row[0]: row[1] for row in rows}


def expire(db: sqlite3.Connection, now: int) -> int:
    """Drop days older than :data:`DRIFT_DAYS`; returns the rows dropped."""
    return db.execute("DELETE FROM drift WHERE day < ?", (utc_day(now) - DRIFT_DAYS,)).rowcount
