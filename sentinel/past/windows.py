"""Sliding windows: how many events, or how many distinct values, in the last so-and-so long.

A *series* is a stream of entries (a condition and what it is kept by); a *track* is one series for one set of
values, say the failures of one network. Several windows may read one track with spans of their own. A window
at time ``t`` covers ``[t - over, t]`` in event time, so a late event is counted and judged where it belongs.

What a track still holds depends on the order its entries came in and on nothing else: not on the size of
batches, nor on when it was written and read again.
"""

from array import array
from bisect import bisect_left, bisect_right
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

_NO_TIMES: Final = array("q")  #: shared by all tracks that are empty; never changed
_NO_MEMBERS: Final[list[tuple[Member, ...]]] = []  #: likewise
_NO_ENTRIES: Final[list[Entry]] = []  #: likewise

#: What a track costs beside its entries, in entries with members; see :attr:`Track.weight`.
_OVERHEAD: Final = 8
#: Times alone that weigh as much as one entry with members.
_TIMES: Final = 16


class Track:
    """The entries of one series and key, ordered by time. Not safe for threads; one owner at a time.

    Times and members are kept apart: most series only count, and eight bytes an entry are all that takes.
    """

    __slots__ = ("_distinct", "_members", "_start", "_times", "keep", "unsaved")

    def __init__(self, entries: Iterable[Entry] = (), keep: int = 0) -> None:
        """``entries`` in the order they came. Without ``keep`` none of them is let go."""
        # Most tracks stay empty: they are made to be asked once, and must cost nothing.
        self._times = _NO_TIMES
        self._members = _NO_MEMBERS  #: beside the times; stays empty where entries have none
        self._distinct: dict[tuple[int, int], _Sliding] | None = None
        self._start = 0  #: entries before this position are let go
        self.unsaved: list[Entry] = _NO_ENTRIES  #: added since the last commit
        self.keep = keep  #: micros that entries are kept, as last told
        for entry in entries:
            self._enter(*entry)

    def __len__(self) -> int:
        return len(self._times) - self._start

    @property
    def newest(self) -> int:
        """Time of the newest entry, 0 when empty."""
        return self._times[-1] if self._times else 0

    @property
    def weight(self) -> int:
        """What it takes in memory, in units of at most :data:`sentinel.store.sqlite.store.TRACK_BYTES` bytes."""
        counted = sum(len(sliding.counts) for sliding in self._distinct.values()) if self._distinct else 0
        return _OVERHEAD + len(self._members) + len(self._times) // _TIMES + counted

    def copy(self) -> "Track":
        """One that may be added to while this one stays as it is."""
        track = Track(keep=self.keep)
        if self._times:
            track._times = self._times[self._start :]
            track._members = self._members[self._start :]
        return track

    def entries(self) -> list[Entry]:
        """What is kept, by time."""
        times = self._times[self._start :]
        members = self._members[self._start :] or [()] * len(times)
        return list(zip(times, members, strict=True))

    def add(self, time: int, members: tuple[Member, ...], keep: int) -> None:
        """Enter one event; entries older than ``keep`` micros before it are let go.

        Before it, not before the newest: a second log of the same day, read after the first, counts as well.
        """
        self.keep = keep
        self._enter(time, members)
        if self.unsaved is _NO_ENTRIES:
            self.unsaved = []
        self.unsaved.append((time, members))

    def saved(self) -> None:
        """What was added is taken down to be committed."""
        self.unsaved = _NO_ENTRIES

    def count(self, at: int, over: int) -> int:
        """Entries in ``[at - over, at]``."""
        low, high = self._between(at, over)
        return high - low

    def distinct(self, at: int, over: int, index: int) -> int:
        """Distinct known values at position ``index`` of the entries in ``[at - over, at]``."""
        low, high = self._between(at, over)
        if high - low <= _FEW:
            members = {entry[index] for entry in self._members[low:high]}
            members.discard(None)
            return len(members)
        if self._distinct is None:
            self._distinct = {}
        sliding = self._distinct.get((over, index))
        if sliding is None:
            sliding = self._distinct[over, index] = _Sliding(index)
        return sliding.move(self._members, low, high)

    def _between(self, at: int, over: int) -> tuple[int, int]:
        times, low = self._times, self._start
        if low == len(times):
            return low, low
        # Most tracks are short and most events the newest: the ends are looked at before searching.
        if times[low] < at - over:
            low = bisect_left(times, at - over, low)
        high = len(times) if times[-1] <= at else bisect_right(times, at, low)
        return low, high

    def _enter(self, time: int, members: tuple[Member, ...]) -> None:
        if self._times is _NO_TIMES:
            self._times = array("q")
        if members and self._members is _NO_MEMBERS:
            self._members = []
        times = self._times
        if self.keep and self._start < len(times) and times[self._start] < time - self.keep:
            self._start = bisect_left(times, time - self.keep, self._start)
        late = bool(times) and time < times[-1]
        if late or self._start >= _STRIDE:
            # In strides, so that an entry costs the same however many there are.
            self._let_go()
        if late:
            at = bisect_right(times, time)
            times.insert(at, time)
            if members:
                self._members.insert(at, members)
            for sliding in (self._distinct or {}).values():
                sliding.inserted(at, members)
        else:
            times.append(time)
            if members:
                self._members.append(members)
        self._start = max(self._start, len(times) - MAX_ENTRIES)

    def _let_go(self) -> None:
        gone = self._start
        if not gone:
            return
        for sliding in (self._distinct or {}).values():
            sliding.shift(self._members, gone)
        del self._times[:gone]
        if self._members:
            del self._members[:gone]
        self._start = 0


class _Sliding:
    """The values between two positions. It is moved, not counted anew: each entry comes and goes once."""

    __slots__ = ("counts", "high", "index", "low")

    def __init__(self, index: int) -> None:
        self.index = index
        self.low = self.high = 0
        self.counts: Counter[Member] = Counter()

    def move(self, members: list[tuple[Member, ...]], low: int, high: int) -> int:
        """The distinct known values in ``[low, high)``, from where it stands now."""
        if abs(low - self.low) + abs(high - self.high) > high - low:
            self.counts.clear()
            self.low = self.high = low
        self._come(members[self.high : high])
        self._go(members[high : self.high])
        self._come(members[low : self.low])
        self._go(members[self.low : low])
        self.low, self.high = low, high
        return len(self.counts) - (None in self.counts)

    def inserted(self, at: int, members: tuple[Member, ...]) -> None:
        """An entry was put in before position ``at``."""
        if at < self.high:
            self.high += 1
            if at < self.low:
                self.low += 1
            else:
                self._come([members])

    def shift(self, members: list[tuple[Member, ...]], gone: int) -> None:
        """The first ``gone`` entries of ``members`` are about to be let go."""
        if self.low < gone:
            self.move(members, gone, max(self.high, gone))
        self.low, self.high = self.low - gone, self.high - gone

    def _come(self, entries: list[tuple[Member, ...]]) -> None:
        for entry in entries:
            self.counts[entry[self.index]] += 1

    def _go(self, entries: list[tuple[Member, ...]]) -> None:
        for entry in entries:
            member = entry[self.index]
            self.counts[member] -= 1
            if not self.counts[member]:
                del self.counts[member]


encode_entries: Final = msgspec.msgpack.Encoder().encode
decode_entries: Final = msgspec.msgpack.Decoder(list[Entry]).decode
