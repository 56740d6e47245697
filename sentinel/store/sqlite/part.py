"""What the parts of the embedded store share: its threads, and what it keeps in memory."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.store.protocol import TrackKey
from sentinel.store.rows import Rows
from sentinel.store.sqlite import log
from sentinel.store.sqlite.cache import Cache

_T = TypeVar("_T")
#: The log is begun anew when so few pages of it are not copied yet; tried so many times.
_FEW_PAGES: Final = 64
_COPIES: Final = 10


class Part(ABC):
    """A base of :class:`sentinel.store.sqlite.store.SqliteStore`, which fills it."""

    path: Path | None
    _rows: Rows
    _profiles: Cache[str, Profile]
    _tracks: Cache[TrackKey, Track]

    @abstractmethod
    async def _write(self, work: Callable[[sqlite3.Connection], _T]) -> _T: ...

    @abstractmethod
    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T: ...

    @abstractmethod
    async def _copy(self, work: Callable[[sqlite3.Connection], _T]) -> _T: ...

    async def _copied(self) -> bool:
        """Copy the log beside the commits until little of it is left; false when there are more commits than can be
        copied, or somebody reads an old state."""
        for _ in range(_COPIES):
            if (await self._copy(log.copy))[1] <= _FEW_PAGES:
                return True
        return False
