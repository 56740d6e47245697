"""What every source promises (sentinel.sources.line.Source). A source without a sample here fails."""

import io
from collections.abc import Iterator

import pytest

from sentinel.errors import FieldError
from sentinel.events.event import Event, convert_event, decode_event
from sentinel.sources import SOURCES, Line, Options, SourceError, cut
from sentinel.sources.line import MAX_LINE, Ids
from sentinel.sources.rba import COLUMNS

RBA_HEADER = ",".join(("index", *COLUMNS)).encode() + b"\n"

#: Lines before the first event, a line that is one event, and a bad line.
SAMPLES: dict[str, tuple[list[bytes], bytes, bytes]] = {
    "native": (
        [],
        b'{"time": "2026-01-01T12:00:00Z", "account": "u-1", "outcome": "success"}\n',
        b'{"time": "yesterday"}\n',
    ),
    "rba": (
        [RBA_HEADER],
        b"0,2020-02-03 12:43:30.772,-42,,192.0.2.1,NO,-,-,29695,Firefox,True,False,False\n",
        b"0,2020-02-03 12:43:30.772,-42,,192.0.2.1,NO,-,-,29695,Firefox,perhaps,False,False\n",
    ),
    "sshd": (
        [],
        b"Feb 12 14:10:21 host sshd[16]: Failed password for alice from 192.0.2.1 port 5 ssh2\n",
        b"so and so\n",
    ),
}

every = pytest.mark.parametrize("name", SOURCES)


def read(name: str, *lines: bytes) -> list[Line]:
    before, _, _ = SAMPLES[name]
    return list(SOURCES[name]([*before, *lines], Options(year=2026)))


@every
def test_a_line_is_an_event_with_its_number(name: str) -> None:
    before, good, _ = SAMPLES[name]
    [line] = read(name, b"\n", b"  \r\n", good.replace(b"\n", b"\r\n"))
    assert isinstance(line.item, Event)
    assert line.number == len(before) + 3


@every
def test_a_bad_line_is_an_error_and_reading_goes_on(name: str) -> None:
    before, good, bad = SAMPLES[name]
    lines = read(name, good, bad, b"\xff\xfe\x00\n", good)
    assert [isinstance(line.item, FieldError) for line in lines] == [False, True, True, False]
    assert [line.number - len(before) for line in lines] == [1, 2, 3, 4]


@every
def test_an_event_is_there_before_the_next_line_is_asked_for(name: str) -> None:
    before, good, _ = SAMPLES[name]

    def pipe() -> Iterator[bytes]:
        yield from before
        yield good
        raise AssertionError("asked for another line first")

    line = next(iter(SOURCES[name](pipe(), Options(year=2026))))
    assert isinstance(line.item, Event)


@every
def test_an_overlong_line_is_an_error(name: str) -> None:
    _, good, _ = SAMPLES[name]
    first, second = read(name, b"x" * (MAX_LINE + 1) + b"\n", good)[-2:]
    assert isinstance(first.item, FieldError)
    assert str(MAX_LINE) in str(first.item)
    assert isinstance(second.item, Event)


@every
def test_ids_are_of_content_and_occurrence(name: str) -> None:
    _, good, _ = SAMPLES[name]
    once, again = read(name, good, good), read(name, good, good)
    assert once == again
    ids = [line.item.id for line in once if isinstance(line.item, Event)]
    assert len(set(ids)) == 2
    assert all(identity and identity.startswith("f-") and len(identity) == 22 for identity in ids)


def test_every_event_passes_as_one_posted_in_a_file() -> None:
    for name, (_, good, _) in SAMPLES.items():
        [line] = read(name, good)
        assert isinstance(line.item, Event)
        assert convert_event(line.item) == line.item


def test_cut_keeps_lines_and_shortens_overlong_ones() -> None:
    full = b"f" * MAX_LINE + b"\r\n"
    huge = b"h" * (5 * MAX_LINE + 3) + b"\n"
    lines = list(cut(io.BytesIO(b"one\n\n" + full + huge + b"two\n" + huge.rstrip())))
    assert lines[:3] == [b"one\n", b"\n", full]
    assert MAX_LINE < len(lines[3]) <= MAX_LINE + 2
    assert lines[4] == b"two\n"
    assert MAX_LINE < len(lines[5]) <= MAX_LINE + 2
    assert len(lines) == 6


def test_cut_never_asks_for_more_than_a_line() -> None:
    class Stream(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size <= MAX_LINE + 2
            return super().readline(size)

    assert [len(line) > MAX_LINE for line in cut(Stream(b"x" * 1_000_000 + b"\nend"))] == [True, False]


def test_an_event_keeps_its_own_id() -> None:
    event = decode_event(b'{"id": "e-1", "time": "2026-01-01T12:00:00Z", "type": "logout", "account": "u-1"}')
    assert Ids().name(event) is event


def test_occurrences_are_counted_in_bounded_memory() -> None:
    def event(account: int) -> Event:
        return convert_event({"time": "2026-01-01T12:00:00Z", "type": "logout", "account": f"u-{account}"})

    ids = Ids(limit=3)
    first = ids.name(event(0)).id
    assert ids.name(event(0)).id != first
    for account in range(1, 4):
        ids.name(event(account))
    assert len(ids._seen) == 3
    assert ids.name(event(0)).id == first


@pytest.mark.parametrize("zone", ["Atlantis/Capital", "../etc/passwd", ""])
def test_a_time_zone_that_is_none(zone: str) -> None:
    with pytest.raises(SourceError, match="--timezone"):
        list(SOURCES["sshd"]([SAMPLES["sshd"][1]], Options(year=2026, timezone=zone)))
