"""The ZIP that a person gets: a page to read, the data to take along, a table, and a manifest.

Events are handed over one by one as they are read (:meth:`Package.add`), from whatever iterator the caller has, and
kept compressed until the archive is written: an account with 100,000 events costs some megabytes, and nothing is
spooled to a disk in the clear. The same data gives the same bytes: times, order and modes in the archive are fixed.
"""

import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import IO, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec

from sentinel.export import sheet
from sentinel.export.data import SCHEMA, Held
from sentinel.export.data_event import EventData
from sentinel.export.page import render
from sentinel.export.schema import schema_bytes
from sentinel.export.text import languages_for

#: Events on the page, the newest ones; all are in the files. A browser and a printer cope with so many: a year of three
#: events a day.
PAGE_EVENTS: Final = 1000

_encode: Final = msgspec.json.Encoder().encode
#: The first moment that a ZIP can name.
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)


class FileEntry(msgspec.Struct, frozen=True):
    """A file of the archive in its manifest; ``size`` in bytes."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """``manifest.json``: what is in the archive, beside itself."""

    schema: int
    made: str
    events: int
    files: list[FileEntry]


class Package:
    """One person's archive in the making. ``meanings`` explains facts by name, for those that evidence names."""

    def __init__(self, meanings: Mapping[str, str] | None = None) -> None:
        self._meanings = meanings or {}
        self._events = 0
        self._newest: deque[EventData] = deque(maxlen=PAGE_EVENTS)
        self._json, self._csv = _Packed(), _Packed()
        self._csv.add(sheet.heading())

    def add(self, event: EventData) -> None:
        """Take one more event; oldest first, so that the page has the newest ones."""
        self._json.add(b"," * bool(self._events) + b"\n" + _encode(event))
        self._csv.add(sheet.row(event))
        self._newest.append(event)
        self._events += 1

    def write(self, file: IO[bytes], held: Held, languages: Sequence[str] | None = None) -> Manifest:
        """Write the archive to ``file``, with everything ``held`` beside the events; returns its manifest.

        ``languages`` are those of the page; without them it is in the person's.

        ``file`` need not be seekable; the bytes then differ from those in one that is. No file in it may be larger
        than 2 GiB (some two million events). Call it once, and beside an event loop: 100,000 events take two seconds.
        """
        languages = languages or languages_for(held.account.locale)
        written: list[FileEntry] = []
        with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=6) as archive:
            for language in languages:
                name = "index.html" if len(languages) == 1 else f"index.{language}.html"
                page = render(held, list(self._newest), language, total=self._events, meanings=self._meanings)
                written.append(_store(archive, name, iter([page])))
            written.append(_store(archive, "data.json", self._document(held)))
            written.append(_store(archive, "data.schema.json", iter([schema_bytes()])))
            written.append(_store(archive, "events.csv", iter(self._csv)))
            manifest = Manifest(SCHEMA, held.made, self._events, written)
            _store(archive, "manifest.json", iter([msgspec.json.format(_encode(manifest), indent=2) + b"\n"]))
        return manifest

    def _document(self, held: Held) -> Iterator[bytes]:
        """``data.json``: what one encoding of the whole document would give, but for line breaks between events."""
        yield _encode(held)[:-1] + b',"events":['
        yield from self._json
        yield b"]}\n"


class _Packed:
    """Bytes kept compressed until they are read, once."""

    def __init__(self) -> None:
        # Level 1: they are compressed better on the way out.
        self._deflate = zlib.compressobj(1)
        self._pieces: list[bytes] = []

    def add(self, data: bytes) -> None:
        if piece := self._deflate.compress(data):
            self._pieces.append(piece)

    def __iter__(self) -> Iterator[bytes]:
        self._pieces.append(self._deflate.flush())
        inflate = zlib.decompressobj()
        for piece in self._pieces:
            yield inflate.decompress(piece)


def _store(archive: ZipFile, name: str, pieces: Iterator[bytes]) -> FileEntry:
    info = ZipInfo(name, _MOMENT)
    info.compress_type = ZIP_DEFLATED
    info.create_system = 3  # Unix, whatever wrote it: the mode below is read by it.
    info.external_attr = 0o100600 << 16
    digest, size = sha256(), 0
    with archive.open(info, "w") as member:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            member.write(piece)
    return FileEntry(name, size, digest.hexdigest())
