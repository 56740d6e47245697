"""What nobody can read any more: rows whose keys are not in the keyring.

After a restore these are the rows of erased accounts, and of accounts and days whose keys came after the backup of the
keyring. Everything is asked of the keys, nothing of what any list says should be there.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from sentinel.database import transaction
from sentinel.errors import StoreError
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.vault import Vault
from sentinel.store.rows import Rows

_PAGE: Final = 1000
_EVENT: Final = "key, tenant, owner, ref, day, type, body, NULL, record, trusted, alert"
_ALERT: Final = "key, tenant, owner, ref, kind, day, event, sealed, state"
#: What else tells of events and alerts that are deleted.
_OF_EVENTS: Final = (
    "DELETE FROM campaign_event WHERE event IN (SELECT value FROM json_each(?))",
    "UPDATE verdict SET target = '', done = max(done, 1) WHERE target IN (SELECT value FROM json_each(?))",
    "UPDATE alert SET event = '' WHERE owner IS NULL AND event IN (SELECT value FROM json_each(?))",
)
_OF_ALERTS: Final = ("DELETE FROM campaign_event WHERE alert IN (SELECT value FROM json_each(?))",)
_json: Final = msgspec.json.Encoder().encode


class Unreachable(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of each kind were deleted."""

    events: int = 0
    profiles: int = 0
    attributes: int = 0
    windows: int = 0
    alerts: int = 0
    mails: int = 0
    hooks: int = 0
    links: int = 0

    @property
    def total(self) -> int:
        """Of all kinds."""
        return sum(msgspec.structs.astuple(self))


def delete_unreachable(db: sqlite3.Connection, vault: Vault, nobodys: Iterable[str] = ()) -> Unreachable:
    """Delete every row that the keyring does not open, all or none, and count them.

    ``nobodys`` are the handles of documents that are no account's (``campaigns:TENANT``). The vault must be one that
    makes no keys. Some 20 µs an event.
    """
    rows = Rows(vault)
    with transaction(db):
        events = _sweep(db, "event", "seq", _EVENT, lambda found: _lost(vault, found, None, rows.records), _OF_EVENTS)
        alerts = _sweep(
            db, "alert", "seq", _ALERT, lambda found: _lost(vault, found, "alerts", rows.alerts), _OF_ALERTS
        )
        mails = _sweep(db, "mail", "id", "alert, tenant, owner, ref", lambda found: _lost(vault, found, "mails"))
        hooks = _sweep(db, "hook", "id", "name, tenant, owner, ref", lambda found: _lost(vault, found, "hooks"))
        links = _sweep(
            db, "answer_token", "id", "digest, tenant, owner, ref", lambda found: _lost(vault, found, "answers")
        )
        _known(db, vault, nobodys)
        gone = Unreachable(
            events=events,
            alerts=alerts,
            mails=mails,
            hooks=hooks,
            links=links,
            profiles=db.execute("DELETE FROM profile WHERE key NOT IN (SELECT row FROM known)").rowcount,
            attributes=db.execute("DELETE FROM attributes WHERE key NOT IN (SELECT row FROM known)").rowcount,
            windows=db.execute(
                "DELETE FROM track WHERE owner IS NOT NULL AND owner NOT IN (SELECT row FROM known)"
            ).rowcount,
        )
        db.execute(
            "UPDATE verdict SET target = '', done = max(done, 1)"
            " WHERE about = 'account' AND target NOT IN (SELECT row FROM known)"
        )
        db.execute("DROP TABLE known")
    return gone


def _sweep(
    db: sqlite3.Connection,
    table: str,
    number: str,
    columns: str,
    lost: Callable[[list[Any]], Sequence[bool]],
    also: Iterable[str] = (),
) -> int:
    gone, after = 0, -1
    query = f"SELECT {number}, {columns} FROM {table} WHERE {number} > ? ORDER BY {number} LIMIT {_PAGE}"  # noqa: S608  # constant text
    while found := db.execute(query, (after,)).fetchall():
        after = found[-1][0]
        marked = zip(found, lost([row[1:] for row in found]), strict=True)
        going = [row[:2] for row, is_lost in marked if is_lost]
        numbers = [row[0] for row in going]
        for statement in also:
            db.execute(statement, (_json([row[1] for row in going]),))
        db.execute(f"DELETE FROM {table} WHERE {number} IN (SELECT value FROM json_each(?))", (_json(numbers),))  # noqa: S608  # likewise
        gone += len(numbers)
    return gone


def _lost(
    vault: Vault,
    found: Sequence[Sequence[Any]],
    kind: str | None,
    read: Callable[[list[Sequence[Any]]], Sequence[object]] | None = None,
) -> list[bool]:
    """Which rows lead to no account, or not to the one they are found by; ``read`` proves that the others open."""
    owners = vault.owners([row[3] for row in found])
    lost = [_stray(owner, row, kind) for owner, row in zip(owners, found, strict=True)]
    if read is None:
        return lost
    if not _opens(read, [row for row, is_lost in zip(found, lost, strict=True) if not is_lost]):
        lost = [is_lost or not _opens(read, [row]) for row, is_lost in zip(found, lost, strict=True)]
    return lost


def _stray(owner: AccountKey | None, row: Sequence[Any], kind: str | None) -> bool:
    if owner is None:
        return True
    if not owner.number:
        return row[2] is not None
    return bool(owner.row(kind if kind is not None else row[4]) != row[2])


def _opens(read: Callable[[list[Sequence[Any]]], Sequence[object]], rows: list[Sequence[Any]]) -> bool:
    try:
        return len(read(rows)) == len(rows)
    except StoreError:  # the day's key is another, or gone
        return False


def _known(db: sqlite3.Connection, vault: Vault, nobodys: Iterable[str]) -> None:
    """A table of all handles, and of the row ids that the keyring gives to profiles, attributes and windows."""
    db.execute("CREATE TEMP TABLE known (row TEXT PRIMARY KEY) WITHOUT ROWID")
    db.executemany("INSERT OR IGNORE INTO known VALUES (?)", [(vault.of(each).row("profile"),) for each in nobodys])
    after = 0
    while page := vault.keyring.page(after, _PAGE):
        after = page[-1].number
        names = [(key.row(kind),) for key in page for kind in ("profile", "attributes", "windows")]
        names += [(key.handle,) for key in page]
        db.executemany("INSERT INTO known VALUES (?)", names)
