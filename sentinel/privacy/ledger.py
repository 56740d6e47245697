"""The erasure ledger: what was erased, so that neither a crash nor a restored backup brings it back.

A file of its own beside the keyring. An entry names nobody: it has the handle of a key that is destroyed and what that
key's row ids were made of, sealed under the installation's ledger key. It is durable before anything is erased. What
row ids were made of is forgotten once no backup that could hold such rows may be restored any more.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final

import msgspec

from sentinel.database import connect, explain, still_there, transaction
from sentinel.errors import FileError, StoreError
from sentinel.events.clock import DAY
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.sealer import Sealer, pack, unpack

#: Name of the ledger in the state directory.
LEDGER_NAME: Final = "erasures.db"
#: How long a backup may be restored, in days; so long an entry knows the row ids it is about.
BACKUP_DAYS: Final = 30

#: Under which the keyring keeps how many entries the ledger has.
_EXPECTED: Final = "ledger/entries"

_SCHEMA: Final = (
    "CREATE TABLE erasure (receipt TEXT PRIMARY KEY, time INTEGER NOT NULL, sealed BLOB NOT NULL,"
    " done INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID"
)


class Erasure(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One account erased. ``time`` is when it began, ``done`` when nothing was left (micros; 0: not finished).

    ``handle`` tells its key in an older keyring; ``rows`` gives its row ids (:func:`row_of`), empty once forgotten.
    """

    receipt: str
    time: int
    handle: str
    rows: bytes
    done: int = 0


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    handle: str
    rows: bytes


class Ledger:
    """See the module; safe to use from several threads. ``key`` has 32 bytes. Every method may raise
    :class:`sentinel.errors.StoreError`."""

    def __init__(self, path: Path | None, key: bytes, *, readonly: bool = False) -> None:
        self._path = path
        self._lock = RLock()  # rights are exercised on the loop, old entries are forgotten beside it
        self._sealer = Sealer(key)
        with self._told():
            if path is not None and not readonly and not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._db = connect(path, readonly=readonly)
            self._file = path.stat().st_ino if path is not None else 0
        with self._told():
            if not readonly and not self.made:
                with transaction(self._db):
                    if not self.made:
                        self._db.execute(_SCHEMA)
                        self._db.execute("PRAGMA user_version = 1")

    @property
    def made(self) -> bool:
        """Whether there are tables: a kill while the file is made leaves none, and who only reads makes none."""
        with self._told():
            return bool(self._db.execute("PRAGMA user_version").fetchone()[0])

    def begin(self, handle: str, rows: bytes, time: int, former: Sequence[tuple[str, bytes]] = ()) -> Erasure:
        """Write an erasure down; it is on disk when this returns. ``former`` are handle and rows of accounts that went
        into this one: each gets an entry beside the first, all or none of them (:meth:`parts`)."""
        receipt = new_receipt()
        names = [receipt, *(f"{receipt}.{number}" for number in range(1, len(former) + 1))]
        found = [
            Erasure(receipt=name, time=time, handle=one, rows=secret)
            for name, (one, secret) in zip(names, [(handle, rows), *former], strict=True)
        ]
        self.put(found)
        return found[0]

    def put(self, erasures: Sequence[Erasure]) -> None:
        """Take entries over, as from another copy of the ledger, all or none of them; one that is there stays."""
        rows = [
            (each.receipt, each.time, self._sealer.seal(pack(_Sealed(each.handle, each.rows)), each.receipt), each.done)
            for each in erasures
        ]
        self.check()
        with self._told(), transaction(self._db):
            self._db.executemany(
                "INSERT INTO erasure (receipt, time, sealed, done) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows
            )

    def finish(self, receipt: str, now: int) -> None:
        """Nothing of it is left."""
        self.finish_all([(receipt, now)])

    def finish_all(self, ended: Sequence[tuple[str, int]]) -> None:
        """Nothing is left of these, by receipt and time (micros)."""
        with self._told(), transaction(self._db):
            self._db.executemany("UPDATE erasure SET done = ?2 WHERE receipt = ?1 AND done = 0", ended)

    def count(self) -> int:
        """How many entries there are; they never become fewer."""
        with self._told():
            return int(self._db.execute("SELECT count(*) FROM erasure").fetchone()[0])

    def new(self, erasures: Sequence[Erasure]) -> int:
        """How many of these :meth:`put` would add."""
        with self._told():
            known = {row[0] for row in self._db.execute("SELECT receipt FROM erasure")}
        return len({each.receipt for each in erasures} - known)

    def check(self) -> None:
        """Raise :class:`StoreError` when the file was moved or deleted while it is open: nobody would find what is
        written into it."""
        if self._path is not None and not still_there(self._path, self._file):
            raise StoreError(
                f"{self._path}: the erasure ledger was moved or deleted while in use; put it back, then restart",
                retry=False,
            )

    def get(self, receipt: str) -> Erasure | None:
        """The entry with this receipt."""
        found = self._read("receipt = ?", receipt)
        return found[0] if found else None

    def parts(self, receipt: str) -> list[Erasure]:
        """The entry with this receipt, and those of the accounts that had gone into that one: their receipts go on with
        a dot and a number."""
        return self._read("receipt = ?1 OR substr(receipt, 1, length(?1) + 1) = ?1 || '.'", receipt)

    def unfinished(self) -> list[Erasure]:
        """Erasures that a crash may have left half done, oldest first."""
        return self._read("done = 0")

    def entries(self, since: int = 0) -> list[Erasure]:
        """All erasures begun at or after ``since`` (micros), oldest first."""
        return self._read("time >= ?", since)

    def forget(self, now: int) -> int:
        """Forget the row ids of erasures so old that no backup with such rows may be restored; how many there were.

        The receipt, its time and that it was finished stay, as proof.
        """
        old = [each for each in self._read("time < ? AND done > 0", now - BACKUP_DAYS * DAY) if each.rows]
        with self._told():
            with transaction(self._db):
                for each in old:
                    sealed = self._sealer.seal(pack(_Sealed("", b"")), each.receipt)
                    self._db.execute("UPDATE erasure SET sealed = ? WHERE receipt = ?", (sealed, each.receipt))
            if old:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return len(old)

    def close(self) -> None:
        """Give the file back; who is at it ends first."""
        with self._lock:
            self._db.close()

    def _read(self, where: str, *values: object) -> list[Erasure]:
        query = f"SELECT receipt, time, sealed, done FROM erasure WHERE {where} ORDER BY time, receipt"  # noqa: S608  # constant text
        with self._told():
            rows = self._db.execute(query, values).fetchall()
        found = []
        for receipt, time, sealed, done in rows:
            kept = unpack(self._sealer.open(sealed, receipt), _Sealed)
            found.append(Erasure(receipt=receipt, time=time, handle=kept.handle, rows=kept.rows, done=done))
        return found

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            raise explain(error, self._path) from None
        except OSError as error:
            raise FileError(str(self._path), f"the ledger cannot be read or made: {error.strerror}") from None


def expect(keyring: Keyring, ledger: Ledger, new: int = 0) -> None:
    """Let the keyring remember how many entries the ledger has to have, ``new`` ones among them; on disk when this
    returns. What is missing stays missing (:func:`missing`)."""
    known, there = _expected(keyring), ledger.count()
    expected = max(known + new, there)
    if expected != known:
        keyring.put_value(_EXPECTED, str(expected).encode())


def accept(keyring: Keyring, ledger: Ledger) -> int:
    """Expect no more entries than there are; how many are given up."""
    lost = missing(keyring, ledger)
    keyring.put_value(_EXPECTED, str(ledger.count()).encode())
    return lost


def missing(keyring: Keyring, ledger: Ledger | None) -> int:
    """How many entries the ledger lacks: it was lost, or an older copy was put in its place. ``None`` is one that is
    not there."""
    return max(0, _expected(keyring) - (ledger.count() if ledger is not None else 0))


def _expected(keyring: Keyring) -> int:
    return int(keyring.value(_EXPECTED) or 0)


def new_receipt() -> str:
    """What proves an erasure: chance alone, so that it says nothing of whom."""
    return f"r-{secrets.token_hex(16)}"
