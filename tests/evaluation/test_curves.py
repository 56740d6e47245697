"""Areas, thresholds and intervals against what counting every pair says."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.evaluation.curves import cut_bothering, pr_auc, roc, roc_auc, share, threshold_at

FEW = st.integers(0, 6).map(float)  # few values: many ties
SCORES = st.lists(FEW, min_size=1, max_size=30).map(sorted)


@given(SCORES, SCORES)
def test_roc_auc_is_the_share_of_pairs(attackers: list[float], people: list[float]) -> None:
    pairs = [(a > p) + (a == p) / 2 for a in attackers for p in people]
    assert roc_auc(attackers, people) == pytest.approx(sum(pairs) / len(pairs))
    swapped = roc_auc(people, attackers)
    assert swapped == pytest.approx(1 - sum(pairs) / len(pairs))


@given(SCORES, SCORES)
def test_roc_auc_is_the_area_under_the_curve_that_is_drawn(attackers: list[float], people: list[float]) -> None:
    curve = roc(attackers, people)
    assert curve[0] == (0, 0)
    assert curve[-1] == (1, 1)
    assert curve == sorted(curve)
    area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(curve))
    assert roc_auc(attackers, people) == pytest.approx(area)


@given(SCORES, SCORES)
def test_pr_auc_is_the_mean_precision_at_each_attacker(attackers: list[float], people: list[float]) -> None:
    precisions = []
    for score in attackers:
        caught, bothered = sum(a >= score for a in attackers), sum(p >= score for p in people)
        precisions.append(caught / (caught + bothered))
    assert pr_auc(attackers, people) == pytest.approx(sum(precisions) / len(precisions))


def test_areas_of_nobody_are_not_known() -> None:
    assert roc_auc([], [1.0]) is roc_auc([1.0], []) is pr_auc([], [1.0]) is pr_auc([1.0], []) is None
    assert threshold_at([], 0.98) is None
    assert share(0, 0) is None


@given(SCORES, st.sampled_from([0.5, 0.98, 0.99, 0.995, 0.999, 1.0]))
def test_the_threshold_is_the_highest_that_so_many_reach(attackers: list[float], rate: float) -> None:
    found = threshold_at(attackers, rate)
    best = max(score for score in attackers if sum(a >= score for a in attackers) / len(attackers) >= rate - 1e-12)
    assert found == best


def test_one_of_two_hundred_may_be_missed_at_995() -> None:
    assert threshold_at([float(n) for n in range(200)], 0.995) == 1.0
    assert threshold_at([float(n) for n in range(199)], 0.995) == 0.0


@given(SCORES, st.integers(0, 35))
def test_the_cut_bothers_no_more_people_and_no_lower_one_does(people: list[float], number: int) -> None:
    cut = cut_bothering(people, number)
    assert sum(p > cut for p in people) <= number
    lower = [score for score in {*people, -inf} if score < cut]
    assert all(sum(p > score for p in people) > number for score in lower)


def test_intervals_are_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    table = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (number, of), (low, high) in table.items():
        found = share(number, of)
        assert found is not None
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
