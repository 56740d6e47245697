"""Times as sentinel keeps them: whole microseconds since 1970-01-01T00:00:00Z, called ``micros``.

Integers compare, subtract and pack without surprises (no float rounding, no time zones), and one text form
per instant keeps output byte-identical.
"""

import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


def now() -> int:
    """The clock, in micros. Only the edges read it; everything below is told the time."""
    return time.time_ns() // 1000


def to_micros(moment: datetime) -> int:
    """An aware ``datetime`` as micros."""
    return (moment - _EPOCH) // _TICK


def to_datetime(micros: int) -> datetime:
    """Micros as an aware UTC ``datetime``."""
    return _EPOCH + timedelta(microseconds=micros)


def to_text(micros: int) -> str:
    """Micros as RFC 3339 in UTC; the fraction is left out when it is zero.

    >>> to_text(0), to_text(1_500_000)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500000Z')
    """
    day, rest = divmod(micros, DAY)
    minutes, rest = divmod(rest, MINUTE)
    seconds, fraction = divmod(rest, SECOND)
    whole = f"{_date(day)}T{_MINUTES[minutes]}:{_SECONDS[seconds]}"
    return f"{whole}.{fraction:06}Z" if fraction else f"{whole}Z"


#: Looked up rather than written anew: every assessment has a time.
_MINUTES: Final = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)]
_SECONDS: Final = [f"{second:02}" for second in range(60)]


@lru_cache(1024)
def _date(day: int) -> str:
    return date_of(day).isoformat()


def utc_day(micros: int) -> int:
    """The number of the UTC day since 1970-01-01."""
    return micros // DAY


def date_of(day: int) -> date:
    """The date of a UTC day, by its number.

    >>> date_of(utc_day(DAY - 1)), date_of(day_of(date(2026, 4, 1)))
    (datetime.date(1970, 1, 1), datetime.date(2026, 4, 1))
    """
    return (_EPOCH + timedelta(days=day)).date()


def day_of(date: date) -> int:
    """The number of a UTC day, by its date."""
    return (date - _EPOCH.date()).days


def end_of(day: int) -> int:
    """The last moment (micros) of a UTC day."""
    return (day + 1) * DAY - 1
