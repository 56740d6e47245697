"""When a delivery is tried again."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final

from sentinel.events.clock import to_micros

#: Seconds between two tries, as Standard Webhooks 1.0 advises ("Retries"): ten tries over 75 hours.
WAITS: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
#: Longest that a target may ask to be left alone, in seconds.
LONGEST: Final = 86_400


def wait(name: str, attempts: int) -> int | None:
    """Seconds until the next try after ``attempts`` before this one; ``None``: there is none.

    Spread by a tenth either way, so that what failed together does not come back together. The spread comes from the
    event's name: a test knows the outcome.
    """
    if attempts >= len(WAITS):
        return None
    spread = sha256(f"{name}\x1f{attempts}".encode()).digest()[0] / 255 - 0.5
    return round(WAITS[attempts] * (1 + spread / 5))


def retry_after(value: str | None, now: int) -> int:
    """Seconds that a ``Retry-After`` (RFC 9110 section 10.2.3: seconds or a date) asks for at ``now`` (micros); 0 when
    it says nothing that can be read."""
    if value is None:
        return 0
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), LONGEST)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year of twenty digits is no C integer
        return 0
    seconds = (to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now) // 1_000_000
    return max(0, min(seconds, LONGEST))
