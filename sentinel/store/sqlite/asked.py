"""What commands ask of whoever judges into the store, and its answers: sealed, and dropped a day after."""

import sqlite3
from collections.abc import Callable
from typing import Any

from sentinel.database import transaction
from sentinel.events.clock import DAY


def ask(db: sqlite3.Connection, time: int, seal: Callable[[int], bytes]) -> int:
    """Keep a question, which ``seal`` seals for the row with the id it is given; returns that id. Those answered long
    ago are of no use any more."""
    with transaction(db):
        db.execute("DELETE FROM asked WHERE done BETWEEN 1 AND ?", (time - DAY,))
        id = int(db.execute("INSERT INTO asked (time) VALUES (?)", (time,)).lastrowid or 0)
        db.execute("UPDATE asked SET question = ? WHERE id = ?", (seal(id), id))
    return id


def waiting(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Questions that nobody answered yet, oldest first: id and sealed question."""
    return db.execute("SELECT id, question FROM asked WHERE done = 0 ORDER BY id").fetchall()


def reply(db: sqlite3.Connection, id: int, now: int, answer: bytes) -> None:
    """Answered: the question is not needed any more."""
    db.execute("UPDATE asked SET question = NULL, answer = ?, done = ? WHERE id = ?", (answer, now, id))


def answer(db: sqlite3.Connection, id: int) -> bytes | None:
    """The sealed answer, once there is one."""
    row = db.execute("SELECT answer FROM asked WHERE id = ? AND done > 0", (id,)).fetchone()
    return row[0] if row else None
