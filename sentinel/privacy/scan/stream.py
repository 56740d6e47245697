"""Data of any length looked through in pieces, and everything that is compressed in it, and in that."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sentinel.privacy.scan.members import HEAVY, START_BYTES, Member, starts
from sentinel.privacy.scan.search import EDGE, Found, Needles

#: Bytes that are searched at a time.
_PIECE: Final = 1 << 18
#: How deep members are opened within members: an archive of rotated logs has two.
_DEPTH: Final = 4
#: Inflated bytes at the deepest level after which it is taken for a real member and not for a chance.
_REAL: Final = 4096
#: Members that are inflated at a time, of one file; and of those that may need much memory.
_OPEN: Final = 64
_OPEN_HEAVY: Final = 4
#: Bytes that the members of one file may inflate to.
INFLATED: Final = 8 << 30


@dataclass(slots=True)
class Limits:
    """What one file may take, shared by all that is nested in it. ``problems`` is what was not looked through."""

    inflated: int = INFLATED
    open: int = 0
    heavy: int = 0
    members: int = 0
    crowded: bool = False
    problems: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        """Note what was not looked through; the same thing once."""
        if text not in self.problems:
            self.problems.append(text)


#: Told of each hit: offset in the innermost data, what was found, and kinds and offsets of the members around it.
Sink = Callable[[int, Found, tuple[tuple[str, int], ...]], None]


class Stream:
    """Looks through what it is fed, in order, and tells ``sink``. Hits across the borders of pieces are found."""

    def __init__(
        self, needles: Needles, sink: Sink, limits: Limits, *, around: tuple[tuple[str, int], ...] = ()
    ) -> None:
        self._needles = needles
        self._sink = sink
        self._limits = limits
        self._around = around
        self._waiting: list[bytes] = []
        self._size = 0
        self._tail = b""
        #: Offset of the first byte of the tail, and up to where hits were told and beginnings were tried.
        self._base = 0
        self._told = 0
        self._tried = 0
        self._open: list[tuple[Member, Stream | None, int]] = []

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= _PIECE:
            self._look(final=False)

    def finish(self) -> None:
        """There are no more bytes."""
        self._look(final=True)
        for member, inner, _ in self._open:
            self._close(member, inner)
        self._open = []

    def _look(self, *, final: bool) -> None:
        new = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        data = self._tail + new
        base = self._base
        end = len(data) if final else max(len(data) - EDGE, 0)
        for found in self._needles.search(data, self._told - base, end):
            self._sink(base + found.start, found, self._around)
        self._told = max(self._told, base + end)
        self._open = [each for each in self._open if self._go_on(each, memoryview(new))]
        border = len(data) if final else max(len(data) - START_BYTES + 1, 0)
        first = self._tried - base
        for at, kind in sorted(starts(data)):
            if first <= at < border:
                self._begin(kind, base + at, memoryview(data)[at:])
        self._tried = max(self._tried, base + border)
        keep = self._needles.longest + EDGE + START_BYTES
        self._base = base + max(len(data) - keep, 0)
        self._tail = data[-keep:]

    def _begin(self, kind: str, at: int, data: memoryview) -> None:
        limits = self._limits
        heavy = kind in HEAVY
        if limits.crowded:
            return
        if limits.open >= _OPEN or (heavy and limits.heavy >= _OPEN_HEAVY):
            # Going on would take forever: what begins everywhere, and in itself, was made to keep us busy.
            limits.crowded = True
            limits.problem(f"too many compressed members begin within each other, from the {kind} at {at} on")
            return
        member = Member(kind)
        limits.open += 1
        limits.heavy += heavy
        inner = None
        if len(self._around) < _DEPTH:
            inner = Stream(self._needles, self._sink, limits, around=(*self._around, (kind, at)))
        if self._go_on((member, inner, at), data):
            self._open.append((member, inner, at))

    def _go_on(self, opened: tuple[Member, "Stream | None", int], data: memoryview) -> bool:
        """Feed a member; whether it wants more."""
        member, inner, at = opened
        limits = self._limits
        for piece in member.feed(data):
            limits.inflated -= len(piece)
            if limits.inflated < 0:
                limits.problem(f"what is compressed in it inflates to more than {INFLATED >> 30} GiB")
                member.state = "broken"
                break
            if inner is not None:
                inner.feed(piece)
        if inner is None and (member.state == "whole" or member.produced >= _REAL):
            limits.problem(f"compressed members lie more than {_DEPTH} deep")
        if member.problem:
            limits.problem(f"{member.problem}, at {at}")
        if member.state == "open":
            return True
        self._close(member, inner)
        return False

    def _close(self, member: Member, inner: "Stream | None") -> None:
        if inner is not None:
            inner.finish()
        self._limits.open -= 1
        self._limits.heavy -= member.kind in HEAVY
        self._limits.members += member.state == "whole"
