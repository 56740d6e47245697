"""What is common for everybody: counts by keyed names, without accounts (:mod:`sentinel.past.commons`)."""

import sqlite3
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any, Final

import msgspec

from sentinel.database import transaction
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
#: Period in which values were counted last, tenant, level.
Group = tuple[int, str, int]
_OF: Final = (
    "tenant = :tenant AND level = :level AND name IN (SELECT value FROM json_each(:names)) AND period = :period"
)
_NOTHING_LEFT: Final = f"DELETE FROM common WHERE {_OF} AND counts = zeroblob({_COUNTS.size})"  # noqa: S608  # constant text


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


def old(db: sqlite3.Connection, now: int, limit: int) -> dict[Group, list[int]]:
    """Names of up to ``limit`` values that hold counts of periods that are kept no more. Looks through all of them: not
    for the writer.

    A row that was not counted since still holds older counts than its last ones.
    """
    newest = period_of(utc_day(now))
    rows = db.execute(
        "SELECT period, tenant, level, name FROM common WHERE period <= ? LIMIT ?", (newest - KEPT, limit)
    ).fetchall()
    for period in range(newest - 1, newest - KEPT, -1):
        slots = _old_slots(period, newest)
        counted = " OR ".join(["substr(counts, ?, ?) <> zeroblob(?)"] * len(slots))
        query = f"SELECT period, tenant, level, name FROM common WHERE period = ? AND ({counted}) LIMIT ?"  # noqa: S608  # constant text
        bounds = [value for slot in slots for value in (slot * _BYTES + 1, _BYTES, _BYTES)]
        rows += db.execute(query, (period, *bounds, limit - len(rows))).fetchall()
    found: dict[Group, list[int]] = {}
    for period, tenant, level, name in rows:
        found.setdefault((period, tenant, level), []).append(name)
    return found


def expire(db: sqlite3.Connection, found: Mapping[Group, Sequence[int]], now: int) -> int:
    """Let go of what :func:`old` found; how many values those were. One counted since then is found again."""
    newest = period_of(utc_day(now))
    with transaction(db):
        for (period, tenant, level), names in found.items():
            given = {"period": period, "tenant": tenant, "level": level, "names": _json(names).decode()}
            slots = range(KEPT) if period <= newest - KEPT else _old_slots(period, newest)
            left = " || ".join(
                f"zeroblob({_BYTES})" if slot in slots else f"substr(counts, {slot * _BYTES + 1}, {_BYTES})"
                for slot in range(KEPT)
            )
            db.execute(f"UPDATE common SET counts = CAST({left} AS BLOB) WHERE {_OF}", given)  # noqa: S608  # constant text
            db.execute(_NOTHING_LEFT, given)
    return sum(map(len, found.values()))


def _old_slots(period: int, newest: int) -> list[int]:
    """Where counts that are kept no more stand in a row last counted in ``period``."""
    return [old % KEPT for old in range(period - KEPT + 1, newest - KEPT + 1)]
