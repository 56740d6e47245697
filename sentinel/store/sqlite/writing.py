"""The one transaction that makes a batch durable, and upkeep."""

import sqlite3
from typing import Final

import msgspec

from sentinel.events.assessment import LEVEL_ORDER
from sentinel.past.profile import encode_profile
from sentinel.past.windows import encode_entries
from sentinel.store.protocol import Changes
from sentinel.store.sqlite.reading import track_name

_encode_notice: Final = msgspec.msgpack.Encoder().encode
_json: Final = msgspec.json.Encoder().encode
#: Rows dropped in one transaction, so that upkeep never keeps intake waiting.
_STEP: Final = 2000


def commit(db: sqlite3.Connection, changes: Changes) -> None:
    """Write everything or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        _write(db, changes)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _write(db: sqlite3.Connection, changes: Changes) -> None:
    db.executemany(
        "INSERT INTO event"
        " (key, tenant, account, time, type, body, sealed, sighting, windows, assessment, trusted, alert)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (r.key, r.tenant, r.account, r.time, r.type, r.body, r.sealed, r.sighting, r.windows, r.assessment,
             r.trusted, r.alert)
            for r in changes.records
        ],
    )  # fmt: skip
    db.executemany(
        "INSERT INTO profile (key, data) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET data = excluded.data",
        [(key, encode_profile(profile)) for key, profile in changes.profiles.items()],
    )
    if changes.tracks:
        db.executemany(
            "INSERT INTO track (name, expires, entries) VALUES (?, ?, ?)",
            [
                (track_name(key), max(entry[0] for entry in track.unsaved) + track.keep, encode_entries(track.unsaved))
                for key, track in changes.tracks.items()
                if track.unsaved
            ],
        )
    if changes.trust:
        db.executemany("UPDATE event SET trusted = ? WHERE key = ?", [(t, key) for key, t in changes.trust.items()])
    if changes.attributes:
        db.executemany(
            "INSERT INTO attributes (account, sealed) VALUES (?, ?)"
            " ON CONFLICT (account) DO UPDATE SET sealed = excluded.sealed",
            list(changes.attributes.items()),
        )
    if changes.alerts:
        db.executemany(
            "INSERT INTO alert (id, tenant, account, kind, level, risk, first, last, events, rules, event, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, id) DO UPDATE SET"
            " level = excluded.level, risk = excluded.risk, last = excluded.last, events = excluded.events,"
            " rules = excluded.rules",
            [
                (a.id, a.tenant, a.account, a.kind, a.level, a.risk, a.first, a.last, a.events,
                 _json(a.rules).decode(), a.event, a.state)
                for a in changes.alerts.values()
            ],
        )  # fmt: skip
    if changes.closed:
        db.executemany("UPDATE alert SET state = ? WHERE tenant = ? AND id = ?", [(v, *key) for key, v in changes.closed.items()])
    if changes.notices:
        db.executemany(
            "INSERT INTO mail (tenant, alert, account, notice, urgency) VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, alert) DO NOTHING",
            [(n.tenant, n.id, n.account, _encode_notice(n), LEVEL_ORDER[n.level]) for n in changes.notices],
        )


def expire_windows(db: sqlite3.Connection, now: int) -> int:
    """Drop one step of the entries that no window can see any more; returns the rows dropped."""
    return db.execute(
        "DELETE FROM track WHERE id IN (SELECT id FROM track WHERE expires < ? LIMIT ?)", (now, _STEP)
    ).rowcount


def bind(db: sqlite3.Connection, fingerprint: bytes) -> bool:
    """Keep the key's fingerprint when there is none yet; whether it is the one that is kept."""
    db.execute("INSERT INTO installation (id, fingerprint) VALUES (1, ?) ON CONFLICT (id) DO NOTHING", (fingerprint,))
    return bool(db.execute("SELECT fingerprint FROM installation").fetchone()[0] == fingerprint)


def check(db: sqlite3.Connection) -> None:
    """Prove that the file takes writes, without changing anything."""
    db.execute("BEGIN IMMEDIATE")
    try:
        # BEGIN IMMEDIATE alone succeeds on a file that can only be read.
        db.execute("DELETE FROM installation WHERE id = 0")
    finally:
        db.execute("ROLLBACK")
