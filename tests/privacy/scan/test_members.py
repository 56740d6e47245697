"""What is compressed is looked through wherever it begins; a bomb fills no memory; what was not read is told."""

import bz2
import gzip
import lzma
import random
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise

import pytest

from sentinel.privacy.scan.members import Member, inflated, zstd
from sentinel.privacy.scan.search import Found, Needles
from sentinel.privacy.scan.stream import Limits, Stream

VALUE = "person-7@example.org"
LINE = b"".join(b"line %d of a log\n" % at for at in range(2000)) + VALUE.encode() + b"\nand more\n" * 500


def zipped(data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr("events.ndjson", data)
    return out.getvalue()


KINDS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "ZIP": zipped,
}


def look(data: bytes, *, limits: Limits | None = None, size: int = 1000) -> tuple[list[tuple[str, ...]], Limits]:
    """The members around each hit, and what was taken."""
    hits: list[tuple[str, ...]] = []

    def sink(offset: int, found: Found, around: tuple[tuple[str, int], ...]) -> None:
        hits.append(tuple(kind for kind, _ in around))

    limits = limits or Limits()
    stream = Stream(Needles([VALUE]), sink, limits)
    for at in range(0, len(data), size):
        stream.feed(data[at : at + size])
    stream.finish()
    assert limits.open == limits.heavy == 0
    return hits, limits


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_found_anywhere_in_a_file(kind: str) -> None:
    around = random.Random(5).randbytes(3000)
    hits, limits = look(around + KINDS[kind](LINE) + around)
    assert hits == [(kind,)]
    assert limits.members == 1
    assert limits.problems == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_beginning_across_the_border_of_pieces_is_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.privacy.scan.stream._PIECE", 1)
    for before in range(40):
        hits, _ = look(b"\xf0" * before + KINDS[kind](VALUE.encode() + b"?" * 50), size=20)
        assert [hit for hit in hits if hit] == [(kind,)], before  # zstd keeps short texts as they are


@pytest.mark.parametrize(("outer", "inner"), list(pairwise([*KINDS, "gzip"])))
def test_members_within_members_are_found(outer: str, inner: str) -> None:
    hits, limits = look(KINDS[outer](b"head" + KINDS[inner](LINE)))
    assert hits == [(outer, inner)]
    assert limits.members == 2


def test_what_is_cut_or_damaged_is_looked_through_up_to_there() -> None:
    data = gzip.compress(LINE + random.Random(6).randbytes(30_000))
    assert look(data[:-20_000])[0] == [("gzip",)]
    compress = zlib.compressobj()
    # A block of type 3, which there is not, where the next one would begin.
    damaged = compress.compress(LINE) + compress.flush(zlib.Z_SYNC_FLUSH) + b"\x07" + bytes(20_000)
    assert look(damaged)[0] == [("zlib",)]
    assert b"".join(Member("zlib").feed(memoryview(damaged))) == LINE


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_fills_no_memory(kind: str) -> None:
    bomb = KINDS[kind](bytes(48 << 20))
    tracemalloc.start()
    _, limits = look(bomb)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert limits.members == 1
    assert most < 16 << 20
    assert inflated(bomb, 1 << 20) is None


def test_what_inflates_to_more_than_is_looked_through_is_told() -> None:
    _, limits = look(gzip.compress(bytes(2 << 20)), limits=Limits(inflated=1 << 20))
    assert limits.problems == ["what is compressed in it inflates to more than 8 GiB"]


def test_what_lies_too_deep_is_told() -> None:
    data = random.Random(7).randbytes(8000)
    for _ in range(5):
        data = gzip.compress(data)
    assert look(data)[1].problems == ["compressed members lie more than 4 deep"]


def test_too_many_members_at_a_time_are_told() -> None:
    # Each begins a stored block of 64 KiB, in which all that come after begin.
    begin = zlib.compress(b"", 0)[:2] + b"\x00\xff\xff\x00\x00"
    assert any("too many" in problem for problem in look(begin * 200)[1].problems)


def test_a_zip_member_that_cannot_be_read_is_told() -> None:
    data = bytearray(zipped(LINE))
    data[6] |= 1
    assert look(bytes(data))[1].problems == ["a ZIP member is encrypted, at 0"]
    data = bytearray(zipped(LINE))
    data[8] = 98
    assert "compressed with method 98" in look(bytes(data))[1].problems[0]


def test_a_member_that_asks_for_too_much_memory_is_told() -> None:
    wide = lzma.compress(LINE, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}])
    assert look(wide)[1].problems == ["a xz member asks for too much memory, at 0"]


def test_pieces_are_short() -> None:
    member = Member("gzip")
    pieces = list(member.feed(memoryview(gzip.compress(bytes(1 << 20)))))
    assert sum(map(len, pieces)) == 1 << 20
    assert max(map(len, pieces)) <= 1 << 16
    assert member.state == "whole"
