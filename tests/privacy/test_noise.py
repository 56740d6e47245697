"""Noise: the distribution it claims, exactly, and from the system's own source."""

import inspect
from collections import Counter
from fractions import Fraction
from math import exp, sqrt
from random import Random
from secrets import SystemRandom

import pytest

from sentinel.privacy.noise import chance_of, discrete_laplace, least_told, spread

DRAWS = 40_000


def probability(x: int, scale: Fraction) -> float:
    q = exp(-1 / scale)
    return (1 - q) / (1 + q) * q ** abs(x)


@pytest.mark.parametrize("scale", [Fraction(2), Fraction(40, 13), Fraction(1, 2), Fraction(1, 50_000)])
def test_each_number_comes_as_often_as_the_distribution_says(scale: Fraction) -> None:
    random = Random(7)  # a fixed seed: this test gives the same answer for ever
    drawn = [discrete_laplace(scale, random) for _ in range(DRAWS)]
    seen = Counter(drawn)
    for x in range(-6, 7):
        expected = probability(x, scale)
        error = sqrt(expected * (1 - expected) / DRAWS)
        assert abs(seen[x] / DRAWS - expected) <= 5 * error + 1e-12, x
    deviation = spread(scale)
    assert abs(sum(drawn) / DRAWS) <= 5 * deviation / sqrt(DRAWS)
    measured = sqrt(sum(x * x for x in drawn) / DRAWS)
    assert measured == pytest.approx(deviation, rel=0.05, abs=0.01)


def test_noise_is_drawn_from_the_system() -> None:
    source = inspect.signature(discrete_laplace).parameters["random"].default
    assert isinstance(source, SystemRandom)
    assert len({discrete_laplace(Fraction(10**12)) for _ in range(20)}) == 20


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(2), Fraction(80)])
def test_chances_are_sums_of_the_distribution(scale: Fraction) -> None:
    for least in (1, 2, 20):
        assert chance_of(least, scale) == pytest.approx(sum(probability(x, scale) for x in range(least, 9_000)))
    variance = sum(x * x * probability(x, scale) for x in range(-9_000, 9_001))
    assert spread(scale) == pytest.approx(sqrt(variance))


@pytest.mark.parametrize("scale", [Fraction(1, 1000), Fraction(1, 2), Fraction(2), Fraction(4), Fraction(80)])
@pytest.mark.parametrize("cells", [1, 3, 252])
def test_the_least_told_is_the_smallest_that_noise_seldom_reaches(scale: Fraction, cells: int) -> None:
    least = least_told(scale, cells, 0.01)
    assert cells * chance_of(least, scale) <= 0.01
    assert least == 1 or cells * chance_of(least - 1, scale) > 0.01
