"""A clock that is not believed by its word alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.events.clock import DAY, HOUR, MINUTE
from sentinel.privacy.retention import due
from sentinel.privacy.sure_clock import AHEAD, BEHIND, PATIENCE, SETTLING, SureClock

START = 20_000 * DAY


def test_it_is_believed_while_it_goes_on_as_it_should() -> None:
    sure = SureClock(START, START, 0)
    assert all(sure.believes(START + hours * HOUR, hours * HOUR) for hours in range(0, 24 * 400, 7))


def test_a_jump_is_doubted_until_an_event_bears_it_out() -> None:
    sure = SureClock(START, START, 0)
    late = START + 40 * DAY
    assert not sure.believes(late, HOUR)
    assert "nothing expires until" in sure.doubt(late, HOUR)[0]
    # At once the sender may be the same machine, wrong with it.
    sure.witness(late, late, HOUR + SETTLING - 1)
    assert not sure.believes(late, HOUR + SETTLING - 1)
    sure.witness(late - MINUTE, late, HOUR + SETTLING)
    assert sure.believes(late, HOUR + SETTLING)


def test_an_old_event_bears_nothing_out() -> None:
    sure = SureClock(START, START + 40 * DAY, 0)
    sure.witness(START + HOUR, START + 40 * DAY, SETTLING)
    sure.witness(START + 40 * DAY - AHEAD - 1, START + 40 * DAY, SETTLING)
    assert not sure.believes(START + 40 * DAY, SETTLING)


def test_a_doubt_that_lasts_is_an_error() -> None:
    sure = SureClock(START, START + 3 * DAY, 0)
    text, lasts = sure.doubt(START + 3 * DAY, 0)
    assert (bool(text), lasts) == (True, False)
    assert sure.doubt(START + 3 * DAY + PATIENCE, PATIENCE)[1]
    sure.confirm(START + 4 * DAY, PATIENCE)
    assert sure.doubt(START + 4 * DAY, PATIENCE) == ("", False)


def test_a_clock_set_back_is_doubted_and_may_be_borne_out() -> None:
    sure = SureClock(START, START, 0)
    assert sure.believes(START - BEHIND, 0)
    assert not sure.believes(START - BEHIND - 1, 0)
    assert "behind" in sure.doubt(START - 400 * DAY, 0)[0]
    sure.witness(START - 400 * DAY, START - 400 * DAY, SETTLING)
    assert sure.believes(START - 400 * DAY, SETTLING)


def test_a_clock_set_right_again_needs_nobody() -> None:
    sure = SureClock(START, START, 0)
    assert not sure.believes(START + 400 * DAY, MINUTE)
    assert sure.believes(START + 2 * MINUTE, 2 * MINUTE)


def test_a_clock_that_creeps_ahead_is_not_followed() -> None:
    """Events bear out their own time, not the clock's."""
    sure = SureClock(START, START, 0)
    for hours in range(23):
        sure.witness(START + hours, START + hours * HOUR, 0)
    assert sure.believes(START + AHEAD, 0)
    assert not sure.believes(START + AHEAD + MINUTE, 0)


def test_a_late_event_raises_no_doubt() -> None:
    sure = SureClock(START, START, 0)
    sure.witness(START - 300 * DAY, START, 0)
    assert sure.sure(0) == START
    assert sure.believes(START, 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pass", "set", "event", "restart", "look"]),
        st.one_of(st.integers(-48, 48), st.integers(-400 * 24, 400 * 24)),  # hours
        st.integers(0, 3 * 24 * 60),  # minutes
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=400)
@given(STEPS, st.integers(1, 365))
def test_whatever_happens_to_the_clock_nothing_goes_before_its_last_day_begins(
    steps: list[tuple[str, int, int]], raw_days: int
) -> None:
    """Senders' clocks are right; this one is set anywhere, the machine is off for any time."""
    truth, ticks, off = START, 0, 0
    sure = SureClock(truth, truth, ticks)
    for what, hours, minutes in steps:
        match what:
            case "pass":
                truth, ticks = truth + minutes * MINUTE, ticks + minutes * MINUTE
            case "set":
                off = hours * HOUR
            case "event":
                # Over HTTP what is 5 minutes ahead of our clock is refused; it may have waited at the sender.
                event = truth - minutes * MINUTE // 8
                if event <= truth + off + 5 * MINUTE:
                    sure.witness(event, truth + off, ticks)
            case "restart":
                kept = sure.sure(ticks)
                truth, ticks = (
                    truth + abs(hours) * HOUR,
                    0,
                )  # the machine was off, and its clock that only counts with it
                sure = SureClock(kept, truth + off, ticks)
        if sure.believes(truth + off, ticks):
            gone = due(truth + off, raw_days).raw_through
            assert truth >= (gone + raw_days - 1) * DAY, "gone before its last day began"


@given(st.lists(st.integers(1, 60 * 24), min_size=1, max_size=50))
def test_with_a_right_clock_and_events_it_is_believed_soon_after_any_pause(pauses: list[int]) -> None:
    truth, ticks = START, 0
    sure = SureClock(truth, truth, ticks)
    for hours in pauses:
        kept = sure.sure(ticks)
        truth, ticks = truth + hours * HOUR, 0
        sure = SureClock(kept, truth, ticks)
        truth, ticks = truth + SETTLING, ticks + SETTLING
        sure.witness(truth - MINUTE, truth, ticks)
        assert sure.believes(truth, ticks)
