"""How long what is kept, and what is due when. Pure: no clock is read and nothing is touched.

Keys go by whole UTC days, so neither time zones nor summer time have a say.
"""

from datetime import UTC, date, datetime
from typing import Final

import msgspec

from sentinel.events.clock import DAY, HOUR, to_datetime, to_micros

#: Longest that records, pseudonyms, alerts and profile values not seen again are kept, in days: a promise to the
#: people, which no setting extends.
KEEP_DAYS: Final = 365
#: Longest that a mail is kept that could not be sent, and that one stands in the outbox after it was, in days.
MAIL_DAYS: Final = 30
#: Longest that is kept what a target of hooks was, or could not be, told: in days after it happened.
HOOK_DAYS: Final = 30
#: The hour of a day from which on what must be gone by its end goes: late enough to use the whole day, early enough to
#: be done by its end, and 23 hours after the earliest moment at which it may go (:mod:`sentinel.privacy.sure_clock`).
HOUR_OF_DAY: Final = 23
_LAST: Final = to_micros(datetime.max.replace(tzinfo=UTC))


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Through which UTC day (its number since 1970) raw values and records are due."""

    raw_through: int
    records_through: int

    @property
    def before(self) -> int:
        """The moment (micros) before which nothing is kept: the end of :attr:`records_through`."""
        return (self.records_through + 1) * DAY


def due(now: int, raw_days: int) -> Due:
    """What is due at ``now`` (micros).

    The raw values of day D go by the end of day D + ``raw_days`` - 1 and never before that day begins: from 23:00 on,
    or at the next chance. Records likewise with :data:`KEEP_DAYS`.

    >>> due(400 * DAY + 22 * HOUR, 1), due(400 * DAY + 23 * HOUR, 1)
    (Due(raw_through=399, records_through=35), Due(raw_through=400, records_through=36))
    """
    today = ending_day(now)
    return Due(raw_through=today - raw_days, records_through=today - KEEP_DAYS)


def ending_day(now: int) -> int:
    """The UTC day that retention takes ``now`` for: from :data:`HOUR_OF_DAY` on it is the next one."""
    return (now + DAY - HOUR_OF_DAY * HOUR) // DAY


def ending_date(now: int) -> date:
    """:func:`ending_day` as a date, at most the calendar's last.

    >>> ending_date(31 * DAY), ending_date(31 * DAY + 23 * HOUR)
    (datetime.date(1970, 2, 1), datetime.date(1970, 2, 2))
    """
    return to_datetime(min(ending_day(now) * DAY, _LAST)).date()


def overdue_through(now: int, days: int) -> int:
    """The UTC day through which what is kept for so many days must be gone already.

    >>> overdue_through(400 * DAY + 23 * HOUR, 1)
    399
    """
    return now // DAY - days
