"""The outbox: mails waiting, leased to one worker at a time."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from sentinel.database import transaction
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY, SECOND

#: Addresses that the mail server refused for good, as a migration.
REFUSED: Final = "ALTER TABLE mail ADD COLUMN refused TEXT"

_STATES: Final = ("pending", "sent", "failed", "unaddressed", "held", "folded", "answered")
_ENDS: Final = ("sent", "failed", "unaddressed")


def lease(db: sqlite3.Connection, worker: str, now: int, limit: int, seconds: int) -> list[tuple[Any, ...]]:
    """Take the most urgent due mails, of them those never tried; another worker sees them again only when the lease
    has run out.

    Rows of: id, attempts before this one, first try, key of the alert, ref, sealed notice.
    """
    rows = db.execute(
        "UPDATE mail SET worker = :worker, leased_until = :until, attempts = attempts + 1,"
        " first_try = CASE first_try WHEN 0 THEN :now ELSE first_try END"
        " WHERE id IN (SELECT id FROM mail WHERE state = 'pending' AND due <= :now AND leased_until <= :now"
        " ORDER BY urgency DESC, attempts > 0, id LIMIT :limit)"
        " RETURNING -urgency, attempts > 1, id, attempts - 1, first_try, alert, ref, notice",
        {"worker": worker, "now": now, "until": now + seconds * SECOND, "limit": limit},
    ).fetchall()
    # RETURNING keeps no order.
    return [row[2:] for row in sorted(rows, key=lambda row: row[:3])]


def holds(db: sqlite3.Connection, mail: int, worker: str) -> bool:
    """Whether the mail is still this worker's to send."""
    row = db.execute("SELECT state, worker FROM mail WHERE id = ?", (mail,)).fetchone()
    return row is not None and tuple(row) == ("pending", worker)


def settle(
    db: sqlite3.Connection,
    mail: int,
    worker: str,
    now: int,
    state: str,
    reason: str,
    telling: Sequence[tuple[str, list[Any]]] = (),
) -> None:
    """Done with: sent, failed or unaddressed. What it said is not needed any more, nor when it was to the second: with
    a mail server's log beside it, that would say whose it was. ``telling`` is done with it if it was
    this worker's to mark."""
    if state not in _ENDS:
        raise ValueError(f"a mail ends as one of {_ENDS}, not {state}")
    with transaction(db):
        held = db.execute("SELECT 1 FROM mail WHERE id = ? AND state = 'held'", (mail,)).fetchone()
        marked = db.execute(
            "UPDATE mail SET state = ?, reason = ?, done = ?, worker = NULL, notice = NULL, due = 0, first_try = 0,"
            # Held back while it was under way: it went out all the same, and must not again.
            " leased_until = 0 WHERE id = ? AND worker = ? AND state IN ('pending', 'held')",
            (state, reason, day_of(now), mail, worker),
        ).rowcount
        # Of a restricted account nobody is told anything.
        for statement, values in telling if marked and held is None else ():
            db.execute(statement, values)


def day_of(time: int) -> int:
    """When a mail was done with, to the day; never 0, which says that it was not."""
    return max(1, time - time % DAY)


def retry(db: sqlite3.Connection, mail: int, worker: str, at: int, reason: str, tried: bool) -> None:
    """Try again at ``at``; unless it was ``tried``, the lease does not count."""
    db.execute(
        "UPDATE mail SET due = :at, reason = :reason, worker = NULL, leased_until = 0, attempts = attempts - :not,"
        " first_try = CASE WHEN :not AND attempts = 1 THEN 0 ELSE first_try END"
        " WHERE id = :mail AND worker = :worker AND state = 'pending'",
        {"at": at, "reason": reason, "not": not tried, "mail": mail, "worker": worker},
    )


def refuse(db: sqlite3.Connection, mail: int, worker: str, address: str) -> None:
    """The server refused a recipient, whose keyed name is ``address``."""
    db.execute(
        "UPDATE mail SET refused = ltrim(coalesce(refused, '') || ' ' || ?) WHERE id = ? AND worker = ?",
        (address, mail, worker),
    )


def refusals(db: sqlite3.Connection, owner: str) -> list[tuple[str, int]]:
    """Keyed names of refused addresses, and the day that was (micros), of an account."""
    rows = db.execute(
        "SELECT refused, CASE done WHEN 0 THEN first_try ELSE done END FROM mail"
        " WHERE owner = ? AND refused IS NOT NULL",
        (owner,),
    )
    return [(name, time - time % DAY) for names, time in rows for name in names.split()]


def refused_accounts(db: sqlite3.Connection) -> int:
    """How many accounts have an address that was refused."""
    return int(db.execute("SELECT count(DISTINCT owner) FROM mail WHERE refused IS NOT NULL").fetchone()[0])


#: Mails to people that are due, never tried, held by nobody and not critical.
_CROWD: Final = (
    "state = 'pending' AND owner IS NOT NULL AND due <= :now AND leased_until <= :now AND attempts = 0"
    f" AND urgency < {LEVEL_ORDER['critical']}"
)


def crowds(db: sqlite3.Connection, now: int) -> dict[str, int]:
    """How many such mails there are, by tenant."""
    return dict(db.execute(f"SELECT tenant, count(*) FROM mail WHERE {_CROWD} GROUP BY tenant", {"now": now}))  # noqa: S608  # constant text


def crowd(db: sqlite3.Connection, tenant: str, now: int) -> list[tuple[Any, ...]]:
    """Those of accounts that have several: owner, id, key of the alert, ref, sealed notice."""
    several = f"SELECT owner FROM mail WHERE tenant = :tenant AND {_CROWD} GROUP BY owner HAVING count(*) > 1"  # noqa: S608  # constant text
    return db.execute(
        f"SELECT owner, id, alert, ref, notice FROM mail WHERE {_CROWD} AND owner IN ({several}) ORDER BY owner, id",  # noqa: S608  # constant text
        {"tenant": tenant, "now": now},
    ).fetchall()


def fold(db: sqlite3.Connection, kept: int, notice: bytes, urgency: int, others: Sequence[int], now: int) -> int:
    """Let one mail tell of ``others`` as well, unless somebody took one of them; returns how many went into it."""
    marks = ", ".join("?" * (len(others) + 1))
    with transaction(db):
        free = db.execute(
            f"SELECT count(*) FROM mail WHERE id IN ({marks}) AND state = 'pending' AND leased_until <= ?",  # noqa: S608  # marks
            (kept, *others, now),
        ).fetchone()[0]
        if free != len(others) + 1:
            return 0
        db.execute("UPDATE mail SET notice = ?, urgency = ? WHERE id = ?", (notice, urgency, kept))
        db.execute(
            f"UPDATE mail SET state = 'folded', notice = NULL, due = 0, done = ? WHERE id IN ({', '.join('?' * len(others))})",  # noqa: S608, E501  # marks
            (day_of(now), *others),
        )
    return len(others)


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
