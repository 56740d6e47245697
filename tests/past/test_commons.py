"""Counts of everybody: what was noted is counted, for a year at most, however it is stored and loaded again."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.past import commons as commons_module
from sentinel.past.commons import KEPT, LEVELS, PERIOD, CommonRow, Commons, Level, name_of, period_of
from tests.builders import common_rows

KEY = b"k" * 32
#: A first day of a period.
FIRST = 200 * PERIOD
Note = tuple[str, str, int]

VALUES = [("account", ""), *((level, value) for level in ("address", "country", "hour") for value in "123")]
NOTES = st.lists(
    st.tuples(st.sampled_from(VALUES), st.integers(FIRST, FIRST + 9 * PERIOD - 1)).map(
        lambda note: (*note[0], note[1])
    ),
    max_size=40,
)


def noted(notes: Iterable[Note], *, key: bytes = KEY, rows: Iterable[CommonRow] = ()) -> Commons:
    commons = Commons(key, rows)
    for level, value, day in notes:
        commons.note(level, value, day)
    return commons


def counts(commons: Commons, notes: Iterable[Note]) -> dict[tuple[str, str], int]:
    return {(level, value): commons.number(level, value) for level, value, _ in notes}


class Stored:
    """What a store makes of changes: the last row of each value."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], CommonRow] = {}

    def take(self, commons: Commons) -> None:
        for key, row in commons.take_changed().items():
            if row is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = row


@given(NOTES)
def test_what_was_noted_within_the_periods_kept_is_counted(notes: list[Note]) -> None:
    newest = -1
    expected: Counter[tuple[str, str, int]] = Counter()
    for level, value, day in notes:
        newest = max(newest, period_of(day))
        if period_of(day) > newest - KEPT:
            expected[level, value, period_of(day)] += 1
    kept: Counter[tuple[str, str]] = Counter()
    for (level, value, period), number in expected.items():
        if period > newest - KEPT:
            kept[level, value] += number
    commons = noted(notes)
    assert counts(commons, notes) == {(level, value): kept[level, value] for level, value, _ in notes}
    assert commons.number("account", "") == sum(number for (level, _), number in kept.items() if level == "account")


@given(NOTES)
def test_nothing_older_than_364_days_is_counted(notes: list[Note]) -> None:
    newest = max((day for *_, day in notes), default=0)
    fresh = {(level, value) for level, value, day in notes if newest - day < KEPT * PERIOD}
    commons = noted(notes)
    assert KEPT * PERIOD == 364
    assert {key for key, number in counts(commons, notes).items() if number} <= fresh


@given(NOTES)
def test_rows_make_the_same_counts(notes: list[Note]) -> None:
    commons = noted(notes)
    again = Commons(KEY, common_rows(commons))
    assert common_rows(again) == common_rows(commons)
    assert again.period == commons.period


@given(NOTES, st.integers(1, 7))
def test_a_restart_at_any_moment_changes_nothing(notes: list[Note], size: int) -> None:
    """Rows that a store keeps are of different periods: each is as it was when the value was counted last."""
    whole, stored = Commons(KEY), Stored()
    for at in range(0, len(notes), size):
        part = notes[at : at + size]
        for level, value, day in part:
            whole.note(level, value, day)
        stored.take(noted(part, rows=stored.kept.values()))
    again = Commons(KEY, stored.kept.values())
    assert common_rows(again) == common_rows(whole)
    for level, value, _ in notes:
        assert again.share(level, value) == whole.share(level, value)
    assert [again.around(hour) for hour in range(24)] == [whole.around(hour) for hour in range(24)]


def test_only_what_changed_is_stored_and_told_once() -> None:
    commons = noted([("country", "FR", FIRST), ("country", "DE", FIRST)])
    assert len(commons.take_changed()) == 2
    commons.note("country", "FR", FIRST + PERIOD)
    number = [level.name for level in LEVELS].index("country")
    name = name_of(KEY, "country", "FR")
    slots = [0] * KEPT
    slots[period_of(FIRST) % KEPT] = slots[(period_of(FIRST) + 1) % KEPT] = 1
    assert commons.take_changed() == {
        (number, name): CommonRow(number, name, period_of(FIRST) + 1, tuple(slots)),
    }
    assert commons.take_changed() == {}


def test_a_value_that_grew_too_old_in_memory_is_dropped_when_it_changed_before() -> None:
    commons = noted([("country", "FR", FIRST)])
    commons.note("country", "DE", FIRST + KEPT * PERIOD)
    changed = commons.take_changed()
    assert sorted(row is None for row in changed.values()) == [False, True]


def test_late_events_count_in_their_own_period() -> None:
    commons = noted([("country", "FR", FIRST + 3 * PERIOD), ("country", "FR", FIRST), ("country", "DE", FIRST)])
    assert (commons.number("country", "FR"), commons.number("country", "DE")) == (2, 1)
    # Older than anything that is kept.
    commons.note("country", "JP", FIRST - 1)
    assert commons.number("country", "JP") == 0
    commons.note("country", "JP", FIRST + 4 * PERIOD)
    assert (commons.number("country", "FR"), commons.number("country", "DE")) == (1, 0)


def test_a_pause_of_years_leaves_nothing() -> None:
    commons = noted([("country", "FR", FIRST), ("account", "", FIRST), ("account", "", FIRST + 40 * PERIOD)])
    assert (commons.number("account", ""), commons.number("country", "FR"), len(common_rows(commons))) == (1, 0, 1)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Levels that hold eight values."""
    levels = tuple(Level(level.name, level.prior, 8) for level in LEVELS)
    monkeypatch.setattr(commons_module, "LEVELS", levels)
    return 8


def test_a_level_is_bounded_and_the_rarest_and_longest_unused_go_first(few: int) -> None:
    commons = Commons(KEY)
    for number in range(few):
        for _ in range(1 + (number >= 4)):  # four of one account, four of two
            commons.note("address", f"a{number}", FIRST + (PERIOD if number in (0, 5) else 0))
    commons.take_changed()
    commons.note("address", "new", FIRST + PERIOD)
    # A quarter went: two of one account, of which the one that was used last is not.
    numbers = [commons.number("address", f"a{number}") for number in range(few)]
    assert (numbers.count(0), numbers[0], numbers[4:]) == (2, 1, [2, 2, 2, 2])
    dropped = [name for (_, name), row in commons.take_changed().items() if row is None]
    assert len(dropped) == 2


@settings(max_examples=30)
@given(st.lists(st.integers(0, 40), max_size=120), st.integers(1, 9))
def test_pruning_is_bounded_the_same_everywhere_and_in_the_totals(values: list[int], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commons_module, "LEVELS", tuple(Level(level.name, level.prior, 8) for level in LEVELS))
        notes = [("address", str(value), FIRST + value * 9) for value in values]
        whole, stored = Commons(KEY), Stored()
        for at in range(0, len(notes), size):
            part = notes[at : at + size]
            for level, value, day in part:
                whole.note(level, value, day)
                assert len(common_rows(whole)) <= 8
            stored.take(noted(part, rows=stored.kept.values()))
        assert common_rows(Commons(KEY, stored.kept.values())) == common_rows(whole)
        assert sum(sum(row.counts) for row in common_rows(whole)) == whole._totals[0]


def test_shares_lie_between_0_and_1_and_begin_at_the_prior() -> None:
    commons = Commons(KEY)
    for level in LEVELS:
        assert commons.share(level.name, "x") == pytest.approx(level.prior)
    for number in range(1000):
        commons.note("account", "", FIRST)
        commons.note("country", "FR", FIRST)
        commons.note("address", str(number), FIRST)
    assert commons.share("country", "FR") == pytest.approx(1.0, abs=0.03)
    assert commons.share("country", "JP") < 0.001
    assert 0 < commons.share("address", "unknown") < commons.share("address", "1") < 0.002


def test_hours_are_told_by_the_five_around_them() -> None:
    commons = Commons(KEY)
    assert [commons.around(hour) for hour in range(24)] == pytest.approx([4 / 24] * 24)
    for _ in range(100_000):
        commons.note("hour", "23", FIRST)
    assert [round(commons.around(hour), 2) for hour in (20, 21, 22, 23, 0, 1, 2)] == [0, 0.5, 1, 1, 1, 0.5, 0]


def test_hours_told_once_follow_what_is_noted_and_what_grows_old() -> None:
    commons = noted([("hour", "3", FIRST)])
    shares = [commons.around(3)]
    commons.note("hour", "3", FIRST)
    shares.append(commons.around(3))
    commons.note("account", "", FIRST + KEPT * PERIOD)
    shares.append(commons.around(3))
    assert shares == pytest.approx([(20 / 6 + 1) / 21, (20 / 6 + 2) / 22, 1 / 6])


def test_names_say_nothing_without_the_key_and_differ_by_level() -> None:
    names = {name_of(key, level, "FR") for key in (KEY, b"other") for level in ("country", "network")}
    assert len(names) == 4
    assert all(-(2**63) <= name < 2**63 for name in names)
    assert name_of(KEY, "agent", "\ud800") != name_of(KEY, "agent", "?")
