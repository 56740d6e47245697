"""The outbox: mails waiting, leased to one worker at a time."""

import sqlite3
from typing import Any, Final

from sentinel.events.clock import DAY, SECOND

_STATES: Final = ("pending", "sent", "failed", "unaddressed", "held")
_ENDS: Final = ("sent", "failed", "unaddressed")


def lease(db: sqlite3.Connection, worker: str, now: int, limit: int, seconds: int) -> list[tuple[Any, ...]]:
    """Take the most urgent due mails; another worker sees them again only when the lease has run out.

    Rows of: id, attempts before this one, first try, key of the alert, ref, sealed notice.
    """
    rows = db.execute(
        "UPDATE mail SET worker = :worker, leased_until = :until, attempts = attempts + 1,"
        " first_try = CASE first_try WHEN 0 THEN :now ELSE first_try END"
        " WHERE id IN (SELECT id FROM mail WHERE state = 'pending' AND due <= :now AND leased_until <= :now"
        " ORDER BY urgency DESC, id LIMIT :limit)"
        " RETURNING -urgency, id, attempts - 1, first_try, alert, ref, notice",
        {"worker": worker, "now": now, "until": now + seconds * SECOND, "limit": limit},
    ).fetchall()
    # RETURNING keeps no order.
    return [row[1:] for row in sorted(rows, key=lambda row: row[:2])]


def holds(db: sqlite3.Connection, mail: int, worker: str) -> bool:
    """Whether the mail is still this worker's to send."""
    row = db.execute("SELECT state, worker FROM mail WHERE id = ?", (mail,)).fetchone()
    return row is not None and tuple(row) == ("pending", worker)


def settle(db: sqlite3.Connection, mail: int, worker: str, now: int, state: str, reason: str) -> None:
    """Done with: sent, failed or unaddressed. What it said is not needed any more, nor when it was to the second: with
    a mail server's log beside it, that would say whose it was."""
    if state not in _ENDS:
        raise ValueError(f"a mail ends as one of {_ENDS}, not {state}")
    db.execute(
        "UPDATE mail SET state = ?, reason = ?, done = ?, worker = NULL, notice = NULL, due = 0, first_try = 0,"
        # Held back while it was under way: it went out all the same, and must not again.
        " leased_until = 0 WHERE id = ? AND worker = ? AND state IN ('pending', 'held')",
        (state, reason, max(1, now - now % DAY), mail, worker),
    )


def retry(db: sqlite3.Connection, mail: int, worker: str, at: int, reason: str) -> None:
    """Try again at ``at``."""
    db.execute(
        "UPDATE mail SET due = ?, reason = ?, worker = NULL, leased_until = 0"
        " WHERE id = ? AND worker = ? AND state = 'pending'",
        (at, reason, mail, worker),
    )


def mails_of(db: sqlite3.Connection, owner: str) -> list[tuple[Any, ...]]:
    """The mails of an account, whose row id is ``owner``: key of the alert, ref, sealed notice, state, time."""
    return db.execute(
        "SELECT alert, ref, notice, state, CASE done WHEN 0 THEN first_try ELSE done END FROM mail"
        " WHERE owner = ? ORDER BY id",
        (owner,),
    ).fetchall()


def by_day(db: sqlite3.Connection, since: int, tenant: str | None) -> dict[tuple[int, str], int]:
    """Mails done with, by UTC day and state."""
    rows = db.execute(
        "SELECT done / :day, state, count(*) FROM mail WHERE done >= max(1, :since * :day)"
        " AND (:tenant IS NULL OR tenant = :tenant) GROUP BY 1, 2",
        {"day": DAY, "since": since, "tenant": tenant},
    )
    return {(day, state): number for day, state, number in rows}


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """Mails by state."""
    found = dict(db.execute("SELECT state, count(*) FROM mail GROUP BY state"))
    return {state: found.get(state, 0) for state in _STATES}
