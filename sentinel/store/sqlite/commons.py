"""What is common for everybody: counts by keyed names, without accounts (:mod:`sentinel.past.commons`)."""

import sqlite3
from struct import Struct
from typing import Any, Final

import msgspec

from sentinel.events.clock import utc_day
from sentinel.past.commons import KEPT, CommonRow, period_of
from sentinel.store.protocol import Changes

#: The table, as a migration. Its order is that of the names, which are random: none of what came together.
CREATE: Final = """
    CREATE TABLE common (
        tenant TEXT NOT NULL,
        level INTEGER NOT NULL,
        name INTEGER NOT NULL,
        period INTEGER NOT NULL,
        counts BLOB NOT NULL,
        PRIMARY KEY (tenant, level, name)
    ) STRICT, WITHOUT ROWID
"""

#: How counts are packed, each in so many bytes.
_COUNTS: Final = Struct(f">{KEPT}I")
_BYTES: Final = _COUNTS.size // KEPT
_json: Final = msgspec.json.Encoder().encode
_ROWS: Final = 32
_COLUMNS: Final = "tenant, level, name, period, counts"


def _put(rows: int) -> str:
    return (
        f"INSERT INTO common ({_COLUMNS}) VALUES {', '.join(['(?, ?, ?, ?, ?)'] * rows)}"  # noqa: S608  # constant text
        " ON CONFLICT (tenant, level, name) DO UPDATE SET period = excluded.period, counts = excluded.counts"
    )


_PUT: Final = {rows: _put(rows) for rows in (_ROWS, 8, 1)}
_DROP: Final = "DELETE FROM common WHERE tenant = ? AND level = ? AND name IN (SELECT value FROM json_each(?))"
_EXPIRED: Final = (
    "DELETE FROM common WHERE (tenant, level, name) IN"
    " (SELECT tenant, level, name FROM common WHERE period <= ? LIMIT ?)"
)


def statements(changes: Changes) -> list[tuple[str, list[Any]]]:
    """What to execute for a batch."""
    out: list[tuple[str, list[Any]]] = []
    kept: list[tuple[Any, ...]] = []
    dropped: dict[tuple[str, int], list[int]] = {}
    for (tenant, level, name), row in changes.commons.items():
        if row is None:
            dropped.setdefault((tenant, level), []).append(name)
        else:
            kept.append((tenant, level, name, row.period, _COUNTS.pack(*row.counts)))
    out += [(_DROP, [tenant, level, _json(names).decode()]) for (tenant, level), names in dropped.items()]
    at = 0
    for size, statement in _PUT.items():
        while len(kept) - at >= size:
            out.append((statement, [value for row in kept[at : at + size] for value in row]))
            at += size
    return out


def load(db: sqlite3.Connection) -> dict[str, list[CommonRow]]:
    """All counts, by tenant."""
    found: dict[str, list[CommonRow]] = {}
    for tenant, level, name, period, packed in db.execute(f"SELECT {_COLUMNS} FROM common"):  # noqa: S608  # constant text
        found.setdefault(tenant, []).append(CommonRow(level, name, period, _COUNTS.unpack(packed)))
    return found


def expire(db: sqlite3.Connection, now: int, limit: int) -> int:
    """Let go what was counted in a period that is kept no more, in up to ``limit`` rows; returns the rows changed.

    A row that was not counted since still holds older counts than its last ones.
    """
    newest = period_of(utc_day(now))
    dropped = db.execute(_EXPIRED, (newest - KEPT, limit)).rowcount
    for back in range(1, KEPT):
        period = newest - back
        slots = [old % KEPT for old in range(period - KEPT + 1, newest - KEPT + 1)]
        counted = " OR ".join(["substr(counts, ?, ?) <> zeroblob(?)"] * len(slots))
        old = f"SELECT {_COLUMNS} FROM common WHERE period = ? AND ({counted}) LIMIT ?"  # noqa: S608  # constant text
        bounds = [value for slot in slots for value in (slot * _BYTES + 1, _BYTES, _BYTES)]
        for tenant, level, name, _, packed in db.execute(old, (period, *bounds, limit - dropped)).fetchall():
            counts = bytearray(packed)
            for slot in slots:
                counts[slot * _BYTES : (slot + 1) * _BYTES] = bytes(_BYTES)
            if any(counts):
                db.execute(_PUT[1], (tenant, level, name, period, bytes(counts)))
            else:
                db.execute(_DROP, (tenant, level, name))
            dropped += 1
    return dropped
