"""The SQLite schema, version by version. Each migration brings a database one version forward; none goes back."""

import sqlite3
from typing import Final

from sentinel.errors import StoreError
from sentinel.store.sqlite import usage

#: ``PRAGMA user_version`` counts these. Never edit one that was released; add the next.
MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        tenant TEXT NOT NULL,
        account TEXT,
        time INTEGER NOT NULL,
        type TEXT NOT NULL,
        body BLOB NOT NULL,
        sealed BLOB NOT NULL,
        sighting BLOB NOT NULL,
        windows BLOB NOT NULL,
        assessment BLOB NOT NULL,
        trusted INTEGER NOT NULL,
        alert TEXT
    ) STRICT;
    CREATE UNIQUE INDEX event_key ON event (key);
    CREATE INDEX event_account ON event (account) WHERE account IS NOT NULL;
    CREATE TABLE profile (key TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE attributes (account TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE track (
        id INTEGER PRIMARY KEY,
        name INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        entries BLOB NOT NULL
    ) STRICT;
    CREATE INDEX track_name ON track (name);
    CREATE INDEX track_expires ON track (expires);
    CREATE TABLE alert (
        id TEXT NOT NULL,
        tenant TEXT NOT NULL,
        account TEXT,
        kind TEXT NOT NULL,
        level TEXT NOT NULL,
        risk REAL NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        events INTEGER NOT NULL,
        rules TEXT NOT NULL,
        event TEXT NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alert_last ON alert (tenant, last);
    CREATE INDEX alert_account ON alert (account, last) WHERE account IS NOT NULL;
    CREATE TABLE mail (
        id INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        alert TEXT NOT NULL,
        account TEXT,
        notice BLOB NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending',
        urgency INTEGER NOT NULL,
        due INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        first_try INTEGER NOT NULL DEFAULT 0,
        worker TEXT,
        leased_until INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        done INTEGER NOT NULL DEFAULT 0,
        UNIQUE (tenant, alert)
    ) STRICT;
    CREATE INDEX mail_due ON mail (state, due);
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
    """
    CREATE TABLE fired (
        day INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        rule TEXT NOT NULL,
        status TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (day, tenant, rule, status)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE campaign_event (
        tenant TEXT NOT NULL,
        alert TEXT NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (tenant, alert, event)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO campaign_event
        SELECT event.tenant, alert.id, event.key FROM event
        JOIN alert ON alert.tenant = event.tenant AND alert.id = event.alert AND alert.kind = 'campaign';
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
    CREATE INDEX verdict_open ON verdict (id) WHERE done = 0
    """,
    usage.CREATE,
)


def migrate(database: sqlite3.Connection) -> None:
    """Bring the schema up to date. Raises :class:`StoreError` for a database of a newer sentinel."""
    version = _version(database)
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the store has schema version {version}, this sentinel knows {len(MIGRATIONS)}: upgrade sentinel",
            retry=False,
        )
    while version < len(MIGRATIONS):
        # One transaction a step: a crash in between leaves a whole older version.
        database.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have done this step while we waited for the lock.
            if (version := _version(database)) < len(MIGRATIONS):
                # executescript() would commit first; the statements hold no semicolons of their own.
                for statement in MIGRATIONS[version].split(";"):
                    database.execute(statement)
                version += 1
                database.execute(f"PRAGMA user_version = {version}")
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise


def expect_newest(database: sqlite3.Connection) -> None:
    """Raise :class:`StoreError` unless the schema is this sentinel's own; for those who may not bring it forward."""
    if (version := _version(database)) != len(MIGRATIONS):
        raise StoreError(
            f"the store has schema version {version}, this sentinel reads {len(MIGRATIONS)}:"
            f" {'upgrade sentinel' if version > len(MIGRATIONS) else 'start the daemon once, it brings it up to date'}",
            retry=False,
        )


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
