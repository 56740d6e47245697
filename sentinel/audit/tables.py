"""The tables of the audit log in its own SQLite file."""

import sqlite3
from pathlib import Path
from typing import Any, Final

from sentinel.audit.chain import Start
from sentinel.database import connect
from sentinel.errors import StoreError

#: No index: what a damaged or tampered index hides would be missing from what is shown, while the chain holds.
_TABLES: Final = (
    """CREATE TABLE entry (
        seq INTEGER PRIMARY KEY,
        time INTEGER NOT NULL,
        tenant TEXT,
        actor TEXT NOT NULL,
        role TEXT NOT NULL,
        action TEXT NOT NULL,
        purpose TEXT NOT NULL,
        account TEXT,
        sealed BLOB,
        link BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE start (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        seq INTEGER NOT NULL,
        link BLOB NOT NULL,
        seal BLOB NOT NULL
    ) STRICT""",
)
#: All fields of an entry in the order in which they are linked; the link itself comes last.
FIELDS: Final = "seq, time, tenant, actor, role, action, purpose, account, sealed"
_VERSION: Final = 1


def open_tables(path: Path | None) -> sqlite3.Connection:
    """A connection to the log, in memory for None. Raises :class:`StoreError` for a log of a newer sentinel."""
    database = connect(path)
    try:
        # Unlike the store, nobody copies the write-ahead log beside the commits.
        database.execute("PRAGMA wal_autocheckpoint = 1000")
        # Tampered bytes must reach the chain as they are, not end in an error or be mended.
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise StoreError(
                f"{path}: the audit log has version {version}, this sentinel knows {_VERSION}: upgrade sentinel,"
                " or the file was changed",
                retry=False,
            )
    except BaseException:
        database.close()
        raise
    return database


def is_made(database: sqlite3.Connection) -> bool:
    """Whether the tables are there. To make them, call :func:`make` in a transaction."""
    return bool(database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])


def make(database: sqlite3.Connection, start: Start, seal: bytes) -> None:
    """Make the tables of a new log, in the transaction that is open."""
    for statement in _TABLES:
        database.execute(statement)
    database.execute("INSERT INTO start VALUES (1, ?, ?, ?)", (start.seq, start.link, seal))
    database.execute(f"PRAGMA user_version = {_VERSION}")


def are_ours(database: sqlite3.Connection) -> bool:
    """Whether there are these tables and nothing else: a trigger could undo what is written, a view stand for it."""
    found = database.execute("SELECT type, sql FROM sqlite_schema ORDER BY rowid").fetchall()
    version = database.execute("PRAGMA user_version").fetchone()[0]
    return version == _VERSION and found == [("table", statement) for statement in _TABLES]


def read_start(database: sqlite3.Connection) -> tuple[Start, bytes] | None:
    """The start and its seal; None when the row is gone."""
    row = database.execute("SELECT seq, link, seal FROM start WHERE id = 1").fetchone()
    return (Start(row[0], row[1]), row[2]) if row is not None else None


def newest(database: sqlite3.Connection) -> tuple[int, bytes] | None:
    """Number and link of the newest entry; None when there is none."""
    row = database.execute("SELECT seq, CAST(link AS BLOB) FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return (row[0], row[1]) if row is not None else None


def link_of(database: sqlite3.Connection, seq: int) -> bytes | None:
    """The link of an entry; None when there is none of that number."""
    row = database.execute("SELECT CAST(link AS BLOB) FROM entry WHERE seq = ?", (seq,)).fetchone()
    return bytes(row[0]) if row is not None else None


def insert(database: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    """Write entries with their links."""
    database.executemany(f"INSERT INTO entry ({FIELDS}, link) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608  # a constant
