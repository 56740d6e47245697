"""The SQLite schema, version by version. Each migration brings a database one version forward; none goes back."""

import sqlite3
from typing import Final

from sentinel.errors import StoreError
from sentinel.store.sqlite import commons, drift, hooks, links, outbox, usage

#: ``PRAGMA user_version`` counts these. Never edit one that was released; add the next.
MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        tenant TEXT NOT NULL,
        owner TEXT,
        ref BLOB,
        day INTEGER NOT NULL,
        type TEXT NOT NULL,
        body BLOB NOT NULL,
        raw BLOB,
        record BLOB NOT NULL,
        trusted INTEGER NOT NULL,
        alert TEXT
    ) STRICT;
    CREATE UNIQUE INDEX event_key ON event (key);
    CREATE INDEX event_owner ON event (owner) WHERE owner IS NOT NULL;
    CREATE INDEX event_day ON event (day);
    CREATE INDEX event_raw ON event (day) WHERE raw IS NOT NULL;
    CREATE TABLE profile (key TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE attributes (key TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE track (
        id INTEGER PRIMARY KEY,
        name INTEGER NOT NULL,
        owner TEXT,
        expires INTEGER NOT NULL,
        entries BLOB NOT NULL
    ) STRICT;
    CREATE INDEX track_name ON track (name);
    CREATE INDEX track_expires ON track (expires);
    CREATE INDEX track_owner ON track (owner) WHERE owner IS NOT NULL;
    CREATE TABLE alert (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        owner TEXT,
        ref BLOB,
        kind TEXT NOT NULL,
        day INTEGER NOT NULL,
        event TEXT NOT NULL,
        sealed BLOB NOT NULL,
        state TEXT NOT NULL,
        hidden INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX alert_day ON alert (tenant, day);
    CREATE INDEX alert_owner ON alert (owner) WHERE owner IS NOT NULL;
    CREATE TABLE mail (
        id INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        alert TEXT NOT NULL UNIQUE,
        owner TEXT,
        ref BLOB,
        notice BLOB,
        state TEXT NOT NULL DEFAULT 'pending',
        urgency INTEGER NOT NULL,
        due INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        first_try INTEGER NOT NULL DEFAULT 0,
        worker TEXT,
        leased_until INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        done INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX mail_due ON mail (state, due);
    CREATE INDEX mail_owner ON mail (owner) WHERE owner IS NOT NULL;
    CREATE TABLE campaign_event (
        alert TEXT NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (alert, event)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX campaign_event_event ON campaign_event (event);
    CREATE TABLE verdict (
        id INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        about TEXT NOT NULL,
        target TEXT NOT NULL,
        verdict TEXT NOT NULL,
        time INTEGER NOT NULL,
        answered INTEGER NOT NULL DEFAULT 0,
        done INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX verdict_open ON verdict (id) WHERE done = 0;
    CREATE TABLE asked (
        id INTEGER PRIMARY KEY,
        time INTEGER NOT NULL,
        question BLOB,
        answer BLOB,
        done INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX asked_open ON asked (id) WHERE done = 0;
    CREATE TABLE fired (
        day INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        rule TEXT NOT NULL,
        status TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (day, tenant, rule, status)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE installation (id INTEGER PRIMARY KEY CHECK (id = 1), fingerprint BLOB NOT NULL) STRICT;
    CREATE TABLE api_key (
        name TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        digest BLOB NOT NULL UNIQUE,
        scopes TEXT NOT NULL,
        created INTEGER NOT NULL,
        revoked INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    usage.CREATE,
    commons.CREATE,
    drift.CREATE,
    outbox.REFUSED,
    hooks.CREATE,
    links.CREATE,
)

#: Schema versions before this one were of development snapshots, which sealed in other ways.
FIRST_VERSION: Final = 7


def newest() -> int:
    """The version that this sentinel reads and writes."""
    return FIRST_VERSION - 1 + len(MIGRATIONS)


def migrate(database: sqlite3.Connection) -> None:
    """Bring the schema up to date. Raises :class:`StoreError` for a database of a newer or of a too old sentinel."""
    version = _version(database)
    if version > newest():
        raise StoreError(
            f"the store has schema version {version}, this sentinel knows {newest()}: upgrade sentinel", retry=False
        )
    _expect_readable(version)
    while version < newest():
        # One transaction a step: a crash in between leaves a whole older version.
        database.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have done this step while we waited for the lock.
            if (version := _version(database)) < newest():
                step = max(version, FIRST_VERSION - 1) - FIRST_VERSION + 1
                # executescript() would commit first; the statements hold no semicolons of their own.
                for statement in MIGRATIONS[step].split(";"):
                    database.execute(statement)
                version = FIRST_VERSION + step
                database.execute(f"PRAGMA user_version = {version}")
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise


def expect_newest(database: sqlite3.Connection) -> None:
    """Raise :class:`StoreError` unless the schema is this sentinel's own; for those who may not bring it forward."""
    version = _version(database)
    _expect_readable(version)
    if version != newest():
        raise StoreError(
            f"the store has schema version {version}, this sentinel reads {newest()}:"
            f" {'upgrade sentinel' if version > newest() else 'start the daemon once, it brings it up to date'}",
            retry=False,
        )


def _expect_readable(version: int) -> None:
    if 0 < version < FIRST_VERSION:
        raise StoreError(
            f"the store has schema version {version}, of a development snapshot that sealed in another way:"
            " move it away and import your history again",
            retry=False,
        )


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
