"""When it is tried again."""

from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.clock import SECOND, to_datetime
from sentinel.hooks.schedule import LONGEST, WAITS, retry_after, wait

NOW = 1_800_000_000 * SECOND


def test_ten_tries_over_75_hours_as_the_standard_advises() -> None:
    assert WAITS == (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
    assert 75 * 3600 <= sum(WAITS) < 76 * 3600
    assert wait("m", len(WAITS)) is None


@given(st.text(), st.integers(0, len(WAITS) - 1))
def test_waits_are_spread_by_a_tenth_and_the_same_each_time(name: str, attempts: int) -> None:
    seconds = wait(name, attempts)
    assert seconds is not None
    assert abs(seconds - WAITS[attempts]) <= WAITS[attempts] / 10 + 1
    assert wait(name, attempts) == seconds


def test_what_failed_together_does_not_come_back_together() -> None:
    assert len({wait(f"m-{number}", 5) for number in range(100)}) > 50


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120), (" 7 ", 7), ("0", 0), ("-5", 0), ("soon", 0), ("", 0), ("9" * 400, LONGEST),
        ("²", 0), (f"Fri, 31 Dec {'9' * 20} 00:00:00 GMT", 0),
        (format_datetime(to_datetime(NOW + 90 * SECOND), usegmt=True), 90),
        (format_datetime(to_datetime(NOW - 90 * SECOND), usegmt=True), 0),
        (None, 0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: int) -> None:
    assert retry_after(value, NOW) == seconds
