"""A copy of a SQLite file as it stood at one moment, made beside whoever writes to it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from time import sleep
from typing import Final

from sentinel.backup.files import new_file
from sentinel.database import connect, explain
from sentinel.errors import StoreError

#: Pages (of 4 kB) copied at a time, and the pause after it, in seconds: half of a disk's time is left to the daemon.
_PAGES: Final = 256
_PAUSE: Final = 0.002


def copy_database(source: Path, target: Path) -> int:
    """Copy ``source`` to the new file ``target``, which needs nothing beside it; returns its ``user_version``.

    A read transaction holds one state of the file, so that a copy never begins again however much is written; writers
    are not kept waiting, only the write-ahead log grows meanwhile. Raises :class:`StoreError`, also when the file
    turns out damaged.
    """
    try:
        with closing(connect(source, readonly=True)) as database:
            database.execute("BEGIN")
            database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            with closing(sqlite3.connect(new_file(target), isolation_level=None)) as copy:
                copy.execute("PRAGMA synchronous = OFF")  # synced as a whole, once
                copy.execute("PRAGMA journal_mode = OFF")
                database.backup(copy, pages=_PAGES, progress=lambda _status, rest, _all: sleep(_PAUSE if rest else 0))
                copy.execute("PRAGMA journal_mode = DELETE")
                if (found := copy.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                    raise StoreError(f"{source}: the file is damaged; restore it from a backup", retry=False) from (
                        sqlite3.DatabaseError(found)
                    )
                return int(copy.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise explain(error, source) from None


def installation_of(path: Path) -> bytes | None:
    """The fingerprint of the installation that a store belongs to; None where none was written yet."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            row = database.execute("SELECT fingerprint FROM installation").fetchone()
    except sqlite3.Error as error:
        raise explain(error, path) from None
    return bytes(row[0]) if row else None
