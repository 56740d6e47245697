"""The keyring: a file of its own with a key for each account and each day, which is never inside a data backup.

What is deleted here is unreadable everywhere: a day's key takes that day's raw values with it, an account's key all
that is known of the account. Every key is sealed under a key-encryption key, and that one under the master key, in one
*slot* for each master key that opens it, so that the master key changes without touching anything else.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from time import perf_counter, sleep
from typing import Any, Final

import msgspec

from sentinel.database import connect, explain, transaction
from sentinel.errors import FileError, StoreError
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keys import KEY_BYTES, Secret
from sentinel.privacy.wrapping import TABLES, Wrapping, fingerprint

#: Name of the keyring in the state directory.
KEYRING_NAME: Final = "keyring.db"

_SCHEMA: Final = (
    "CREATE TABLE slot (fingerprint BLOB PRIMARY KEY, key BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE value (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE account (number INTEGER PRIMARY KEY AUTOINCREMENT, lookup TEXT NOT NULL UNIQUE,"
    " handle TEXT NOT NULL UNIQUE, key BLOB NOT NULL) STRICT",
    "CREATE TABLE day (day INTEGER PRIMARY KEY, raw BLOB, record BLOB NOT NULL) STRICT",
    "CREATE TABLE merged (number INTEGER PRIMARY KEY, head INTEGER NOT NULL, note BLOB NOT NULL) STRICT",
    "CREATE INDEX merged_head ON merged (head)",
)
#: Version 2: what must not be lost with a backup of the data.
_STANDING: Final = "CREATE TABLE standing (number INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT"
_VERSION: Final = 2
#: Size (bytes) up to which the file is written anew whenever the key of an account goes: some 200,000 accounts, 0.15 s.
_SMALL: Final = 32 << 20
#: Least seconds between two steps of wrapping keys anew.
_GAP: Final = 0.01
_json: Final = msgspec.json.Encoder().encode


class DayKeys(msgspec.Struct, frozen=True):
    """The keys of one UTC day: for raw values (null once destroyed), and for what was judged of them."""

    raw: bytes | None
    record: bytes


class Merge(msgspec.Struct, frozen=True):
    """An account that went into another one. ``former`` keeps its key for as long as ``head`` has one: backups made
    before hold rows that no other key opens. ``note`` is the caller's, for whoever finishes it."""

    former: AccountKey
    head: AccountKey
    note: bytes


class TakenError(StoreError):
    """Another process gave a number, an account or a day its key first."""


class Keyring:
    """The keys of one installation. ``path`` ``None`` keeps them in memory, for commands that keep nothing.

    Raises :class:`FileError` when no slot is for ``master``, and :class:`sentinel.errors.StoreError` when the file
    fails. Nothing is changed then. ``draw`` gives random bytes; ``reread`` the master key in place, where another
    process may exchange it.
    """

    def __init__(
        self,
        path: Path | None,
        master: Secret,
        *,
        readonly: bool = False,
        draw: Callable[[int], bytes] = os.urandom,
        reread: Callable[[], Secret] | None = None,
    ) -> None:
        self.path = path
        self._kek = Wrapping(master, str(path or "the keyring in memory"), reread)
        self._draw = draw
        # Keys are looked up on the loop while new ones are written beside it, and SQLite takes one thread at a time.
        self._writing, self._reading = RLock(), RLock()
        with self._told():
            if path is not None and not readonly and not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._db = connect(path, readonly=readonly)
        try:
            with self._told():
                if not readonly:
                    self._create(master)
                self._check_version()
                self._kek.learn(self._db)
                own = path is not None and not readonly
                self._reader = connect(path, readonly=True) if own else self._db
                if self._reader is self._db:
                    self._reading = self._writing
            self.root = Secret(self.value("root") or b"")
        except BaseException:
            self._db.close()
            raise

    # Master keys

    def _create(self, master: Secret) -> None:
        if self._db.execute("PRAGMA user_version").fetchone()[0] >= _VERSION:
            return
        with transaction(self._db):
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version >= _VERSION:
                return  # another process was first
            if not version:
                for statement in _SCHEMA:
                    self._db.execute(statement)
                self._kek.put(self._db, master, [self._draw(KEY_BYTES)])
                self._kek.learn(self._db)
                self._put_value("root", self._draw(KEY_BYTES))
            self._db.execute(_STANDING)
            self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def _check_version(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if not 0 < version <= _VERSION:
            what = "is empty" if not version else "was made by a newer sentinel"
            raise FileError(str(self.path), f"the keyring {what}: restore it, or upgrade sentinel")

    def slots(self) -> list[bytes]:
        """Fingerprints of the master keys that open this keyring."""
        with self._looking():
            return [row[0] for row in self._reader.execute("SELECT fingerprint FROM slot ORDER BY fingerprint")]

    def add_slot(self, master: Secret) -> None:
        """Let another master key open the keyring as well."""
        with self._changing():
            self._kek.put(self._db, master, self._kek.keys)
        self._kek.know(master)

    def keep_slot(self, master: Secret) -> int:
        """Let no master key but this one open the keyring; returns how many were shut out."""
        with self._told():
            with transaction(self._db):
                gone = self._db.execute("DELETE FROM slot WHERE fingerprint != ?", (fingerprint(master),)).rowcount
            self._scrub()
        return gone

    @property
    def rewrapping(self) -> bool:
        """Whether :meth:`rewrap` was begun and not finished."""
        with self._looking():
            self._kek.learn(self._reader)
        return len(self._kek.keys) > 1

    def rewrap(self, master: Secret) -> None:
        """Wrap all keys under a new key-encryption key, so that who had the old one opens nothing that comes later. No
        byte wrapped under the old one is left in the file when this returns.

        ``master`` must be the only one that has a slot. In short transactions, beside whoever uses the keyring; cut
        off, it is simply begun again.
        """
        with self._changing():
            if [fingerprint(master)] != [row[0] for row in self._db.execute("SELECT fingerprint FROM slot")]:
                raise FileError(str(self.path), "an exchange of the master key is not finished; nothing was changed")
            self._kek.put(self._db, master, [self._draw(KEY_BYTES), *self._kek.keys])
            self._kek.learn(self._db)
            # In the same transaction: who cannot open the slot sees by these values that there is a new key.
            self._kek.anew(self._db, 0, None)
        for table in range(TABLES):
            after: object | None = None
            while True:
                begun = perf_counter()
                with self._changing():
                    after = self._kek.anew(self._db, table, after)
                if after is None:
                    break
                # Who waits for the file looks for a gap now and then: there is one as long as what was before.
                sleep(max(_GAP, perf_counter() - begun))
        with self._changing():
            self._kek.put(self._db, master, self._kek.keys[:1])
        with self._told():
            self._kek.learn(self._db)
            self._scrub()

    def packed_for(self, master: Secret) -> bytes:
        """The whole keyring as the bytes of a database that ``master`` alone opens; never in a file on the way."""
        with self._told(), closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
            self._db.backup(copy)
            self._kek.learn(copy)
            copy.execute("DELETE FROM slot")
            # All that we know of: what the copy has may be wrapped under the key of before.
            self._kek.put(copy, master, self._kek.known)
            copy.execute("VACUUM")
            return copy.serialize()

    # Small values

    def value(self, name: str) -> bytes | None:
        """A small value kept sealed beside the keys."""
        with self._looking():
            row = self._reader.execute("SELECT sealed FROM value WHERE name = ?", (name,)).fetchone()
        return self._open(row[0], f"value/{name}") if row else None

    def put_value(self, name: str, value: bytes) -> None:
        """Keep a small value, durable when this returns."""
        with self._changing():
            self._put_value(name, value)

    def _put_value(self, name: str, value: bytes) -> None:
        self._db.execute(
            "INSERT INTO value (name, sealed) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
            (name, self._kek.seal(value, f"value/{name}")),
        )

    # Accounts

    def accounts(self, column: str, values: Iterable[str | int]) -> list[AccountKey]:
        """The accounts whose ``lookup``, ``handle`` or ``number`` is among ``values``."""
        if column not in ("lookup", "handle", "number"):
            raise ValueError(f"accounts are found by lookup, handle or number, not by {column}")
        query = f"SELECT number, lookup, handle, key FROM account WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608  # constant names
        with self._looking():
            return [self._account(row) for row in self._reader.execute(query, (_json(list(values)),))]

    def heads(self, column: str, values: Iterable[str]) -> dict[str, AccountKey]:
        """The accounts by ``lookup`` or ``handle``; in place of one that went into another, that other one."""
        if column not in ("lookup", "handle"):
            raise ValueError(f"accounts are found by lookup or handle, not by {column}")
        query = (
            "SELECT account.number, account.lookup, account.handle, account.key, asked.name"  # noqa: S608  # constant names
            f" FROM (SELECT {column} AS name, coalesce(head, account.number) AS number FROM account"
            f" LEFT JOIN merged ON merged.number = account.number WHERE {column} IN (SELECT value FROM json_each(?)))"
            " AS asked JOIN account ON account.number = asked.number"
        )
        with self._looking():
            return {row[4]: self._account(row[:4]) for row in self._reader.execute(query, (_json(list(values)),))}

    def merge(self, former: int, head: int, note: bytes) -> None:
        """From now on account number ``former`` is ``head``; durable when this returns. What went into ``former``
        before goes along. ``note`` is kept as it is: sealed by the caller."""
        with self._told(), transaction(self._db):
            self._db.execute("UPDATE merged SET head = ? WHERE head = ?", (head, former))
            self._db.execute(
                "INSERT INTO merged (number, head, note) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (former, head, note),
            )
            # What both stand for now is written down for the head.
            self._db.execute("DELETE FROM standing WHERE number = ?", (former,))

    def merges(self, head: int | None = None) -> list[Merge]:
        """The accounts that went into number ``head``, or all that went into any."""
        query = (
            "SELECT former.number, former.lookup, former.handle, former.key,"
            " head.number, head.lookup, head.handle, head.key, note FROM merged"
            " JOIN account AS former ON former.number = merged.number JOIN account AS head ON head.number = merged.head"
            " WHERE :head IS NULL OR merged.head = :head ORDER BY merged.number"
        )
        with self._looking():
            rows = self._reader.execute(query, {"head": head}).fetchall()
        return [Merge(self._account(row[:4]), self._account(row[4:8]), row[8]) for row in rows]

    def put_standing(self, number: int, sealed: bytes | None) -> None:
        """Keep how account ``number`` stands with its rights, sealed by the caller; ``None`` forgets it. Durable when
        this returns."""
        with self._told(), transaction(self._db):
            self._db.execute("DELETE FROM standing WHERE number = ?", (number,))
            if sealed is not None:
                self._db.execute("INSERT INTO standing (number, sealed) VALUES (?, ?)", (number, sealed))

    def replace_standing(self, number: int, before: bytes, sealed: bytes | None) -> bool:
        """:meth:`put_standing`, unless it is not ``before`` any more; whether it was."""
        with self._told(), transaction(self._db):
            gone = self._db.execute("DELETE FROM standing WHERE number = ? AND sealed = ?", (number, before)).rowcount
            if gone and sealed is not None:
                self._db.execute("INSERT INTO standing (number, sealed) VALUES (?, ?)", (number, sealed))
        return bool(gone)

    def standing(self, number: int) -> bytes | None:
        """What :meth:`put_standing` kept."""
        with self._looking():
            row = self._reader.execute("SELECT sealed FROM standing WHERE number = ?", (number,)).fetchone()
        return row[0] if row else None

    def standings(self) -> list[tuple[AccountKey, bytes]]:
        """All of them, by number."""
        query = "SELECT number, lookup, handle, key, sealed FROM standing JOIN account USING (number) ORDER BY number"
        with self._looking():
            return [(self._account(row[:4]), row[4]) for row in self._reader.execute(query)]

    def page(self, after: int, size: int, *, former: bool = True) -> list[AccountKey]:
        """The next ``size`` accounts by number, with or without those that went into others."""
        query = (
            "SELECT number, lookup, handle, key FROM account"
            " WHERE number > ? AND (? OR number NOT IN (SELECT number FROM merged)) ORDER BY number LIMIT ?"
        )
        with self._looking():
            return [self._account(row) for row in self._reader.execute(query, (after, former, size))]

    def last_number(self) -> int:
        """The highest number an account ever had."""
        with self._looking():
            row = self._reader.execute("SELECT seq FROM sqlite_sequence WHERE name = 'account'").fetchone()
        return int(row[0]) if row else 0

    def count(self) -> int:
        """How many accounts have a key."""
        with self._looking():
            return int(self._reader.execute("SELECT count(*) FROM account").fetchone()[0])

    def skip(self, numbers: int) -> None:
        """Never give the next so many numbers to an account: another copy of this keyring may have given them."""
        with self._told(), transaction(self._db):
            last = self.last_number() + numbers
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = 'account'")
            self._db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('account', ?)", (last,))

    def _account(self, row: Sequence[Any]) -> AccountKey:
        number, lookup, handle, sealed = row
        return AccountKey(number, lookup, self._open(sealed, f"account/{number}/{lookup}"), handle)

    def _open(self, sealed: bytes, row: str) -> bytes:
        try:
            return self._kek.open(sealed, row)
        except StoreError:
            # It may be wrapped under a key that is newer than what we know.
            with self._looking():
                if not self._kek.learn(self._reader):
                    raise
            return self._kek.open(sealed, row)

    def _seal(self, key: AccountKey) -> bytes:
        return self._kek.seal(key.secret, f"account/{key.number}/{key.lookup}")

    def new_key(self) -> bytes:
        """A fresh key of 32 bytes."""
        return self._draw(KEY_BYTES)

    def draw(self, number: int) -> bytes:
        """So many random bytes."""
        return self._draw(number)

    def days(self) -> dict[int, DayKeys]:
        """The keys of all days that have some."""
        found = {}
        with self._looking():
            rows = self._reader.execute("SELECT day, raw, record FROM day").fetchall()
        for day, raw, record in rows:
            opened = self._open(raw, f"day/{day}/raw") if raw is not None else None
            found[day] = DayKeys(opened, self._open(record, f"day/{day}/record"))
        return found

    def write(self, accounts: Sequence[AccountKey], days: dict[int, DayKeys]) -> None:
        """Keep new keys, all or none; durable when this returns. Raises :class:`TakenError` when another
        process was first."""
        with self._changing(), self._unless_taken():
            self._db.executemany(
                "INSERT INTO account (number, lookup, handle, key) VALUES (?, ?, ?, ?)",
                [(key.number, key.lookup, key.handle, self._seal(key)) for key in accounts],
            )
            self._db.executemany(
                "INSERT INTO day (day, raw, record) VALUES (?, ?, ?)",
                [
                    (
                        day,
                        self._kek.seal(keys.raw, f"day/{day}/raw") if keys.raw is not None else None,
                        self._kek.seal(keys.record, f"day/{day}/record"),
                    )
                    for day, keys in days.items()
                ],
            )

    def destroy_accounts(self, handles: Iterable[str], *, scrub: bool = True) -> int:
        """Destroy keys of accounts; no byte of them is left in the file when this returns, or without ``scrub`` after
        :meth:`scrub`. How many there were.

        In a keyring of more than 32 MB their names may stay where pages have room, until days' keys are destroyed.
        """
        with self._told():
            with transaction(self._db):
                gone = self._db.execute(
                    "DELETE FROM account WHERE handle IN (SELECT value FROM json_each(?))", (_json(list(handles)),)
                ).rowcount
                if gone:
                    self._db.execute(
                        "DELETE FROM merged WHERE number NOT IN (SELECT number FROM account)"
                        " OR head NOT IN (SELECT number FROM account)"
                    )
                    self._db.execute("DELETE FROM standing WHERE number NOT IN (SELECT number FROM account)")
            if scrub:
                self._scrub(anew=self.path is not None and self.path.stat().st_size <= _SMALL)
        return gone

    def scrub(self) -> None:
        """Leave no byte in the file of what was destroyed."""
        with self._told():
            self._scrub()

    def destroy_days(self, *, raw_through: int, records_through: int) -> tuple[int, int]:
        """Destroy the raw keys of days up to ``raw_through`` and everything of days up to ``records_through``
        (UTC days); no byte of them is left in the file when this returns. How many there were of each."""
        with self._told():
            with transaction(self._db):
                raw = self._db.execute(
                    "UPDATE day SET raw = NULL WHERE day <= ? AND raw IS NOT NULL", (max(raw_through, records_through),)
                ).rowcount
                records = self._db.execute("DELETE FROM day WHERE day <= ?", (records_through,)).rowcount
            if raw or records:
                self._scrub()
        return raw, records

    def _scrub(self, *, anew: bool = True) -> None:
        """Deleted rows are zeroes in the database (``secure_delete``), and their old pages in the log go with the log.
        But where SQLite moved rows from page to page, copies stay until the file is written ``anew``."""
        if self.path is None:
            return
        # Of its own: what is being read on the other one would be in the way.
        with closing(connect(self.path)) as database:
            if anew:
                database.execute("VACUUM")
            if database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise StoreError(f"{self.path}: somebody reads it without an end, destroyed keys are still in its log")

    def version(self) -> int:
        """Changes when another connection has changed the file."""
        with self._looking():
            return int(self._reader.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Give the file back; who is at it ends first."""
        with self._writing, self._reading:
            self._reader.close()
            self._db.close()

    @contextmanager
    def _unless_taken(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise TakenError(
                f"{self.path}: another process made keys at this moment; nothing was stored, try again"
            ) from None

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Reading, which need not wait for a write that waits for the disk."""
        with self._reading, self._in_words():
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        with self._writing, self._in_words():
            yield

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A transaction in which something is wrapped: under the key that is in the slot by then."""
        with self._told(), transaction(self._db):
            self._kek.learn(self._db)
            yield

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self.path) from None
        except OSError as error:
            raise FileError(str(self.path), f"the keyring cannot be read or made: {error.strerror}") from None
