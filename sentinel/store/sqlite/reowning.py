"""Giving all that is kept of one account to another one: page by page, each a transaction.

A row given over is found by the other account's row ids and sealed under its key, so that begun again after a crash
only what is left is done. Nothing is opened that has expired: such rows go when the account is merged.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from sentinel.errors import StoreError
from sentinel.events.sighting import Attributes
from sentinel.past.profile import Profile
from sentinel.privacy.account_key import AccountKey
from sentinel.store.protocol import Record, TrackKey
from sentinel.store.rows import Rows
from sentinel.store.sqlite import reading
from sentinel.store.sqlite.writing import Statement

#: Rows of one transaction.
PAGE: Final = 500

_json: Final = msgspec.json.Encoder().encode

Row = tuple[Any, ...]


class Table(msgspec.Struct, frozen=True):
    """How the rows of one table are read (``after`` a row number, which each row has in front) and changed."""

    read: Callable[[sqlite3.Connection, int], list[Row]]
    change: Callable[[Sequence[Row]], list[Statement]]

    def give(self, page: Sequence[Row]) -> tuple[list[Statement], int]:
        """What changes the rows of a page, and how many of them cannot be opened: those stay as they are."""
        try:
            return self.change(page), 0
        except StoreError:
            if len(page) == 1:
                return [], 1
        each = [self.give([row]) for row in page]
        return [statement for statements, _ in each for statement in statements], sum(damaged for _, damaged in each)


class Reowning:
    """The rows of ``former``, to be given to ``head``. See :meth:`sentinel.store.protocol.Store.reown`."""

    def __init__(
        self,
        rows: Rows,
        former: AccountKey,
        head: AccountKey,
        changed: Callable[[Record], Record],
        tracks: Mapping[TrackKey, TrackKey],
    ) -> None:
        self._rows = rows
        self._former, self._head = former, head
        self._changed = changed
        self._tracks = {rows.track_name(key): rows.track_name(other) for key, other in tracks.items()}
        #: Events first: they say what an account's other rows are about.
        self.tables: Final = (
            Table(self._read_events, self._change_events),
            Table(self._reader("alert", "seq", _ALERT, "alerts"), self._change_alerts),
            Table(self._reader("mail", "id", "alert, ref, notice", "mails"), self._change_mails),
            Table(self._reader("hook", "id", "target, name, ref, body", "hooks"), self._change_hooks),
            Table(
                self._reader("answer_token", "id", "digest, tenant, ref, role, expires, notice", "answers"),
                self._change_links,
            ),
            Table(self._reader("track", "id", "name, expires, entries", "windows"), self._change_tracks),
        )

    def _read_events(self, db: sqlite3.Connection, after: int) -> list[Row]:
        owners = _json([self._former.row(day) for day in reading.days(db)])
        return db.execute(
            f"SELECT seq, {_EVENT} FROM event WHERE owner IN (SELECT value FROM json_each(?)) AND seq > ?"  # noqa: S608  # constant text
            " ORDER BY seq LIMIT ?",
            (owners, after, PAGE),
        ).fetchall()

    def _reader(
        self, table: str, number: str, columns: str, kind: str
    ) -> Callable[[sqlite3.Connection, int], list[Row]]:
        owner = self._former.row(kind)
        query = f"SELECT {number}, {columns} FROM {table} WHERE owner = ? AND {number} > ? ORDER BY {number} LIMIT ?"  # noqa: S608  # constant names
        return lambda db, after: db.execute(query, (owner, after, PAGE)).fetchall()

    def _change_events(self, page: Sequence[Row]) -> list[Statement]:
        rows, opener = self._rows, self._rows.vault.opener
        kept = [row for row in page if opener(self._former, "record", row[5]) is not None]
        records = rows.records([row[1:] for row in kept])
        statements: list[Statement] = []
        for (seq, *row), record in zip(kept, records, strict=True):
            sealed, ref = row[7], row[3]
            if sealed is not None and opener(self._former, "raw", row[4]) is not None:
                record.raw = rows.raw(record, sealed, ref)
            new = rows.event(self._changed(record))
            statements.append((
                "UPDATE event SET owner = ?, ref = ?, raw = ?, record = ? WHERE seq = ?",
                [new.owner, new.ref, new.raw, new.record, seq],
            ))  # fmt: skip
        return statements

    def _change_alerts(self, page: Sequence[Row]) -> list[Statement]:
        statements: list[Statement] = []
        for (seq, *_), alert in zip(page, self._rows.alerts([row[1:] for row in page]), strict=True):
            alert.account = self._head.handle
            new = self._rows.alert(alert)
            statements.append((
                "UPDATE alert SET owner = ?, ref = ?, sealed = ? WHERE seq = ?", [new.owner, new.ref, new.sealed, seq]
            ))  # fmt: skip
        return statements

    def _change_mails(self, page: Sequence[Row]) -> list[Statement]:
        owner = self._head.row("mails")
        statements: list[Statement] = []
        for id, alert, ref, sealed in page:
            # What was sent says nothing any more.
            notice = self._rows.open_notice(alert, ref, sealed) if sealed is not None else None
            if notice is not None:
                sealed = self._rows.notice(replace(notice, account=self._head.handle))[3]
            statements.append((
                "UPDATE mail SET owner = ?, ref = ?, notice = ? WHERE id = ?",
                [owner, self._rows.vault.ref(self._head), sealed, id],
            ))  # fmt: skip
        return statements

    def _change_hooks(self, page: Sequence[Row]) -> list[Statement]:
        owner = self._head.row("hooks")
        statements: list[Statement] = []
        for id, target, name, ref, sealed in page:
            # What was delivered says nothing any more.
            event = self._rows.open_hook(target, name, ref, sealed) if sealed is not None else None
            if event is not None:
                sealed = self._rows.seal_hook(replace(event, account=self._head.handle), target, name)
            statements.append((
                "UPDATE hook SET owner = ?, ref = ?, body = ? WHERE id = ?",
                [owner, self._rows.vault.ref(self._head), sealed, id],
            ))  # fmt: skip
        return statements

    def _change_links(self, page: Sequence[Row]) -> list[Statement]:
        owner = self._head.row("answers")
        statements: list[Statement] = []
        for id, digest, *rest in page:
            if (link := self._rows.open_link((digest, *rest))) is not None:
                sealed = self._rows.link_notice(digest, replace(link.notice, account=self._head.handle))
                statements.append((
                    "UPDATE answer_token SET owner = ?, ref = ?, notice = ? WHERE id = ?",
                    [owner, self._rows.vault.ref(self._head), sealed, id],
                ))  # fmt: skip
        return statements

    def _change_tracks(self, page: Sequence[Row]) -> list[Statement]:
        """Windows that are kept by the account go on where the other one's are; those that no rule knows any more are
        left, to go with the account."""
        owner = self._head.row("windows")
        rows = self._rows
        return [
            (
                "UPDATE track SET name = ?, owner = ?, entries = ? WHERE id = ?",
                [new, owner, rows.seal_entries(new, expires, rows.encoded_entries(name, expires, entries)), id],
            )
            for id, name, expires, entries in page
            if (new := self._tracks.get(name)) is not None
        ]


_EVENT: Final = "key, tenant, owner, ref, day, type, body, raw, record, trusted, alert"
_ALERT: Final = "key, tenant, owner, ref, kind, day, event, sealed, state"


def sealed_parts(db: sqlite3.Connection, keys: Sequence[AccountKey]) -> tuple[list[Row], list[Row]]:
    """Profiles and attributes by the accounts' own row ids."""
    query = "SELECT key, sealed FROM {} WHERE key IN (SELECT value FROM json_each(?))"
    profiles = db.execute(query.format("profile"), (_json([key.row("profile") for key in keys]),)).fetchall()
    attributes = db.execute(query.format("attributes"), (_json([key.row("attributes") for key in keys]),)).fetchall()
    return profiles, attributes


def open_parts(
    rows: Rows, keys: Sequence[AccountKey], profiles: Sequence[Row], attributes: Sequence[Row]
) -> dict[str, tuple[Profile | None, Attributes | None]]:
    """See :meth:`sentinel.store.protocol.Store.parts`."""
    found: dict[str, tuple[Profile | None, Attributes | None]] = {}
    names = {key.row("profile"): key for key in keys}
    for name, sealed in profiles:
        key = names[name]
        found[key.handle] = rows.open_profile_of(key, sealed), None
    names = {key.row("attributes"): key for key in keys}
    for name, sealed in attributes:
        key = names[name]
        found[key.handle] = found.get(key.handle, (None, None))[0], rows.open_attributes_of(key, sealed)
    return found
