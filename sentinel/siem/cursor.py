"""The cursor: how far an export has come, in a file that is written once a sink has taken everything up to there.

Records are numbered in the order of judging. The newest numbers are given again when the newest records are erased
or the store is restored, so a number alone could pass over records that came later. A cursor therefore keeps, with
the number, a digest of the key that the record had, and some earlier ones, ever further apart: it goes on from the
newest that the store still has. That may send some documents twice; it never leaves one out that is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import blake2b
from os import O_CLOEXEC, O_CREAT, O_RDWR, fdopen
from os import open as os_open
from pathlib import Path
from typing import Final

import msgspec

from sentinel.backup.files import write_whole
from sentinel.errors import FileError
from sentinel.store.protocol import Store

#: Name of the folder in the state directory.
FOLDER: Final = "siem"
#: Open campaigns remembered; there are at most 64 of a tenant.
_MOST_CAMPAIGNS: Final = 1024


class Campaign(msgspec.Struct, frozen=True):
    """A campaign that was told and is not known to be closed."""

    tenant: str
    id: str


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an export stands: ``points`` are numbers and digests, the newest first; none: at the beginning."""

    points: tuple[tuple[int, str], ...] = ()
    campaigns: tuple[Campaign, ...] = ()

    @property
    def number(self) -> int:
        """The number of the last record that was sent; 0 when none was."""
        return self.points[0][0] if self.points else 0

    def advanced(self, number: int, key: str) -> "Cursor":
        """The cursor after the record with this number and key."""
        found: dict[int, tuple[int, str]] = {}
        for point in [(number, _digest(key)), *self.points]:
            # One for each power of two that a point is behind: some sixty for any store.
            found.setdefault((number - point[0]).bit_length(), point)
        return msgspec.structs.replace(self, points=tuple(found.values()))

    def with_campaigns(self, campaigns: set[Campaign]) -> "Cursor":
        """The cursor with other open campaigns."""
        kept = sorted(campaigns, key=lambda each: (each.tenant, each.id))[:_MOST_CAMPAIGNS]
        return msgspec.structs.replace(self, campaigns=tuple(kept))

    async def found_in(self, store: Store) -> "Cursor":
        """The cursor at the newest point that ``store`` still has; at the beginning when it has none."""
        for at, (number, digest) in enumerate(self.points):
            key = await store.key_at(number)
            if key is not None and _digest(key) == digest:
                return msgspec.structs.replace(self, points=self.points[at:])
        return msgspec.structs.replace(self, points=())


class CursorFile:
    """The file of one export, ``siem/NAME.json`` in the state directory."""

    def __init__(self, state: Path, name: str) -> None:
        self.path = state / FOLDER / f"{name}.json"

    def read(self) -> Cursor:
        """The cursor; a new one where there is no file. Raises :class:`FileError` for a file that is no cursor."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Cursor)
        except FileNotFoundError:
            return Cursor()
        except OSError as error:
            raise FileError(str(self.path), f"cannot be read: {error.strerror}; run as its owner") from None
        except msgspec.MsgspecError:
            raise FileError(
                str(self.path), "is no cursor; remove it to begin with the oldest record that is kept"
            ) from None

    def write(self, cursor: Cursor) -> None:
        """Keep it; on disk when this returns. Only for who holds the lock. Raises :class:`FileError`."""
        try:
            write_whole(self.path, msgspec.json.encode(cursor))
        except OSError as error:
            raise FileError(str(self.path), f"cannot be written: {error.strerror}") from None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only process that sends to this sink. Raises :class:`FileError` when another one does."""
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os_open(self.path.with_suffix(".lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        except OSError as error:
            raise FileError(str(self.path), f"its lock cannot be opened: {error.strerror}") from None
        with fdopen(descriptor, "r+") as file:
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                raise FileError(str(self.path), "another process sends to it; stop that one first") from None
            yield


def _digest(key: str) -> str:
    """Nothing of an erased account's event may be found by what a cursor keeps, so it is cut short."""
    return blake2b(key.encode(), digest_size=6).hexdigest()
