"""API keys: names, scopes and the hash of each secret; and the tenants that keys and rows name."""

import sqlite3
from typing import Final

from sentinel.store.protocol import ApiKey

# All events would take minutes. A tenant's findings and alerts, or its key, tell of it as well.
_TENANTS: Final = """
    SELECT tenant FROM api_key
    UNION SELECT tenant FROM alert
    UNION SELECT tenant FROM fired
    UNION SELECT tenant FROM usage
    UNION SELECT tenant FROM usage_open
    UNION SELECT tenant FROM drift
    UNION SELECT tenant FROM (SELECT tenant FROM event ORDER BY seq LIMIT 10000)
    UNION SELECT tenant FROM (SELECT tenant FROM event ORDER BY seq DESC LIMIT 10000)
"""


def put(db: sqlite3.Connection, key: ApiKey) -> bool:
    """Keep a new key; false when the name is taken."""
    return (
        db.execute(
            "INSERT INTO api_key (name, tenant, digest, scopes, created, revoked) VALUES (?, ?, ?, ?, ?, 0)"
            " ON CONFLICT (name) DO NOTHING",
            (key.name, key.tenant, key.digest, " ".join(key.scopes), key.created),
        ).rowcount
        == 1
    )


def revoke(db: sqlite3.Connection, name: str, now: int) -> bool:
    """Take a key out of force; false when there is none of that name in force."""
    return db.execute("UPDATE api_key SET revoked = ? WHERE name = ? AND revoked = 0", (now, name)).rowcount == 1


def all_keys(db: sqlite3.Connection) -> list[ApiKey]:
    """Every key, in force or not, by name."""
    rows = db.execute("SELECT name, tenant, digest, scopes, created, revoked FROM api_key ORDER BY name")
    return [
        ApiKey(name=r[0], tenant=r[1], digest=r[2], scopes=tuple(r[3].split()), created=r[4], revoked=r[5])
        for r in rows
    ]


def tenants(db: sqlite3.Connection) -> set[str]:
    """The tenants of keys and rows."""
    return {str(row[0]) for row in db.execute(_TENANTS)}
