"""Sliding windows: how many events, or how many distinct values, in the last so-and-so long.

A *series* is a stream of entries (a condition and what it is kept by); a *track* is one series for one set of
values, say the failures of one network. Several windows may read one track with spans of their own. A window
at time ``t`` covers ``[t - over, t]`` in event time, so a late event is counted and judged where it belongs.

What a track still holds depends on the order its entries came in and on nothing else: not on the size of
batches, nor on when it was written and read again.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

#: Entries kept of one track, the newest; counts saturate here. Thresholds are far below.
MAX_ENTRIES: Final = 65_536

#: Up to so many entries are counted anew each time.
_FEW: Final = 32

#: Stale entries are let go this many at a time.
_STRIDE: Final = 64

Member = str | int | float | bool | None
Entry = tuple[int, tuple[Member, ...]]  #: time, then one value for each distinct that the series keeps


_NONE: Final[list[Entry]] = []  #: shared by all tracks that are empty; never changed


class Track:
    """The entries of one series and key, ordered by time. Not safe for threads; one owner at a time."""

    __slots__ = ("_distinct", "_entries", "_start", "keep", "unsaved")

    def __init__(self, entries: Iterable[Entry] = (), keep: int = 0) -> None:
        """``entries`` in the order they came. Without ``keep`` none of them is let go."""
        # Most tracks stay empty: they are made to be asked once, and must cost nothing.
        self._entries: list[Entry] = _NONE
        self._distinct: dict[tuple[int, int], _Sliding] | None = None
        self._start = 0  #: entries before this position are let go
        self.unsaved: list[Entry] = _NONE  #: added since the last commit
        self.keep = keep  #: micros that entries are kept, as last told
        for entry in entries:
            self._enter(entry)

    def __len__(self) -> int:
        return len(self._entries) - self._start

    def entries(self) -> list[Entry]:
        """What is kept, by time."""
        return self._entries[self._start :]

    @property
    def newest(self) -> int:
        """Time of the newest entry, 0 when empty."""
        return self._entries[-1][0] if self._entries else 0

    def add(self, time: int, members: tuple[Member, ...], keep: int) -> None:
        """Enter one event; entries older than ``keep`` micros before it are let go.

        Before it, not before the newest: a second log of the same day, read after the first, counts as well.
        """
        self.keep = keep
        entry = (time, members)
        self._enter(entry)
        if self.unsaved is _NONE:
            self.unsaved = []
        self.unsaved.append(entry)

    def saved(self) -> None:
        """What was added is taken down to be committed."""
        self.unsaved = _NONE

    def count(self, at: int, over: int) -> int:
        """Entries in ``[at - over, at]``."""
        low, high = self._between(at, over)
        return high - low

    def distinct(self, at: int, over: int, index: int) -> int:
        """Distinct known values at position ``index`` of the entries in ``[at - over, at]``."""
        low, high = self._between(at, over)
        if high - low <= _FEW:
            members = {entry[1][index] for entry in self._entries[low:high]}
            members.discard(None)
            return len(members)
        if self._distinct is None:
            self._distinct = {}
        sliding = self._distinct.get((over, index))
        if sliding is None or low < sliding.low or high < sliding.high:
            sliding = self._distinct[over, index] = _Sliding()
        return sliding.advance(self._entries, low, high, index)

    def _between(self, at: int, over: int) -> tuple[int, int]:
        low = bisect_left(self._entries, at - over, self._start, key=_time)
        return low, bisect_right(self._entries, at, low, key=_time)

    def _enter(self, entry: Entry) -> None:
        if self._entries is _NONE:
            self._entries = []
        entries = self._entries
        if self.keep:
            self._start = bisect_left(entries, entry[0] - self.keep, self._start, key=_time)
        late = bool(entries) and entry[0] < entries[-1][0]
        if late or self._start >= _STRIDE:
            # In strides, so that an entry costs the same however many there are.
            del entries[: self._start]
            self._start = 0
            self._distinct = None
        if late:
            insort(entries, entry, key=_time)
        else:
            entries.append(entry)
        self._start = max(self._start, len(entries) - MAX_ENTRIES)


class _Sliding:
    """The values between two positions that only move forward: each entry comes and goes once."""

    __slots__ = ("counts", "high", "low")

    def __init__(self) -> None:
        self.low = self.high = 0
        self.counts: Counter[Member] = Counter()

    def advance(self, entries: list[Entry], low: int, high: int, index: int) -> int:
        if self.high < low:
            self.low = self.high = low
            self.counts.clear()
        for entry in entries[self.high : high]:
            self.counts[entry[1][index]] += 1
        for entry in entries[self.low : low]:
            member = entry[1][index]
            self.counts[member] -= 1
            if not self.counts[member]:
                del self.counts[member]
        self.low, self.high = low, high
        return len(self.counts) - (None in self.counts)


def _time(entry: Entry) -> int:
    return entry[0]


encode_entries: Final = msgspec.msgpack.Encoder().encode
decode_entries: Final = msgspec.msgpack.Decoder(list[Entry]).decode
