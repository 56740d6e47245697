"""Verdicts given on the command line, waiting for whoever judges into the store."""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from sentinel.database import transaction
from sentinel.events.clock import DAY
from sentinel.store.protocol import AskedVerdict

#: How long it can be asked what came of a verdict.
_KEPT: Final = DAY
_COLUMNS: Final = ("id", "tenant", "about", "target", "verdict", "time", "answered", "done")


def ask(db: sqlite3.Connection, verdict: AskedVerdict) -> int:
    """Keep a verdict; returns its id. Those carried out long ago are of no use any more."""
    db.execute("DELETE FROM verdict WHERE done BETWEEN 1 AND ?", (verdict.time - _KEPT,))
    row = db.execute(
        "INSERT INTO verdict (tenant, about, target, verdict, time) VALUES (?, ?, ?, ?, ?)",
        (verdict.tenant, verdict.about, verdict.target, verdict.verdict, verdict.time),
    )
    return int(row.lastrowid or 0)


def asked(db: sqlite3.Connection, id: int | None) -> list[AskedVerdict]:
    """Those not carried out yet, oldest first; or one."""
    chosen = "done = 0" if id is None else "id = :id"
    rows = db.execute(f"SELECT {', '.join(_COLUMNS)} FROM verdict WHERE {chosen} ORDER BY id", {"id": id})  # noqa: S608  # constant text
    return [msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), AskedVerdict) for row in rows]


def settle(db: sqlite3.Connection, id: int, now: int, answered: int, alerts: Sequence[str]) -> None:
    """Carried out: it is marked so, its alerts (keys) are closed with it, and what it was about is forgotten; all or
    nothing."""
    with transaction(db):
        db.execute("UPDATE verdict SET done = ?, answered = ?, target = '' WHERE id = ?", (now, answered, id))
        db.executemany(
            "UPDATE alert SET state = (SELECT verdict FROM verdict WHERE verdict.id = ?) WHERE key = ?",
            [(id, alert) for alert in alerts],
        )


def drop(db: sqlite3.Connection, id: int, alert: str) -> None:
    """A verdict about an alert (key) has nothing to do when there is no such alert any more."""
    db.execute(
        "UPDATE verdict SET target = '', done = max(done, 1)"
        " WHERE id = ? AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.key = ?)",
        (id, alert),
    )
