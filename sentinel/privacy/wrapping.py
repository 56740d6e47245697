"""The key-encryption keys of a keyring: what wraps its keys, wrapped itself under a master key in a slot.

There is one, except while the keys are wrapped anew (:meth:`Keyring.rewrap`): then the slot has the new one first and
the old one behind it, so that at every moment whoever opens the slot opens everything. Whoever has the keyring open
already learns of a new one when a value does not open, and before anything is written.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Final

from sentinel.errors import FileError, StoreError
from sentinel.privacy.keys import KEY_BYTES, Secret
from sentinel.privacy.sealer import Sealer

#: Keys wrapped anew in one transaction: writers wait for some milliseconds, not longer.
PAGE: Final = 200
_FIRST: Final = -(2**62)

#: Of each table where to begin, and (row, identity that is bound in, wrapped value) from a row on.
_WRAPPED: Final = (
    ("value", "name", "sealed", "", "'value/' || name"),
    ("account", "number", "key", _FIRST, "'account/' || number || '/' || lookup"),
    ("day", "day", "raw", _FIRST, "'day/' || day || '/raw'"),
    ("day", "day", "record", _FIRST, "'day/' || day || '/record'"),
)


class Wrapping:
    """See the module. ``reread`` gives the master key in place, which another process may have exchanged; ``where``
    names the keyring in errors."""

    def __init__(self, master: Secret, where: str, reread: Callable[[], Secret] | None = None) -> None:
        self._masters = [master]
        self._where = where
        self._reread = reread
        self._slot: bytes | None = None
        self._keys: list[bytes] = []
        #: Those of the slot first, then those of before: rows in hand may need them.
        self.known: list[bytes] = []
        self._sealers: list[Sealer] = []
        self._lock = Lock()  # keys are looked up on the loop while new ones are written beside it

    @property
    def keys(self) -> list[bytes]:
        """Those in the slot, the newest first."""
        return self._keys

    def learn(self, db: sqlite3.Connection) -> bool:
        """Look whether the slot is another one by now; whether there was something to learn. Raises :class:`FileError`
        when no slot is for the master key, and :class:`StoreError` when there is none any more."""
        with self._lock:
            return self._learn(db)

    def _learn(self, db: sqlite3.Connection) -> bool:
        row = self._find(db)
        if row is None and self._slot is not None:
            if self._still_in_force(db):
                return False
            raise StoreError(
                f"{self._where}: the master key was exchanged, and the new one cannot be read here; nothing was stored:"
                " restart this sentinel with the new key",
                retry=False,
            )
        if row is None:
            raise FileError(
                self._where,
                "the master key is not the one that opens this keyring; put the right sentinel.key in its place."
                " Nothing was changed",
            )
        if row == self._slot:
            return False
        packed = Sealer(self._masters[0].derive("keyring")).open(row, "slot")
        keys = [packed[at : at + KEY_BYTES] for at in range(0, len(packed), KEY_BYTES)]
        if keys[0] in self.known[1:]:
            return False  # read in a state of the file that is older than what another thread has learned
        self.known = [*keys, *(key for key in self.known if key not in keys)]
        self._sealers = [Sealer(key) for key in self.known]
        self._keys, self._slot = keys, row
        return True

    def know(self, master: Secret) -> None:
        """Another master key that may have the slot."""
        self._masters.append(master)

    def _find(self, db: sqlite3.Connection) -> bytes | None:
        """The slot of a master key that is known, or that is in place by now; that key goes first from now on."""
        masters = list(self._masters)
        for master in masters:
            if (row := _slot(db, master)) is not None:
                break
        else:
            if self._reread is None:
                return None
            try:
                master = self._reread()
            except FileError:
                return None
            if (row := _slot(db, master)) is None:
                return None
        self._masters = [master, *(each for each in masters if each is not master)]
        return row

    def _still_in_force(self, db: sqlite3.Connection) -> bool:
        """Whether the key that we know wraps the newest values still: our slot is gone, and nothing else was changed.
        The root secret is wrapped anew with the new slot, in one transaction."""
        row = db.execute("SELECT sealed FROM value WHERE name = 'root'").fetchone()
        if row is None or not self._sealers:
            return False
        with suppress(StoreError):
            self._sealers[0].open(row[0], "value/root")
            return True
        return False

    def seal(self, data: bytes, row: str) -> bytes:
        """Wrap under the newest key; after :meth:`learn` in the same transaction."""
        return self._sealers[0].seal(data, row)

    def open(self, sealed: bytes, row: str) -> bytes:
        """What was wrapped. Raises :class:`StoreError`."""
        for sealer in self._sealers[:-1]:
            with suppress(StoreError):
                return sealer.open(sealed, row)
        return self._sealers[-1].open(sealed, row)

    def put(self, db: sqlite3.Connection, master: Secret, keys: list[bytes]) -> None:
        """Write the slot of a master key, in the transaction that is open."""
        sealed = Sealer(master.derive("keyring")).seal(b"".join(keys), "slot")
        db.execute(
            "INSERT INTO slot (fingerprint, key) VALUES (?, ?)"
            " ON CONFLICT (fingerprint) DO UPDATE SET key = excluded.key",
            (fingerprint(master), sealed),
        )

    def anew(self, db: sqlite3.Connection, table: int, after: object) -> object | None:
        """Wrap the next page of a table under the newest key, in the transaction that is open; where to go on, ``None``
        at the end. What does not open stays as it is."""
        name, number, column, first, identity = _WRAPPED[table]
        rows = db.execute(
            f"SELECT {number}, {identity}, {column} FROM {name} WHERE {number} > ? AND {column} IS NOT NULL"  # noqa: S608  # constant names
            f" ORDER BY {number} LIMIT {PAGE}",
            (first if after is None else after,),
        ).fetchall()
        changed = []
        for row, bound, sealed in rows:
            try:
                self._sealers[0].open(sealed, bound)
            except StoreError:
                with suppress(StoreError):
                    changed.append((self.seal(self.open(sealed, bound), bound), row))
        db.executemany(f"UPDATE {name} SET {column} = ? WHERE {number} = ?", changed)  # noqa: S608  # constant names
        return rows[-1][0] if len(rows) == PAGE else None


#: How many tables :meth:`Wrapping.anew` goes through.
TABLES: Final = len(_WRAPPED)


def fingerprint(master: Secret) -> bytes:
    """Says which master key this is without giving anything of it away."""
    return master.derive("fingerprint")[:16]


def _slot(db: sqlite3.Connection, master: Secret) -> bytes | None:
    row = db.execute("SELECT key FROM slot WHERE fingerprint = ?", (fingerprint(master),)).fetchone()
    return bytes(row[0]) if row is not None else None
