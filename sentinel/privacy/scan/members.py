"""Compressed data inside other data: where it may begin, and inflating it piece by piece.

Every place that looks like a beginning is tried; most are none and say so within a few bytes. No piece is longer than
:data:`PIECE`, however much a few bytes inflate to.
"""

import bz2
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Longest piece of inflated data that is handed on, in bytes.
PIECE: Final = 1 << 16
#: Bytes fed at once; a beginning that is none is told from few.
_FIRST_FEED: Final = 1 << 6
_FEED: Final = 1 << 14
_ERRORS: Final = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError, ValueError)
#: Memory that one xz member may ask for; `xz -9` needs 65 MiB.
_XZ_MEMORY: Final = 96 << 20

#: First bytes of members → kind. zlib: the four levels with the window that everybody uses.
STARTS: Final = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x78\x01", "zlib"),
    (b"\x78\x5e", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "ZIP"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
#: Bytes of the longest of them.
START_BYTES: Final = max(len(start) for start, _ in STARTS)
#: Kinds that may take a hundred megabytes to inflate; few are open at a time.
HEAVY: Final = frozenset({"zstd", "xz", "ZIP"})

_ZIP_HEADER: Final = 30
_STORED, _DEFLATED, _BZIP2, _ZSTD = 0, 8, 12, 93
#: Compression methods that a ZIP may name (APPNOTE 4.4.5); others are no ZIP.
_ZIP_METHODS: Final = frozenset({*range(20), *range(93, 100)})


def starts(data: bytes) -> Iterator[tuple[int, str]]:
    """Places where a member may begin, and its kind."""
    for start, kind in STARTS:
        at = data.find(start)
        while at >= 0:
            yield at, kind
            at = data.find(start, at + 1)


class Member:
    """One member being inflated. ``state`` is ``open``, ``whole`` (its end was reached) or ``broken`` (it is none, or
    was cut or damaged). ``problem`` says why a real one cannot be read."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.state = "open"
        self.problem = ""
        #: Bytes it inflated to so far.
        self.produced = 0
        self._header = b""
        self._inflate: Any = None if kind == "ZIP" else _decompressor(kind)

    def feed(self, data: memoryview) -> Iterator[bytes]:
        """Pieces that ``data``, the next bytes of the member, inflate to."""
        at, size = 0, _FIRST_FEED
        while at < len(data) and self.state == "open":
            part = bytes(data[at : at + size])
            at, size = at + size, min(2 * size, _FEED)
            if self._inflate is None:
                part = self._begin_zip(part)
                if self._inflate is None:
                    continue
            # An error takes with it what the same call inflated before: a copy goes up to it byte by byte.
            spare = self._inflate.copy() if hasattr(self._inflate, "copy") else None
            before = self.produced
            try:
                yield from self._pieces(part)
            except _ERRORS as error:
                self.state = "broken"
                if spare is not None:
                    self._inflate = spare
                    yield from self._last(part, self.produced - before)
                if any(word in str(error).lower() for word in ("memory", "window too large", "usage limit")):
                    self.problem = f"a {self.kind} member asks for too much memory"

    def _last(self, part: bytes, told: int) -> Iterator[bytes]:
        """What ``part`` inflates to before its error, without the first ``told`` bytes."""
        with suppress(*_ERRORS):
            for one in part:
                for piece in self._pieces(bytes((one,))):
                    if len(piece) > told:
                        yield piece[told:]
                    told = max(told - len(piece), 0)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        inflate = self._inflate
        while True:
            piece = inflate.decompress(data, PIECE)
            if piece:
                self.produced += len(piece)
                yield piece
            if inflate.eof:
                self.state = "whole"
                return
            if hasattr(inflate, "unconsumed_tail"):
                data = inflate.unconsumed_tail
                if not data and len(piece) < PIECE:
                    return
            else:
                data = b""
                if inflate.needs_input:
                    return

    def _begin_zip(self, part: bytes) -> bytes:
        """Take the local file header off; returns what of ``part`` comes after it."""
        self._header += part
        header = self._header
        if len(header) < _ZIP_HEADER:
            return b""
        version, flags, method, name, extra = (
            int.from_bytes(header[at : at + 2], "little") for at in (4, 6, 8, 26, 28)
        )
        size = _ZIP_HEADER + name + extra
        if not name or method not in _ZIP_METHODS or version & 0xFF > 63:
            self.state = "broken"
        elif flags & 1:
            self.state, self.problem = "broken", "a ZIP member is encrypted"
        elif method == _STORED:
            self.state = "broken"  # its bytes stand in the file as they are
        elif method not in (_DEFLATED, _BZIP2, _ZSTD):
            self.state, self.problem = "broken", f"a ZIP member is compressed with method {method}, which is not known"
        elif len(header) >= size:
            self._inflate = _decompressor({_DEFLATED: "deflate", _BZIP2: "bzip2", _ZSTD: "zstd"}[method])
            self._header = b""
            return header[size:]
        return b""


def _decompressor(kind: str) -> Any:
    """Their common part: ``decompress(data, most)`` and ``eof``."""
    match kind:
        case "gzip":
            return zlib.decompressobj(31)
        case "zlib":
            return zlib.decompressobj(15)
        case "deflate":
            return zlib.decompressobj(-15)
        case "bzip2":
            return bz2.BZ2Decompressor()
        case "xz":
            return lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        case _:
            return zstd.ZstdDecompressor()


def inflated(data: bytes, most: int) -> bytes | None:
    """What ``data`` inflates to when it is one member from its first byte on, at most ``most`` bytes; else None."""
    kind = next((kind for start, kind in STARTS if data.startswith(start)), None)
    if kind is None:
        return None
    member, out = Member(kind), bytearray()
    with suppress(MemoryError):
        for piece in member.feed(memoryview(data)):
            out += piece
            if len(out) > most:
                return None
    return bytes(out) if member.state == "whole" else None
