"""System log lines of every usual form as one noun: who said what, and when.

Understood: classic syslog (``Feb 12 14:10:21 host sshd[1]: …``, year and zone from the options), syslog
with RFC 3339 stamps, ``journalctl -o short-iso`` and ``-o short-iso-precise``, and ``journalctl -o json``.
"""

import re
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from sentinel.errors import FieldError, SourceError
from sentinel.events.clock import to_datetime, to_micros
from sentinel.sources.line import Options


class Entry(NamedTuple):
    """One line of a system log. ``time`` is micros; ``pid`` is empty where the line has none."""

    time: int
    host: str
    program: str
    pid: str
    message: str


# Not from `calendar`, whose names follow the locale.
_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS: Final = {name: number for number, name in enumerate(_NAMES, 1)}
_TAG: Final = r"(?P<host>\S+) (?P<program>[^\s:\[\]]+)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)$"
_CLASSIC: Final = re.compile(r"(?:<\d{1,3}>)?(?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) " + _TAG, re.DOTALL)
_DATED: Final = re.compile(
    r"(?:<\d{1,3}>)?(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) " + _TAG,
    re.DOTALL,
)
#: A stamp and a host without "program: ", as the kernel's marks and "last message repeated" have it.
_UNTAGGED: Final = re.compile(r"(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d|\d{4}-\d\d-\d\dT)[ ]?\d\d:\d\d:\d\d\S* \S+")

#: A stamp that jumps back further than this has crossed into the next year.
_HALF_YEAR: Final = timedelta(days=183)
#: How far around the turn of the year lines may be out of order.
_NEW_YEAR: Final = timedelta(days=2)


class _Journal(msgspec.Struct):
    MESSAGE: str | list[int] | None = None
    realtime: str | None = msgspec.field(name="__REALTIME_TIMESTAMP", default=None)
    SYSLOG_IDENTIFIER: str | None = None
    comm: str | None = msgspec.field(name="_COMM", default=None)
    pid: str | None = msgspec.field(name="_PID", default=None)
    host: str | None = msgspec.field(name="_HOSTNAME", default=None)


_decode_journal: Final = msgspec.json.Decoder(_Journal).decode


class Reader:
    """Reads the lines of one input. It remembers the time of the last classic stamp, to see a year end."""

    def __init__(self, options: Options) -> None:
        self._year = options.year
        self._zone: tzinfo = options.zone()
        self._last: datetime | None = None

    def entry(self, line: bytes) -> Entry | None:
        """The line as an entry; ``None`` if it is a mark of the log itself, said by no program.

        Raises :class:`FieldError` for what is no line of a system log, and :class:`SourceError` for a line
        without a year when the options give none.
        """
        if line.startswith(b"{"):
            return _journal(line)
        # Other encodings than UTF-8 stay distinguishable and printable.
        text = line.decode("utf-8", "backslashreplace")
        if match := _CLASSIC.match(text):
            moment = self._dated(match["stamp"])
        elif match := _DATED.match(text):
            moment = _iso(match["stamp"])
        elif text.startswith("-- ") or _UNTAGGED.match(text):
            return None
        else:
            raise FieldError("", "expected a syslog line, as `Feb 12 14:10:21 host sshd[1]: …`, or a journal entry")
        return Entry(to_micros(moment), match["host"], match["program"], match["pid"] or "", match["message"])

    def _dated(self, stamp: str) -> datetime:
        if self._year is None:
            raise SourceError("the stamps of these lines have no year; give the first line's with --year")
        moment, last = _moment(stamp, self._year), self._last
        if last is not None and moment is not None:
            if last - moment > _HALF_YEAR:
                self._year += 1
                moment = _moment(stamp, self._year)
            elif moment - last > _HALF_YEAR:
                # A straggler of the old year among lines of the new one.
                before = _moment(stamp, self._year - 1)
                if before is not None and last - before < _NEW_YEAR:
                    return before.replace(tzinfo=self._zone)
        if moment is None:
            raise FieldError("time", f"there is no {stamp!r} in {self._year}; see --year")
        self._last = moment
        return moment.replace(tzinfo=self._zone)


@lru_cache(maxsize=1024)
def _moment(stamp: str, year: int) -> datetime | None:
    try:
        day, clock = int(stamp[4:6]), stamp[7:]
        return datetime(year, _MONTHS[stamp[:3]], day, int(clock[:2]), int(clock[3:5]), int(clock[6:8]))
    except (KeyError, ValueError):
        return None


def _iso(stamp: str) -> datetime:
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        raise FieldError("time", f"expected an RFC 3339 time, got {stamp!r}") from None


def _journal(line: bytes) -> Entry | None:
    try:
        entry = _decode_journal(line)
        time = int(entry.realtime or "")
        to_datetime(time)
    except msgspec.ValidationError as error:
        # A field that was logged twice is a list: no sshd does that.
        if b"MESSAGE" in line:
            return None
        raise FieldError("", f"not a journal entry: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FieldError("", f"not a JSON object: {error}") from None
    except (ValueError, OverflowError):
        raise FieldError(
            "__REALTIME_TIMESTAMP", "expected microseconds since 1970, as journalctl -o json writes"
        ) from None
    message = entry.MESSAGE
    if isinstance(message, list):  # how the journal writes what is not UTF-8
        try:
            message = bytes(message).decode("utf-8", "backslashreplace")
        except ValueError:
            return None
    program = entry.SYSLOG_IDENTIFIER or entry.comm
    if message is None or program is None:
        return None
    return Entry(time, entry.host or "", program, entry.pid or "", message)
