"""Usage figures: open days (sealed), days that are over (anonymous, without small cells), and calls by API key."""

import sqlite3
from typing import Final

import msgspec

from sentinel.events.clock import utc_day
from sentinel.store.protocol import USAGE_DAYS, CallKey, Changes, TallyKey, UsageDay

#: The tables, as a migration.
CREATE: Final = """
    CREATE TABLE usage_open (
        day INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (day, tenant)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE usage (
        day INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        dimension TEXT NOT NULL,
        epsilon REAL NOT NULL,
        scale REAL NOT NULL,
        least INTEGER NOT NULL,
        numbers TEXT NOT NULL,
        PRIMARY KEY (day, tenant, dimension)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE usage_call (
        day INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        key TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (day, tenant, key)
    ) STRICT, WITHOUT ROWID
"""

_OPEN: Final = (
    "INSERT INTO usage_open (day, tenant, sealed) VALUES (?, ?, ?)"
    " ON CONFLICT (day, tenant) DO UPDATE SET sealed = excluded.sealed"
)
_CLOSE: Final = "DELETE FROM usage_open WHERE day = ? AND tenant = ?"
#: A day is told once: a second telling, with other noise, would tell more than either.
_TELL: Final = (
    "INSERT INTO usage (day, tenant, dimension, epsilon, scale, least, numbers) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (day, tenant, dimension) DO NOTHING"
)
_CALL: Final = (
    "INSERT INTO usage_call (day, tenant, key, number) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (day, tenant, key) DO UPDATE SET number = number + excluded.number"
)
_json: Final = msgspec.json.Encoder().encode
_numbers: Final = msgspec.json.Decoder(dict[str, int]).decode


def statements(changes: Changes) -> list[tuple[str, list[object]]]:
    """What to execute for a batch."""
    out: list[tuple[str, list[object]]] = []
    for (day, tenant), sealed in changes.tallies.items():
        out.append((_OPEN, [day, tenant, sealed]) if sealed is not None else (_CLOSE, [day, tenant]))
    for u in changes.usage:
        numbers = _json(u.numbers).decode()
        out.append((_TELL, [u.day, u.tenant, u.dimension, u.epsilon, u.scale, u.least, numbers]))
    out += [(_CALL, [*key, number]) for key, number in changes.calls.items()]
    return out


def tallies(db: sqlite3.Connection) -> dict[TallyKey, bytes]:
    """The open days, sealed."""
    return {(row[0], row[1]): row[2] for row in db.execute("SELECT day, tenant, sealed FROM usage_open")}


def since(db: sqlite3.Connection, day: int, tenant: str) -> list[UsageDay]:
    """The figures of a tenant's days from ``day`` on, oldest first."""
    rows = db.execute(
        "SELECT day, tenant, dimension, epsilon, scale, least, numbers FROM usage"
        " WHERE day >= ? AND tenant = ? ORDER BY day, dimension",
        (day, tenant),
    )
    return [
        UsageDay(
            day=row[0],
            tenant=row[1],
            dimension=row[2],
            epsilon=row[3],
            scale=row[4],
            least=row[5],
            numbers=_numbers(row[6]),
        )
        for row in rows
    ]


def calls(db: sqlite3.Connection, day: int, tenant: str) -> dict[CallKey, int]:
    """A tenant's calls from ``day`` on."""
    rows = db.execute(
        "SELECT day, tenant, key, number FROM usage_call WHERE day >= ? AND tenant = ? ORDER BY day, key",
        (day, tenant),
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def expire(db: sqlite3.Connection, now: int) -> int:
    """Drop what is older than :data:`USAGE_DAYS`, open days that nothing came to end among it; the rows dropped."""
    oldest = utc_day(now) - USAGE_DAYS
    return sum(
        db.execute(f"DELETE FROM {table} WHERE day < ?", (oldest,)).rowcount  # noqa: S608  # constant names
        for table in ("usage_open", "usage", "usage_call")
    )
