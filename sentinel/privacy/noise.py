"""Whole-number Laplace noise, drawn exactly: no floating point, whose gaps give the true number away (Mironov 2012).

The discrete Laplace distribution of scale b gives x with probability (1 - q) / (1 + q) * q^|x|, q = exp(-1/b). Added to
counts that one person changes by at most d in sum, it is (d/b)-differentially private (Ghosh, Roughgarden and
Sundararajan 2009).
"""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, exp, expm1, log, sqrt
from random import Random
from secrets import SystemRandom
from typing import Final

#: Draws noise of a scale.
Noise = Callable[[Fraction], int]

#: The system's own source: it cannot be seeded, so that nobody draws the same noise again.
_SYSTEM: Final = SystemRandom()


def discrete_laplace(scale: Fraction, random: Random = _SYSTEM) -> int:
    """One draw of noise of ``scale`` (above 0), by Canonne, Kamath and Steinke 2020, algorithm 2.

    ``random`` is for tests; anything but the system's source would let the noise be taken off again.
    """
    top, bottom = scale.numerator, scale.denominator
    while True:
        rest = random.randrange(top)
        if not _happens(rest, top, random):
            continue
        whole = 0
        while _happens(1, 1, random):
            whole += 1
        size = (rest + top * whole) // bottom
        if random.getrandbits(1):
            return size
        if size:  # zero has one sign only
            return -size


def _happens(top: int, bottom: int, random: Random) -> bool:
    """True with probability exp(-top/bottom), for a quotient from 0 to 1 (the same, algorithm 1)."""
    step = 1
    while random.randrange(bottom * step) < top:
        step += 1
    return step % 2 == 1


def chance_of(least: int, scale: Fraction) -> float:
    """How likely noise of ``scale`` alone reaches ``least`` (1 or more).

    >>> round(chance_of(1, Fraction(1)), 4)
    0.2689
    """
    return exp(-least / scale) / (1 + exp(-1 / scale))


def least_told(scale: Fraction, cells: int, chance: float) -> int:
    """The smallest number that the noise of ``cells`` empty cells reaches with at most ``chance`` in any of them
    (by the union bound).

    >>> least_told(Fraction(2), 252, 0.01)
    20
    """
    return max(1, ceil(float(scale) * (log(cells / chance) - log(1 + exp(-1 / scale)))))


def spread(scale: Fraction) -> float:
    """The standard deviation of noise of ``scale``.

    >>> round(spread(Fraction(2)), 2)
    2.8
    """
    q = exp(-1 / scale)
    return sqrt(2 * q) / -expm1(-1 / scale)
