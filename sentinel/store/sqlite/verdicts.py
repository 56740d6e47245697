"""Verdicts given on the command line, waiting for whoever judges into the store.

What a verdict is about names an account or an alert: it is sealed, and forgotten once the verdict is carried out.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from sentinel.events.clock import DAY
from sentinel.store.protocol import AskedVerdict
from sentinel.store.rows import Rows

#: How long it can be asked what came of a verdict.
_KEPT: Final = DAY
_COLUMNS: Final = ("id", "tenant", "about", "target", "verdict", "time", "answered", "done")


def ask(db: sqlite3.Connection, verdict: AskedVerdict, target: bytes) -> int:
    """Keep a verdict, about ``target`` (sealed); returns its id. Those carried out long ago are of no use any more."""
    db.execute("DELETE FROM verdict WHERE done BETWEEN 1 AND ?", (verdict.time - _KEPT,))
    row = db.execute(
        "INSERT INTO verdict (tenant, about, target, verdict, time) VALUES (?, ?, ?, ?, ?)",
        (verdict.tenant, verdict.about, target, verdict.verdict, verdict.time),
    )
    return int(row.lastrowid or 0)


def asked(db: sqlite3.Connection, rows: Rows, id: int | None) -> list[AskedVerdict]:
    """Those not carried out yet, oldest first; or one, which is about nothing any more once it is carried out."""
    chosen = "done = 0" if id is None else "id = :id"
    found = db.execute(f"SELECT {', '.join(_COLUMNS)} FROM verdict WHERE {chosen} ORDER BY id", {"id": id})  # noqa: S608  # constant text
    verdicts = []
    for row in found:
        values = dict(zip(_COLUMNS, row, strict=True))
        values["target"] = rows.open_target(values["target"]) if values["target"] is not None else ""
        verdicts.append(msgspec.convert(values, AskedVerdict))
    return verdicts


def settle(db: sqlite3.Connection, id: int, now: int, answered: int, alerts: Sequence[str]) -> None:
    """Carried out: it is marked so, and its alerts (keys) are closed with it, both or neither."""
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("UPDATE verdict SET done = ?, answered = ?, target = NULL WHERE id = ?", (now, answered, id))
        db.executemany(
            "UPDATE alert SET state = (SELECT verdict FROM verdict WHERE verdict.id = ?) WHERE key = ?",
            [(id, alert) for alert in alerts],
        )
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
