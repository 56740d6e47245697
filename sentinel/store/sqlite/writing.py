"""The one transaction that makes a batch durable, and upkeep."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sentinel.database import transaction
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import HOUR
from sentinel.store.protocol import Changes
from sentinel.store.rows import Rows
from sentinel.store.sqlite import commons, drift, fired, hooks, links, outbox, usage

#: Rows dropped in one transaction, so that upkeep never keeps intake waiting.
STEP: Final = 1000

Statement = tuple[str, list[Any]]

#: Rows of one statement, largest first; any number of rows is a few of these.
_GROUPS: Final = (64, 16, 4, 1)


def pack(changes: Changes, rows: Rows) -> list[Statement]:
    """What to execute to make ``changes`` durable: few statements of many rows each."""
    statements: list[Statement] = []
    _rows(statements, _EVENT, [rows.event(record) for record in changes.records])
    _rows(statements, _PROFILE, [rows.profile(handle, profile) for handle, profile in changes.profiles.items()])
    _rows(statements, _TRACK, [
        rows.track(
            key,
            track.unsaved,
            changes.owners.get(key),
            _expires(max(entry[0] for entry in track.unsaved) + track.keep),
        )
        for key, track in changes.tracks.items()
        if track.unsaved
    ])  # fmt: skip
    for key, trusted in changes.trust.items():
        statements.append(("UPDATE event SET trusted = ? WHERE key = ?", [trusted, key]))
    _rows(statements, _ATTRIBUTES, [rows.attributes(handle, given) for handle, given in changes.attributes.items()])
    _rows(statements, _ALERT, [rows.alert(alert) for alert in changes.alerts.values()])
    _rows(
        statements,
        _CAMPAIGN,
        [(rows.alert_key(tenant, alert), event) for tenant, alert, event in changes.campaigns],
    )
    for (tenant, alert), verdict in changes.closed.items():
        statements.append((_CLOSED, [verdict, rows.alert_key(tenant, alert)]))
    _rows(statements, _MAIL, [
        (notice.tenant, *rows.notice(notice), LEVEL_ORDER[notice.level]) for notice in changes.notices
    ])  # fmt: skip
    _rows(statements, _HOOK, [rows.hook(event, target) for event in changes.hooks for target in event.targets])
    # After the mails: an answer may come in the same batch.
    for (tenant, alert), time in changes.answered.items():
        statements.append((_ANSWERED, [outbox.day_of(time), rows.alert_key(tenant, alert)]))
    _rows(statements, _LINK, [link for notice in changes.notices for link in rows.links(notice)])
    for account, held in changes.held.items():
        statements += _holding(rows, account, held)
    statements += fired.statements(changes.fired)
    statements += usage.statements(changes)
    statements += commons.statements(changes)
    statements += drift.statements(changes)
    return statements


def _expires(time: int) -> int:
    """To the hour, rounded up: to the microsecond it would say when an account, or a network, was seen last."""
    return -(-time // HOUR) * HOUR


def commit(
    db: sqlite3.Connection, statements: Iterable[Statement], last: Callable[[sqlite3.Connection], object] | None = None
) -> None:
    """Execute everything or nothing, ``last`` at the end of it; on disk when this returns."""
    with transaction(db):
        for statement, values in statements:
            db.execute(statement, values)
        if last is not None:
            last(db)


def _holding(rows: Rows, account: str, held: bool) -> list[Statement]:
    """Mails and hooks of a restricted account wait, and its alerts are not shown."""
    before, after = ("pending", "held") if held else ("held", "pending")
    return [
        ("UPDATE alert SET hidden = ? WHERE owner = ?", [held, rows.alerts_row(account)]),
        ("UPDATE mail SET state = ? WHERE owner = ? AND state = ?", [after, rows.mails_row(account), before]),
        ("UPDATE hook SET state = ? WHERE owner = ? AND state = ?", [after, rows.hooks_row(account), before]),
    ]


class _Insert:
    """An INSERT for any of the row counts in :data:`_GROUPS`."""

    def __init__(self, table: str, columns: str, conflict: str = "") -> None:
        row = f"({', '.join('?' * len(columns.split(',')))})"
        self.texts = {
            count: f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * count)} {conflict}".rstrip()  # noqa: S608  # constant text
            for count in _GROUPS
        }


_EVENT: Final = _Insert("event", "key, tenant, owner, ref, day, type, body, raw, record, trusted, alert")
_PROFILE: Final = _Insert("profile", "key, sealed", "ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed")
_TRACK: Final = _Insert("track", "name, owner, expires, entries")
_ATTRIBUTES: Final = _Insert("attributes", "key, sealed", "ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed")
_ALERT: Final = _Insert(
    "alert",
    "key, tenant, owner, ref, kind, day, event, sealed, state",
    "ON CONFLICT (key) DO UPDATE SET day = excluded.day, sealed = excluded.sealed,"
    # An attack that goes on after it was closed is open again: whom it gets into from now on nobody has answered for.
    " state = CASE WHEN excluded.kind = 'campaign' AND state = 'compromised' THEN excluded.state ELSE state END",
)
_CAMPAIGN: Final = _Insert("campaign_event", "alert, event", "ON CONFLICT DO NOTHING")
_MAIL: Final = _Insert("mail", "tenant, alert, owner, ref, notice, urgency", "ON CONFLICT (alert) DO NOTHING")
_HOOK: Final = _Insert("hook", hooks.COLUMNS, "ON CONFLICT (target, name) DO NOTHING")
_LINK: Final = _Insert(
    "answer_token", "digest, tenant, owner, ref, role, expires, notice", "ON CONFLICT (digest) DO NOTHING"
)
#: One event's answer says nothing of a campaign on many, which is nobody's.
_CLOSED: Final = "UPDATE alert SET state = ? WHERE key = ? AND owner IS NOT NULL"
#: What waits need not go any more, and what it said is not needed.
_ANSWERED: Final = (
    "UPDATE mail SET state = 'answered', done = ?, notice = NULL, worker = NULL, due = 0, first_try = 0,"
    " leased_until = 0 WHERE alert = ? AND owner IS NOT NULL AND state IN ('pending', 'held')"
)


def _rows(statements: list[Statement], insert: _Insert, rows: Sequence[tuple[Any, ...]]) -> None:
    at = 0
    for count in _GROUPS:
        while len(rows) - at >= count:
            statements.append((insert.texts[count], [value for row in rows[at : at + count] for value in row]))
            at += count


def expire_windows(db: sqlite3.Connection, now: int) -> int:
    """Drop one step of the entries that no window can see any more, and old counts; returns the rows dropped."""
    entries = "DELETE FROM track WHERE id IN (SELECT id FROM track WHERE expires < ? LIMIT ?)"
    dropped = db.execute(entries, (now, STEP)).rowcount
    return dropped + fired.expire(db, now) + usage.expire(db, now) + drift.expire(db, now) + links.expire(db, now)


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
