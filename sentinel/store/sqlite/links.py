"""The links "Was this you?" that mails have: digests of their tokens, and what each is about."""

import sqlite3
from typing import Any, Final

#: The table, as a migration.
CREATE: Final = """
    CREATE TABLE answer_token (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        owner TEXT NOT NULL,
        ref BLOB NOT NULL,
        role TEXT NOT NULL,
        expires INTEGER NOT NULL,
        notice BLOB NOT NULL
    ) STRICT;
    CREATE INDEX answer_token_owner ON answer_token (owner);
    CREATE INDEX answer_token_expires ON answer_token (expires)
"""


def find(db: sqlite3.Connection, digest: bytes) -> tuple[Any, ...] | None:
    """The row of a token: digest, tenant, ref, role, expiry, sealed notice."""
    found: tuple[Any, ...] | None = db.execute(
        "SELECT digest, tenant, ref, role, expires, notice FROM answer_token WHERE digest = ?", (digest,)
    ).fetchone()
    return found


def expire(db: sqlite3.Connection, now: int) -> int:
    """Delete what has ended; returns the rows deleted."""
    return db.execute("DELETE FROM answer_token WHERE expires <= ?", (now,)).rowcount
