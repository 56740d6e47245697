"""What a thief reads of a stolen store without keys: everything in the clear, sizes, and what was written together."""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import msgspec

#: Of the write-ahead log, so many of the last commits are looked at.
COMMITS = 400


class EventSeen(msgspec.Struct, frozen=True):
    """A row of an event; sizes in bytes."""

    key: str
    day: int
    owner: str | None
    type: str
    raw: int
    record: int
    trusted: bool


class Seen(msgspec.Struct):
    """What is in the clear. Times are micros."""

    events: list[EventSeen]  #: in the order they were stored
    profiles: list[tuple[str, int]]  #: row id, size
    tracks: list[tuple[str, int]]  #: owner, expires
    alerts: list[tuple[str, int, str]]  #: owner, UTC day, kind
    mails: list[tuple[str, int]]  #: owner, when it was done with
    links: list[tuple[str, int]]  #: owner, when the link of a mail ends
    together: list[tuple[int, str, str]]  #: UTC day and owner of an event, profile row of the same commit


def see(folder: Path) -> Seen:
    """Read the copy in ``folder``."""
    path = folder / "sentinel.db"
    together = list(_together(path))
    with closing(sqlite3.connect(path)) as database:
        return Seen(
            [
                EventSeen(*row[:6], trusted=bool(row[6]))
                for row in database.execute(
                    "SELECT key, day, owner, type, coalesce(length(raw), 0), length(record), trusted FROM event"
                    " ORDER BY seq"
                )
            ],
            database.execute("SELECT key, length(sealed) FROM profile").fetchall(),
            database.execute("SELECT owner, expires FROM track WHERE owner IS NOT NULL ORDER BY id").fetchall(),
            database.execute("SELECT owner, day, kind FROM alert WHERE owner IS NOT NULL ORDER BY seq").fetchall(),
            database.execute("SELECT owner, done FROM mail WHERE owner IS NOT NULL AND done ORDER BY id").fetchall(),
            database.execute("SELECT owner, expires FROM answer_token WHERE role = 'current' ORDER BY id").fetchall(),
            together,
        )


def _together(path: Path) -> Iterator[tuple[int, str, str]]:
    """Commit by commit through the write-ahead log: the event that came, and the profile that changed with it."""
    commits = list(_commits(path.with_name(path.name + "-wal")))[-COMMITS:]
    image = bytearray(path.read_bytes())
    states = []
    for pages in commits:
        for place, page in pages.items():
            if len(image) < place + len(page):
                image.extend(bytes(place + len(page) - len(image)))
            image[place : place + len(page)] = page
        states.append(_state(image))
    for before, after in pairwise(states):
        if before is None or after is None:
            continue
        came = [row for seq, row in after[0].items() if seq not in before[0] and row[1] is not None]
        changed = [key for key, sealed in after[1].items() if before[1].get(key) != sealed]
        if len(came) == 1 == len(changed):
            yield (*came[0], changed[0])


def _commits(path: Path) -> Iterator[dict[int, bytes]]:
    """The pages of each commit by their place in the file (https://sqlite.org/fileformat2.html#walformat)."""
    data = path.read_bytes() if path.exists() else b""
    if len(data) < 32:
        return
    size = struct.unpack_from(">I", data, 8)[0]
    pages: dict[int, bytes] = {}
    for at in range(32, len(data) - size - 23, size + 24):
        number, commit = struct.unpack_from(">II", data, at)
        if data[at + 8 : at + 16] != data[16:24]:
            return  # older than the log's last beginning
        pages[(number - 1) * size] = data[at + 24 : at + 24 + size]
        if commit:
            yield pages
            pages = {}


def _state(image: bytearray) -> tuple[dict[int, tuple[int, str]], dict[str, bytes]] | None:
    """The newest events and all profiles of a database as it was then."""
    copy = bytearray(image)
    copy[18:20] = b"\x01\x01"  # no log beside it
    pages = len(copy) // 4096
    copy[28:32] = struct.pack(">I", pages)
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.deserialize(bytes(copy))
            rows = database.execute("SELECT seq, day, owner FROM event ORDER BY seq DESC LIMIT 5").fetchall()
            return {seq: (day, owner) for seq, day, owner in rows}, dict(
                database.execute("SELECT key, sealed FROM profile")
            )
        except sqlite3.DatabaseError:
            return None  # pages of later commits in between
