"""The stability index, bins, and when of what counts say somebody should hear."""

from collections.abc import Callable, Sequence
from math import inf, log, nan
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.models.drift import FLOOR, LEAST, SCORE, Binned, Bins, Reference, moved, psi
from sentinel.models.drifted import DayCount, Report, report, told
from sentinel.models.features import NAMES
from tests.models.made import even

SHARES = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=11).map(lambda all: [each / sum(all) for each in all])


# The index


def test_by_hand() -> None:
    # Ten and ten of a hundred moved from the ends to the middle.
    expected, actual = [0.3, 0.4, 0.3], [0.2, 0.6, 0.2]
    assert psi(expected, actual) == pytest.approx(2 * 0.1 * log(1.5) + 0.2 * log(1.5))
    assert psi([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]) == 0
    # A bin that was empty counts as one in a thousand, not as infinitely far.
    assert psi([1.0, 0.0], [0.5, 0.5]) == pytest.approx(0.5 * log(2) + (0.5 - FLOOR) * log(0.5 / FLOOR))


@given(SHARES, st.randoms())
def test_zero_if_and_only_if_nothing_moved(shares: list[float], chance: Random) -> None:
    other = shares[:]
    chance.shuffle(other)
    there, back = psi(shares, other), psi(other, shares)
    assert there == pytest.approx(back)
    assert psi(shares, shares) == 0
    assert there > 0 or all(a == pytest.approx(b) for a, b in zip(shares, other, strict=True))


@given(SHARES, st.randoms())
def test_the_order_of_bins_is_all_the_same(shares: list[float], chance: Random) -> None:
    pairs = list(zip(shares, shares[::-1], strict=True))
    before = psi(*zip(*pairs, strict=True))
    chance.shuffle(pairs)
    assert psi(*zip(*pairs, strict=True)) == pytest.approx(before)


def test_chance_alone_exceeds_the_bound_once_in_a_thousand_and_has_the_mean_that_is_told() -> None:
    chance = Random(1)  # repeatable
    bins = Bins(edges=tuple(float(n) for n in range(9)), shares=(0.0, *[0.1] * 10))
    found = []
    for _ in range(3000):
        counts = [0] * 11
        for place in chance.choices(range(1, 11), k=300):
            counts[place] += 1
        found.append(moved(bins, counts, logins=300, learned=1e9))
    above = sum(each.psi > each.bound for each in found)
    mean = sum(each.psi for each in found) / len(found)
    assert 0 < above < 15
    assert mean == pytest.approx(found[0].noise, rel=0.1)


def test_what_chance_may_have_done_is_nothing() -> None:
    bins = Bins(edges=tuple(float(n) for n in range(9)), shares=(0.0, *[0.1] * 10))
    counts = [0, *[3, 7] * 5]
    few = moved(bins, counts, logins=50, learned=1e6)
    assert (few.psi == pytest.approx(0.17, abs=0.01), few.beyond) == (True, 0)
    many = moved(bins, [20 * count for count in counts], logins=1000, learned=1e6)
    assert many.psi == pytest.approx(few.psi)
    assert many.beyond == pytest.approx(many.psi - 9 / 1000, abs=1e-4)


# Bins


def test_where_values_are_counted() -> None:
    reference = Reference(
        features=(Bins(edges=(0.0, 1.0), shares=(0.25, 0.25, 0.25, 0.25)),),
        score=Bins(edges=(0.5,), shares=(0.0, 0.9, 0.1)),
        logins=10,
        scored=10,
    )
    binned = Binned(reference)
    counts = [0] * binned.width
    for value in (nan, -3.0, 0.0, 1e-9, 1.0, 1.5, inf):
        binned.enter(counts, (value,), 0.5)
    assert [list(part) for part in binned.parts(counts)] == [[1, 2, 2, 2], [0, 7, 0]]


@pytest.mark.parametrize(
    ("edges", "shares"),
    [
        ((1.0, 1.0), (0.25, 0.25, 0.25, 0.25)),
        ((inf,), (0.5, 0.5, 0.0)),
        ((1.0,), (0.5, 0.5)),
        ((1.0,), (1.5, -0.5, 0.0)),
        ((1.0,), (0.5, 0.4, 0.0)),
    ],
)
def test_bins_that_do_not_fit_together(edges: tuple[float, ...], shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="bin"):
        Bins(edges=edges, shares=shares)


# What is told

TODAY = 20_000
REFERENCE = even(len(NAMES))
#: In each feature a third is unknown, a third in each other bin; so it is with the score.
Draw = Callable[[str], Sequence[float]]


def day(number: int, logins: int, draw: Draw, chance: Random, shift: int = 0) -> DayCount:
    counts: list[int] = []
    for name in (*NAMES, SCORE):
        part = [0, 0, 0]
        for place in chance.choices(range(3), draw(name), k=logins):
            part[place] += 1
        counts += part
    return DayCount(day=number, shift=shift, counts=counts)


def quiet(name: str) -> Sequence[float]:
    return 1, 1, 1


def other(*names: str) -> Draw:
    """In some features half of all logins moved to the first bin."""
    return lambda name: (10, 1, 1) if name in names else (1, 1, 1)


def judged(*draws: Draw, logins: int = 300, **more: int) -> Report:
    """The last days, the newest last."""
    chance = Random(7)  # repeatable
    counted = [day(TODAY - len(draws) + 1 + n, logins, draw, chance, **more) for n, draw in enumerate(draws)]
    return report(REFERENCE, NAMES, counted, TODAY)


def names(found: Report) -> set[str]:
    return {name for name, _ in found.shifted}


def test_thirty_quiet_days_are_no_drift() -> None:
    chance = Random(5)  # repeatable
    for logins in (60, 300):
        counted = [day(TODAY + n, logins, quiet, chance) for n in range(30)]
        assert [names(report(REFERENCE, NAMES, counted, each.day)) for each in counted] == [set()] * 30


def test_a_shift_is_told_after_days_and_not_after_one() -> None:
    shift = other("device_class_share", SCORE)
    assert names(judged(*[quiet] * 6, shift)) == set()
    assert names(judged(*[quiet] * 4, shift, shift, shift)) == {"device_class_share", SCORE}
    # Two of three days, and the week with them.
    found = judged(*[quiet] * 3, shift, shift, quiet, shift)
    assert names(found) == {"device_class_share", SCORE}
    assert 0.1 < found.week.beyond(SCORE) < 0.25
    # One day on which many came is one day.
    chance = Random(5)  # repeatable
    counted = [day(TODAY - 6 + n, 300 if n < 6 else 1200, quiet if n < 6 else shift, chance) for n in range(7)]
    once = report(REFERENCE, NAMES, counted, TODAY)
    assert 0.1 < once.week.beyond(SCORE) < 0.25 < once.days[TODAY].beyond(SCORE)
    assert names(once) == set()
    # It was, and is no more.
    assert names(judged(quiet, shift, shift, shift, quiet, quiet, quiet)) == set()


def test_what_comes_with_the_weekend_is_none() -> None:
    week = [lambda name: (3, 3, 2)] * 5 + [lambda name: (1, 1, 4)] * 2
    chance = Random(5)  # repeatable
    counted = [
        day(TODAY - 6 + n, 600 if n < 5 else 300, draw, chance)  # type: ignore[arg-type]  # lambdas
        for n, draw in enumerate(week)
    ]
    found = report(REFERENCE, NAMES, counted, TODAY)
    assert found.days[TODAY].beyond("weekday_share") > 0.25
    assert names(found) == set()


def test_a_small_service_is_told_by_the_week() -> None:
    found = judged(*[other("network_share")] * 7, logins=LEAST - 1)
    assert all(not each.drifted for each in found.days.values())
    assert names(found) == {"network_share"}


def test_too_little_says_nothing() -> None:
    shift = other(*NAMES)
    few, short = judged(*[shift] * 7, logins=LEAST // 7), judged(*[shift] * 4)
    assert (few.enough, few.shifted, few.week.drifted) == (False, (), ())
    assert (short.enough, short.shifted) == (False, ())
    assert judged(*[shift] * 5).enough


def test_what_moves_by_itself_is_shown_and_not_told() -> None:
    by_itself = ("age", "logins", "agent_share", "device_novelty", "country_common")
    found = judged(*[other(*by_itself, "usual_distance")] * 7)
    assert names(found) == {"usual_distance"}
    assert found.week.beyond("age") > 0.25


def test_a_day_of_which_fewer_were_looked_at_weighs_as_much() -> None:
    chance = Random(5)  # repeatable
    before = [day(TODAY - 6 + n, 400, quiet, chance) for n in range(4)]
    after = [day(TODAY - 2 + n, 400, other("idle"), chance) for n in range(3)]
    assert report(REFERENCE, NAMES, [*before, *after], TODAY).week.beyond("idle") > 0.1
    # Four times as many came on the days before, so the three are little of the week.
    more = [msgspec.structs.replace(each, shift=2) for each in before]
    assert report(REFERENCE, NAMES, [*more, *after], TODAY).week.beyond("idle") < 0.1


def test_days_that_are_not_over_are_left_out() -> None:
    chance = Random(5)  # repeatable
    counted = [day(TODAY - 6 + n, 300, quiet if n < 4 else other("idle"), chance) for n in range(7)]
    assert names(report(REFERENCE, NAMES, counted, TODAY)) == {"idle"}
    before = report(REFERENCE, NAMES, counted, TODAY - 2)
    assert names(before) == set()
    assert (before.week.logins, max(before.days)) == (1500, TODAY - 2)


def test_in_words() -> None:
    many = told([("device_class_share", 1.2), (SCORE, 0.5), ("idle", 0.4), ("travel_speed", 0.3)])
    assert many == (
        "Share with this browser, system and type of device (device_class_share) 1.20; what the model says of them"
        " (score) 0.50; Time since the account was last about, log(1 + hours) (idle) 0.40; and 1 more"
    )
