"""Times as sentinel keeps them: whole microseconds since 1970-01-01T00:00:00Z, called ``micros``.

Integers compare, subtract and pack without surprises (no float rounding, no time zones), and one text form
per instant keeps output byte-identical.
"""

import time
from datetime import UTC, datetime, timedelta
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
    seconds, fraction = divmod(micros, SECOND)
    return f"{_to_second(seconds)}.{fraction:06}Z" if fraction else f"{_to_second(seconds)}Z"


@lru_cache(4096)
def _to_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def utc_day(micros: int) -> int:
    """The number of the UTC day since 1970-01-01."""
    return micros // DAY
