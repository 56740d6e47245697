"""Limits a minute, with moved clocks."""

from hypothesis import given
from hypothesis import strategies as st

from sentinel.alerts.rates import Bucket, Rates
from sentinel.events.clock import HOUR, MINUTE, SECOND

NOW = 20_000 * 24 * HOUR


def test_no_limit_is_no_limit() -> None:
    rates = Rates()
    assert all(rates.take("ada@example.org", NOW, urgent=False) is None for _ in range(10_000))
    assert rates.room(NOW, 10) == 10


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.integers(0, 2 * MINUTE), st.integers(1, 50)), min_size=1, max_size=60),
)
def test_in_no_minute_go_more_than_the_limit_and_a_burst(limit: int, asked: list[tuple[int, int]]) -> None:
    bucket, now, gone = Bucket(limit), NOW, []
    for pause, number in asked:
        now += pause
        for _ in range(min(number, bucket.room(now))):
            bucket.take()
            gone.append(now)
    assert bucket.room(bucket.free_at(now)) >= 1
    for first in gone:
        assert sum(first <= time < first + MINUTE for time in gone) <= limit + max(1, limit / 10) + 1


def test_a_domain_that_has_had_enough_does_not_hold_up_another() -> None:
    rates = Rates(per_domain_minute=6)
    assert rates.take("ada@example.org", NOW, urgent=False) is None
    assert rates.take("bob@EXAMPLE.org", NOW, urgent=False) == NOW + 10 * SECOND
    assert rates.take("bob@example.com", NOW, urgent=False) is None


def test_those_that_wait_come_back_one_after_the_other_and_urgent_ones_before_them() -> None:
    rates = Rates(per_domain_minute=6)
    rates.take("ada@example.org", NOW, urgent=False)
    times = [rates.take("ada@example.org", NOW, urgent=False) for _ in range(3)]
    assert times == [NOW + 10 * SECOND, NOW + 20 * SECOND, NOW + 30 * SECOND]
    assert rates.take("ada@example.org", NOW, urgent=True) == NOW + 10 * SECOND


def test_a_clock_that_was_set_back_neither_stops_mails_nor_lets_more_through() -> None:
    rates = Rates(per_minute=10)
    rates.take("ada@example.org", NOW, urgent=False)
    assert rates.room(NOW, 10) == 0
    assert rates.room(NOW - 24 * HOUR, 10) == 0
    assert rates.room(NOW - 24 * HOUR + 6 * SECOND, 10) == 1
    assert rates.free_at(NOW - 24 * HOUR + 7 * SECOND) == NOW - 24 * HOUR + 7 * SECOND
