"""What is due when: never early, never late, whatever day and setting."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.clock import DAY, HOUR, SECOND, end_of, to_micros
from sentinel.privacy.retention import KEEP_DAYS, due, ending_day, overdue_through

MOMENTS = st.integers(0, 40_000 * DAY)
RAW_DAYS = st.integers(1, KEEP_DAYS)


@given(MOMENTS, RAW_DAYS)
def test_a_day_is_due_within_its_last_day_and_never_before_that_begins(moment: int, raw_days: int) -> None:
    wanted = due(moment, raw_days)
    for through, days in ((wanted.raw_through, raw_days), (wanted.records_through, KEEP_DAYS)):
        last = through + days - 1  # the UTC day by whose end the newest day that is due has to be gone
        assert moment >= last * DAY + 23 * HOUR, "early"
        next_one = through + 1
        assert moment < (next_one + days - 1) * DAY + 23 * HOUR, "the next day is due as well and was left"
        assert overdue_through(moment, days) in (through, through - 1)


@given(st.integers(1, 40_000), RAW_DAYS)
def test_at_the_end_of_its_last_day_a_day_is_due_and_then_overdue(day: int, raw_days: int) -> None:
    last = day + raw_days - 1
    assert due(last * DAY - 1, raw_days).raw_through < day
    assert due(end_of(last), raw_days).raw_through == day
    assert overdue_through(end_of(last), raw_days) < day
    assert overdue_through(end_of(last) + 1, raw_days) == day


@given(st.lists(st.integers(-400, 400), max_size=30), MOMENTS, RAW_DAYS)
def test_no_clock_sequence_makes_due_what_its_furthest_moment_does_not(
    moves: list[int], start: int, raw_days: int
) -> None:
    """Nothing is remembered between two looks: a clock set back only makes less due."""
    moment, furthest, most = start, start, due(start, raw_days).raw_through
    for days in moves:
        moment = max(0, moment + days * DAY)
        furthest = max(furthest, moment)
        most = max(most, due(moment, raw_days).raw_through)
    assert most == due(furthest, raw_days).raw_through


def test_leap_days_count_like_any_other() -> None:
    first = datetime(2028, 2, 28, tzinfo=UTC)
    for after in range(4):  # 28th, leap day, 1st, 2nd
        day = to_micros(first + timedelta(days=after)) // DAY
        assert due(end_of(day), 1).raw_through == day
    year = to_micros(datetime(2028, 2, 29, tzinfo=UTC)) // DAY
    assert due(to_micros(datetime(2029, 2, 26, 23, tzinfo=UTC)), 365).raw_through == year - 1
    assert due(to_micros(datetime(2029, 2, 27, 23, tzinfo=UTC)), 365).raw_through == year


def test_summer_time_has_no_say() -> None:
    """The same moments, as clocks on a wall in Paris tell them around both changes of 2026."""
    paris = ZoneInfo("Europe/Paris")
    for change in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        days = [
            ending_day(to_micros((change + timedelta(minutes=10 * step)).astimezone(paris)))
            for step in range(-3 * 144, 3 * 144)
        ]
        assert [after - before for before, after in pairwise(days)].count(1) == 6
        assert set(days) == set(range(days[0], days[0] + 7))


def test_the_term_of_records_begins_with_a_day() -> None:
    wanted = due(1000 * DAY + 12 * HOUR, 30)
    assert wanted.records_through == 1000 - KEEP_DAYS
    assert wanted.before == (1001 - KEEP_DAYS) * DAY
    assert due(1000 * DAY + 23 * HOUR - SECOND, 30) == wanted
