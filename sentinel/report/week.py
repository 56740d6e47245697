"""When a weekly mail is due: by UTC, since days are."""

from sentinel.events.clock import DAY, MINUTE

#: 1970-01-01 was a Thursday; weekdays count from Monday.
_FIRST = 3


def last_time(now: int, weekday: int, minute: int) -> int:
    """The newest moment (micros) up to ``now`` that is ``minute`` minutes into a ``weekday`` (0: Monday).

    >>> last_time(10 * DAY, 6, 0) // DAY  # 1970-01-11 was a Sunday
    3
    """
    day = now // DAY
    day -= (day + _FIRST - weekday) % 7
    found = day * DAY + minute * MINUTE
    return found if found <= now else found - 7 * DAY


def report_id(time: int) -> str:
    """The id of the mail that is due at a moment: one a week, whoever makes it and how often.

    >>> report_id(10 * DAY)
    'report-10'
    """
    return f"report-{time // DAY}"
