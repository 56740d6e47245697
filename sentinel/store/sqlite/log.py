"""SQLite's write-ahead log: copied into the database beside the commits, begun anew between two of them, cut off.

Commits wait for the last two. Beginning anew waits for the disk (3 to 16 ms), cutting off for the file's pages to be
freed (33 to 36 ms for 75 MB): done in one they took 60 to 75 ms, so commits have their turn between them.
"""

import sqlite3
from typing import Final

from sentinel.database import BUSY_SECONDS

#: How long beginning anew and cutting off wait for readers (milliseconds): commits wait for it.
_PATIENCE: Final = 10


def copy(db: sqlite3.Connection) -> tuple[int, int]:
    """Copy what can be copied without keeping anybody waiting; the pages that the log has, and those that are left.

    Copied pages count too: the log begins anew only when a commit finds all of it copied, which under steady load
    never happens by itself.
    """
    _, logged, copied = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(logged), int(logged - copied)


def restart(db: sqlite3.Connection) -> bool:
    """Copy the rest, so that the next commit begins the log anew; not while somebody reads an older state (a backup
    does for minutes) or copies: then it is false, since commits would wait for that one, and the log grows a little
    more."""
    return _checkpoint(db, "RESTART")


def cut(db: sqlite3.Connection) -> bool:
    """Copy the rest and cut the log off, so that nothing deleted is in it; false as with :func:`restart`.

    Deleted rows are zeroes in the database (``secure_delete``); their old pages in the log go with it. Where SQLite
    moved rows from page to page, pieces stay in the room between rows until it is used again: sealed under the key that
    is gone, and row ids that only it gave.
    """
    return _checkpoint(db, "TRUNCATE")


def _checkpoint(db: sqlite3.Connection, mode: str) -> bool:
    db.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
    try:
        return not db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[0]
    finally:
        db.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
