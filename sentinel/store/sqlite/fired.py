"""How often each rule fired, day by day: counts without accounts, so that they say nothing of a person."""

import sqlite3
from typing import Final

from sentinel.events.clock import utc_day
from sentinel.store.protocol import FIRED_DAYS, FiredKey

_ADD: Final = (
    "INSERT INTO fired (day, tenant, rule, status, number) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (day, tenant, rule, status) DO UPDATE SET number = number + excluded.number"
)


def statements(fired: dict[FiredKey, int]) -> list[tuple[str, list[object]]]:
    """What to execute to add to the counts."""
    return [(_ADD, [*key, number]) for key, number in fired.items()]


def since(db: sqlite3.Connection, day: int, tenant: str | None) -> dict[tuple[int, str, str], int]:
    """Counts by day, rule and status, of one tenant or of all."""
    rows = db.execute(
        "SELECT day, rule, status, sum(number) FROM fired"
        " WHERE day >= :day AND (:tenant IS NULL OR tenant = :tenant) GROUP BY day, rule, status",
        {"day": day, "tenant": tenant},
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def expire(db: sqlite3.Connection, now: int) -> int:
    """Drop counts that are too old to be asked for; returns the rows dropped."""
    return db.execute("DELETE FROM fired WHERE day < ?", (utc_day(now) - FIRED_DAYS,)).rowcount
