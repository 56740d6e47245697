"""Reliability and losses against counting, and the curve against what must hold of any."""

from itertools import pairwise
from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.evaluation.calibration import CONSTANT, Calibration, Isotonic, calibrate, reliability
from sentinel.evaluation.rows import Scored
from tests.evaluation.rows import legitimate, over, people, row


def told(rows: list[Scored], prior: float | None = None) -> Calibration:
    found = calibrate(over(rows), prior)
    assert found is not None
    return found


def honest(number: int, *, seed: int = 1, said: float = 1.0) -> list[Scored]:
    """Logins whose probability is right when ``said`` is 1, and else said so many times too high."""
    roll = Random(seed)
    rows = []
    for _ in range(number):
        true = roll.choice([0.005, 0.03, 0.15, 0.4, 0.8])
        label = "vpn" if roll.random() < true else "legitimate"
        rows.append(row(label, roll.random(), roll.random(), impostor=min(1.0, true * said)))
    return rows


def test_bins_hold_each_login_once_and_say_what_was_seen() -> None:
    cases = [(0.0, False), (0.01, False), (0.011, True), (0.5, True), (0.5, False), (1.0, True)]
    bins = {each.high: each for each in reliability(cases, 1.0)}
    assert {high: (each.logins, each.attackers) for high, each in bins.items()} == {
        0.01: (2, 0), 0.02: (1, 1), 0.5: (2, 1), 1.0: (1, 1),
    }  # fmt: skip
    half = bins[0.5]
    assert (half.expected, half.observed, half.ratio) == (0.5, 0.5, 1.0)
    assert half.observed_low < 0.5 < half.observed_high


def test_probabilities_that_are_right_have_a_ratio_of_one() -> None:
    for each in told(honest(20_000)).bins:
        assert each.observed_low <= each.expected <= each.observed_high
        assert each.ratio == pytest.approx(1, abs=0.2)
    twice = told(honest(20_000, said=2.0))
    assert [each.ratio for each in twice.bins][1:4] == pytest.approx([0.5] * 3, abs=0.1)


def test_attackers_weigh_so_much_that_their_share_is_the_prior() -> None:
    rows = [*[row("legitimate", 0, impostor=0.5)] * 90, *[row("vpn", 0, impostor=0.5)] * 10]
    (plain,), (weighed,) = told(rows).bins, told(rows, 0.5).bins
    assert (plain.observed, plain.ratio) == (0.1, 0.2)
    assert (weighed.observed, weighed.ratio) == (pytest.approx(0.5), pytest.approx(1))
    assert weighed.observed_low < 0.5 < weighed.observed_high


def test_the_constant_is_the_share_of_attackers_and_what_is_right_beats_it() -> None:
    rows = honest(4000)
    losses = {each.score: each for each in told(rows).losses}
    assert losses.keys() == {CONSTANT, "rules", "impostor", "reference"}
    assert {name for name, each in losses.items() if each.fitted} == {CONSTANT, "rules", "reference"}
    early, late = rows[:2000], rows[2000:]
    share = sum(not legitimate(each) for each in early) / 2000
    entropy = -sum(log(share if not legitimate(each) else 1 - share) for each in late) / 2000
    assert losses[CONSTANT].log_loss == pytest.approx(entropy)
    assert losses["impostor"].log_loss < losses[CONSTANT].log_loss < losses["reference"].log_loss
    assert losses["impostor"].brier < losses[CONSTANT].brier


def test_certainty_that_is_wrong_costs_much_but_not_everything() -> None:
    rows = [*honest(200), row("vpn", 1, impostor=0.0)]
    assert {each.score: each.log_loss for each in told(rows).losses}["impostor"] < 1


def test_sessions_and_attackers_of_many_tries_are_no_logins_of_one_probability() -> None:
    extra = [row("theft", 0, impostor=1.0, type="session_seen"), row("informed", 0, impostor=1.0)]
    assert told([*honest(300), *extra]) == told(honest(300))
    assert calibrate(over([row("legitimate", 0, impostor=1.0), *extra])) is None


def test_without_a_probability_there_is_nothing_to_say() -> None:
    assert calibrate(over([*people(1, 2), row("vpn", 3)])) is None


CASES = st.lists(st.tuples(st.integers(0, 8).map(float), st.booleans(), st.sampled_from([1.0, 3.0])), min_size=1)


@given(CASES)
def test_the_curve_rises_and_keeps_the_mean(cases: list[tuple[float, bool, float]]) -> None:
    scores, targets, weights = ([each[n] for each in cases] for n in range(3))
    curve = Isotonic(scores, [float(each) for each in targets], weights)
    values = [curve(score / 2) for score in range(-2, 20)]
    assert all(one <= other for one, other in pairwise(values))
    assert all(0 <= value <= 1 for value in values)
    fitted = sum(curve(score) * weight for score, weight in zip(scores, weights, strict=True))
    assert fitted == pytest.approx(sum(w for t, w in zip(targets, weights, strict=True) if t))


@given(CASES)
def test_the_curve_is_nearer_than_a_constant_and_as_near_as_min_max_says(
    cases: list[tuple[float, bool, float]],
) -> None:
    scores, targets, weights = ([each[n] for each in cases] for n in range(3))
    curve = Isotonic(scores, [float(each) for each in targets], weights)
    # The closed form: the greatest, over starts, of the least mean, over ends (Robertson et al. 1988).
    levels = sorted(set(scores))

    def mean(low: float, high: float) -> float:
        held = [(t, w) for s, t, w in cases if low <= s <= high]
        return sum(w for t, w in held if t) / sum(w for _, w in held)

    for level in levels:
        best = max(min(mean(a, b) for b in levels if b >= level) for a in levels if a <= level)
        assert curve(level) == pytest.approx(best)
