"""Erasing an account: every row that its row ids lead to, in one transaction.

Found again after a crash, or in a restored backup, by the same secret: nothing needs the account's key any more.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

from sentinel.privacy.account_key import row_of
from sentinel.store.protocol import AskedVerdict
from sentinel.store.rows import Rows
from sentinel.store.sqlite import reading

#: Tables whose rows are found by one row id of the account: table, column, kind of row id.
_OWNED = (
    ("profile", "key", "profile"),
    ("attributes", "key", "attributes"),
    ("track", "owner", "windows"),
    ("mail", "owner", "mails"),
)
#: A campaign that began with an erased account begins with the first event that is left.
_NEXT_FIRST = (
    "UPDATE alert SET event = coalesce((SELECT event.key FROM campaign_event CROSS JOIN event"
    " ON event.key = campaign_event.event WHERE campaign_event.alert = ? ORDER BY seq LIMIT 1), '') WHERE key = ?"
)


def erase(db: sqlite3.Connection, names: Rows, rows: bytes, handle: str, asked: Sequence[AskedVerdict]) -> int:
    """Delete everything of an account, whose row ids ``rows`` gives; returns how many rows there were. All or nothing,
    on disk when it returns. Verdicts that wait (``asked``) and are about the account are over."""
    db.execute("BEGIN IMMEDIATE")
    try:
        owners = msgspec.json.encode([row_of(rows, day) for day in reading.days(db)])
        alerts = row_of(rows, "alerts")
        over = [(each.id,) for each in asked if _concerns(db, names, each, handle, owners, alerts)]
        db.executemany("UPDATE verdict SET target = NULL, done = max(done, 1) WHERE id = ?", over)
        mine = "SELECT key FROM event WHERE owner IN (SELECT value FROM json_each(:owners))"
        begun = db.execute(f"SELECT key FROM alert WHERE kind = 'campaign' AND event IN ({mine})", {"owners": owners})  # noqa: S608  # constant text
        campaigns = begun.fetchall()
        gone = db.execute(f"DELETE FROM campaign_event WHERE event IN ({mine})", {"owners": owners}).rowcount  # noqa: S608  # constant text
        gone += db.execute(
            "DELETE FROM event WHERE owner IN (SELECT value FROM json_each(:owners))", {"owners": owners}
        ).rowcount
        db.executemany(_NEXT_FIRST, [(key, key) for (key,) in campaigns])
        gone += db.execute(
            "DELETE FROM campaign_event WHERE alert IN (SELECT key FROM alert WHERE owner = ?)", (alerts,)
        ).rowcount
        gone += db.execute("DELETE FROM alert WHERE owner = ?", (alerts,)).rowcount
        for table, column, kind in _OWNED:
            gone += db.execute(f"DELETE FROM {table} WHERE {column} = ?", (row_of(rows, kind),)).rowcount  # noqa: S608  # constant names
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return gone


def _concerns(
    db: sqlite3.Connection, names: Rows, asked: AskedVerdict, handle: str, owners: bytes, alerts: str
) -> bool:
    """Whether a verdict is about an account: about itself, an event or an alert of its own."""
    if asked.about == "account":
        return asked.target == handle
    if asked.about == "alert":
        key = names.alert_key(asked.tenant, asked.target)
        query, values = "SELECT 1 FROM alert WHERE key = ? AND owner = ?", (key, alerts)
    else:
        query = "SELECT 1 FROM event WHERE key = ? AND owner IN (SELECT value FROM json_each(?))"
        values = (asked.target, owners)  # type: ignore[assignment]  # texts and bytes
    return db.execute(query, values).fetchone() is not None


def left(db: sqlite3.Connection, rows: bytes) -> int:
    """How many rows of an account there still are; an erased one has none."""
    owners = msgspec.json.encode([row_of(rows, day) for day in reading.days(db)])
    number = db.execute(
        "SELECT count(*) FROM event WHERE owner IN (SELECT value FROM json_each(?))", (owners,)
    ).fetchone()[0]
    number += db.execute("SELECT count(*) FROM alert WHERE owner = ?", (row_of(rows, "alerts"),)).fetchone()[0]
    for table, column, kind in _OWNED:
        query = f"SELECT count(*) FROM {table} WHERE {column} = ?"  # noqa: S608  # constant names
        number += db.execute(query, (row_of(rows, kind),)).fetchone()[0]
    return int(number)


def scrub(db: sqlite3.Connection) -> bool:
    """Deleted rows are zeroes in the database (``secure_delete``); their old pages in the log go with the log, unless
    somebody reads them for so long: then it is false.

    Where SQLite moved rows from page to page, pieces stay in the room between rows until it is used again: sealed
    under the key that is gone, and row ids that only it gave.
    """
    return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
