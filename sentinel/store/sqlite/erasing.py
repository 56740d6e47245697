"""Erasing an account: every row that its row ids lead to, in one transaction.

Found again after a crash, or in a restored backup, by the same secret: nothing needs the account's key any more.
"""

import sqlite3
from typing import Final

import msgspec

from sentinel.database import transaction
from sentinel.privacy.account_key import row_of
from sentinel.store.sqlite import reading

#: Tables whose rows are found by one row id of the account: table, column, kind of row id.
_OWNED: Final = (
    ("profile", "key", "profile"),
    ("attributes", "key", "attributes"),
    ("track", "owner", "windows"),
    ("mail", "owner", "mails"),
    ("hook", "owner", "hooks"),
    ("answer_token", "owner", "answers"),
)


def erase(db: sqlite3.Connection, rows: bytes, handle: str = "") -> int:
    """Delete everything of an account, whose row ids ``rows`` gives; returns how many rows there were. All or nothing,
    on disk when it returns. Verdicts that wait for it, by its ``handle`` or about its events, have nothing to do."""
    with transaction(db):
        return delete(db, rows, handle)


def delete(db: sqlite3.Connection, rows: bytes, handle: str) -> int:
    """The same within a transaction of the caller's."""
    owners = msgspec.json.encode([row_of(rows, day) for day in reading.days(db)])
    mine = "SELECT key FROM event WHERE owner IN (SELECT value FROM json_each(:owners))"
    gone = db.execute(f"DELETE FROM campaign_event WHERE event IN ({mine})", {"owners": owners}).rowcount  # noqa: S608  # constant text
    db.execute(
        f"UPDATE verdict SET target = '', done = max(done, 1) WHERE target = :handle OR target IN ({mine})",  # noqa: S608  # constant text
        {"owners": owners, "handle": handle},
    )
    # A campaign goes on without the event that began it.
    db.execute(f"UPDATE alert SET event = '' WHERE owner IS NULL AND event IN ({mine})", {"owners": owners})  # noqa: S608  # constant text
    gone += db.execute(
        "DELETE FROM event WHERE owner IN (SELECT value FROM json_each(:owners))", {"owners": owners}
    ).rowcount
    alerts = row_of(rows, "alerts")
    gone += db.execute(
        "DELETE FROM campaign_event WHERE alert IN (SELECT key FROM alert WHERE owner = ?)", (alerts,)
    ).rowcount
    gone += db.execute("DELETE FROM alert WHERE owner = ?", (alerts,)).rowcount
    return gone + delete_owned(db, rows)


def delete_owned(db: sqlite3.Connection, rows: bytes, *, told: bool = True) -> int:
    """Delete what is found by one row id of an account, with or without its mails, their links and hooks, within a
    transaction of the caller's; how many rows there were."""
    return sum(
        db.execute(f"DELETE FROM {table} WHERE {column} = ?", (row_of(rows, kind),)).rowcount  # noqa: S608  # constant names
        for table, column, kind in _OWNED
        if told or table not in ("mail", "answer_token", "hook")
    )


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
