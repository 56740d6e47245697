"""What all sources share: options, the item they yield, the cutting of lines, ids for what has none."""

from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo
from hashlib import sha256
from typing import BinaryIO, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from sentinel.errors import FieldError, SourceError
from sentinel.events.event import MAX_EVENT, Event, Feedback, canonical

#: Longest line in bytes, without its end: the contract's limit of one event (CONTRACT §1).
MAX_LINE: Final = MAX_EVENT

#: Distinct events whose occurrences are counted at a time (about 10 MB). Equal events carry equal times, so
#: in a log they stand close together; two further apart than this get one id and count as one.
MAX_COUNTED: Final = 65_536


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has to say about lines that do not say it themselves.

    ``year`` is the year of the first line where stamps have none; ``timezone`` the IANA name of the zone of
    stamps without one (default UTC).
    """

    year: int | None = None
    timezone: str | None = None

    def zone(self) -> tzinfo:
        """The zone of stamps that name none. Raises :class:`SourceError` if there is no such zone."""
        if self.timezone is None:
            return UTC
        try:
            return ZoneInfo(self.timezone)
        except (KeyError, OSError, ValueError):
            raise SourceError(
                f"--timezone: no time zone {self.timezone!r}; give an IANA name, as Europe/Paris"
            ) from None


class Line(NamedTuple):
    """What one line was: an event, an answer, or what is wrong with it. ``number`` counts from 1."""

    number: int
    item: Event | Feedback | FieldError


class Source(Protocol):
    """Reads one format. Lazy: a line's events are yielded before the next line is asked for.

    Blank lines and lines known not to be about authentication yield nothing. A bad line yields its
    :class:`FieldError` and reading goes on. Raises :class:`SourceError` when no line can be read without an
    option or column that is missing.
    """

    def __call__(self, lines: Iterable[bytes], options: Options) -> Iterator[Line]: ...


def cut(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream as they come, in bounded memory.

    Of an overlong line only its first :data:`MAX_LINE` + 1 bytes are kept, enough for a source to refuse it;
    iterating over the file itself would first read all of it.
    """
    while line := stream.readline(MAX_LINE + 2):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(MAX_LINE)
        yield line


def numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes | FieldError]]:
    """Lines with their numbers, without their ends; blank ones left out, overlong ones as an error."""
    for number, line in enumerate(lines, 1):
        text = line.rstrip(b"\r\n")
        if len(text) > MAX_LINE:
            yield number, FieldError("", f"a line is at most {MAX_LINE} bytes; this one is longer")
        elif text and not text.isspace():
            yield number, text


class Ids:
    """Ids for the events of one input that have none: a hash of the content and of its occurrence number.

    Deterministic: the same input gives the same ids, so reading a file twice adds nothing.
    """

    def __init__(self, limit: int = MAX_COUNTED) -> None:
        self._seen: dict[bytes, int] = {}
        self._limit = limit

    def name(self, event: Event) -> Event:
        """The event with an id: its own, or ``f-`` and 20 hex digits."""
        if event.id is not None:
            return event
        digest = sha256(canonical(event))
        key = digest.digest()[:16]
        occurrence = self._seen.pop(key, 0) + 1
        self._seen[key] = occurrence
        if len(self._seen) > self._limit:
            del self._seen[next(iter(self._seen))]
        digest.update(b"\n%d" % occurrence)
        return msgspec.structs.replace(event, id=f"f-{digest.hexdigest()[:20]}")
