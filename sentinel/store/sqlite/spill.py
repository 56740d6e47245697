"""A large dictionary in little memory: what was used lately stays, the rest lies in a temporary file.

The file has no name and is gone with the process, however it ends; its bytes stay on the disk until they are written
over. So it holds nothing in the clear: the key is in memory alone.
"""

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, Generic, TypeVar

import msgspec

from sentinel.privacy.keys import KEY_BYTES
from sentinel.privacy.sealer import Sealer

K = TypeVar("K")
V = TypeVar("V")

_json: Final = msgspec.json.Encoder().encode
#: Values written out at once when memory is full: a part of the limit, so that each value is moved seldom.
_PART: Final = 8
_NEVER: Final = 2**62


class Spill(Generic[K, V]):
    """At most ``limit`` in total weight in memory. Values may be changed in place until the next :meth:`put`.

    ``expires`` tells when a value may be forgotten (micros), see :meth:`forget`.
    """

    def __init__(
        self,
        limit: int,
        encode: Callable[[V], bytes],
        decode: Callable[[bytes], V],
        *,
        weigh: Callable[[V], int] = lambda value: 1,
        expires: Callable[[V], int] = lambda value: _NEVER,
    ) -> None:
        self._held: OrderedDict[K, V] = OrderedDict()
        self._weights: dict[K, int] = {}
        self._total = 0
        self._limit, self._encode, self._decode, self._weigh, self._expires = limit, encode, decode, weigh, expires
        self._outside = 0
        self._sealer, self._names = Sealer(os.urandom(KEY_BYTES)), blake2b(key=os.urandom(KEY_BYTES), digest_size=16)
        self._file = sqlite3.connect("", isolation_level=None)  # "": a temporary file that is unlinked at once
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute("PRAGMA cache_size = -16384")
        # With row ids: what is written lies one after the other, and only the short keys are sorted.
        self._file.execute("CREATE TABLE value (id INTEGER PRIMARY KEY, key BLOB UNIQUE, expires INTEGER, data BLOB)")

    def get(self, key: K) -> V | None:
        """The value, which is then the newest; ``None`` when there is none."""
        value = self._held.get(key)
        if value is not None:
            self._held.move_to_end(key)
            return value
        if not self._outside:
            return None
        name = self._name(key)
        row = self._file.execute("DELETE FROM value WHERE key = ? RETURNING data", (name,)).fetchone()
        if row is None:
            return None
        self._outside -= 1
        value = self._decode(self._sealer.open(row[0], name.hex()))
        self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value that is new or was changed in place."""
        weight = self._weigh(value)
        self._total += weight - self._weights.get(key, 0)
        self._weights[key] = weight
        self._held[key] = value
        if self._total > self._limit:
            self._write_out()

    def forget(self, now: int) -> None:
        """Drop what may be forgotten by ``now``, in memory and in the file."""
        for key in [key for key, value in self._held.items() if self._expires(value) < now]:
            del self._held[key]
            self._total -= self._weights.pop(key)
        self._outside -= self._file.execute("DELETE FROM value WHERE expires < ?", (now,)).rowcount

    def _write_out(self) -> None:
        rows = []
        goal = self._limit - self._limit // _PART
        while self._total > goal and len(self._held) > 1:
            key, value = self._held.popitem(last=False)
            self._total -= self._weights.pop(key)
            name = self._name(key)
            rows.append((name, self._expires(value), self._sealer.seal(self._encode(value), name.hex())))
        self._file.execute("BEGIN")
        self._file.executemany("INSERT OR REPLACE INTO value (key, expires, data) VALUES (?, ?, ?)", rows)
        self._file.execute("COMMIT")
        self._outside += len(rows)

    def _name(self, key: K) -> bytes:
        hashing = self._names.copy()
        hashing.update(_json(key))
        return hashing.digest()

    def __len__(self) -> int:
        return len(self._held) + self._outside

    @property
    def in_memory(self) -> int:
        """Values in memory."""
        return len(self._held)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
