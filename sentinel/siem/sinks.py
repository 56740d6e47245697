"""Sinks: what takes lines and says when they are out of our hands. Blocking; to be called in a thread."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from sentinel.errors import SentinelError

_TAIL: Final = 64 * 1024


class SinkError(SentinelError):
    """A sink took nothing, or not all; what was given to it is to be given again."""


class Line(msgspec.Struct, frozen=True):
    """One document as JSON, with its time (micros) and level, which syslog wants apart."""

    text: bytes
    time: int
    level: str | None


class Sink(Protocol):
    """Where lines go."""

    def write(self, lines: Sequence[Line]) -> None:
        """Take all of ``lines``; they are as safe as this sink can make them when it returns. Raises
        :class:`SinkError`."""

    def close(self) -> None:
        """Give everything back."""


class StandardOutput:
    """One JSON document a line (NDJSON); flushed, and then the reader's."""

    def write(self, lines: Sequence[Line]) -> None:
        """See :class:`Sink`."""
        out = sys.stdout.buffer
        out.write(b"".join(line.text + b"\n" for line in lines))
        out.flush()

    def close(self) -> None:
        """Nothing is held."""


class NdjsonFile:
    """A file that lines are added to, mode 0600 when it is made here, on disk when :meth:`write` returns.

    Whoever rotates it may rename or remove it at any time: it is looked for by name before each write, and made anew.
    Half a line that a crash left is taken off, since its document is sent again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def write(self, lines: Sequence[Line]) -> None:
        """See :class:`Sink`."""
        data = b"".join(line.text + b"\n" for line in lines)
        try:
            self._open()
            before = os.fstat(self._file).st_size
            try:
                while data:
                    data = data[os.write(self._file, data) :]
                os.fsync(self._file)
            except OSError:
                # A full disk: no half document stays for a reader to stumble over.
                os.ftruncate(self._file, before)
                raise
        except OSError as error:
            raise SinkError(f"{self._path}: cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """See :class:`Sink`."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        if self._file >= 0:
            try:
                there = self._path.stat()
            except FileNotFoundError:
                there = None
            ours = os.fstat(self._file)
            if there is not None and (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                return
            self.close()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._take_off_half_a_line()

    def _take_off_half_a_line(self) -> None:
        end = os.fstat(self._file).st_size
        at = end
        while at > 0:
            begin = max(0, at - _TAIL)
            found = os.pread(self._file, at - begin, begin).rfind(b"\n")
            if found >= 0:
                at = begin + found + 1
                break
            at = begin
        if at < end:
            os.ftruncate(self._file, at)
