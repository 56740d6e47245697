"""Opening SQLite the way sentinel needs it, and telling its errors in words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from sentinel.errors import StoreError

#: Seconds a connection waits for another process's write (the command line beside the daemon).
BUSY_SECONDS: Final = 10.0


def connect(path: Path | None, *, readonly: bool = False, durable: bool = True) -> sqlite3.Connection:
    """A connection; ``None`` is a database in memory.

    ``synchronous=FULL``: with NORMAL a power cut loses commits that were acknowledged. ``secure_delete``: what is
    deleted leaves no bytes in the file. Without ``durable`` a power cut (not a kill) may lose the newest commits.
    """
    target = ":memory:" if path is None else str(path)
    database = sqlite3.connect(target, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if not database.execute("PRAGMA page_count").fetchone()[0]:
            # Before anything is written, or it does not take: what is deleted gives its space back in steps.
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        if path is not None and _write_ahead(database) != "wal":
            raise StoreError(f"{path}: the file system cannot hold a write-ahead log; use a local disk", retry=False)
        database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("PRAGMA cache_size = -65536")
        # Within a commit it would keep everybody waiting; SqliteStore copies the log beside the commits.
        database.execute("PRAGMA wal_autocheckpoint = 0")
        if readonly:
            database.execute("PRAGMA query_only = ON")
    except BaseException:
        database.close()
        raise
    return database


def _write_ahead(database: sqlite3.Connection) -> str:
    """Switch the file to a write-ahead log; returns the mode it is in then."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            return str(database.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            # SQLite does not wait here: two processes that both switch a new file would wait for each other.
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or monotonic() > deadline:
                raise
            sleep(0.01)


def still_there(path: Path, inode: int) -> bool:
    """Whether ``path`` is the file of that number still; what cannot be looked at is not."""
    try:
        return path.stat().st_ino == inode
    except OSError:
        return False


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Everything within or nothing; on disk when it ends. Nobody else writes meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def explain(error: sqlite3.Error, path: Path | None) -> StoreError:
    """SQLite's error as one that says what to do. Its text never holds values."""
    where = path or "the store in memory"
    code = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return StoreError(f"{where}: the disk is full or does not take writes ({code}); nothing was stored, free space")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(f"{where}: another process holds the store ({code}); try again")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(f"{where}: the file is damaged ({code}); restore it from a backup", retry=False)
    if code.startswith("SQLITE_CANTOPEN"):
        return StoreError(f"{where}: cannot be opened ({code}); check that the folder exists and is ours", retry=False)
    if code.startswith("SQLITE_READONLY"):
        return StoreError(f"{where}: cannot be written ({code}); check owner and mode", retry=False)
    return StoreError(f"{where}: {code}", retry=False)
