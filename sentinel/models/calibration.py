"""From a model's raw score to a number that means something: lines between points."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from math import exp
from typing import Final

import msgspec

#: More points than any fit on a million rows gave.
MAX_POINTS: Final = 100_000
#: Quantiles of the training rows' scores: 0, 0.1, … 100 per cent.
QUANTILES: Final = 1_001


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Isotonic regression (Zadrozny and Elkan 2002) as points ``x`` → ``y``: linear between them, flat beyond the ends.

    ``x`` increases, ``y`` never decreases; both lie in 0…1. Raises :class:`ValueError` otherwise.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or not 1 <= len(self.x) <= MAX_POINTS:
            raise ValueError(f"a calibration has 1 to {MAX_POINTS} points, each of x and y")
        if not all(0 <= x <= 1 for x in self.x) or any(a >= b for a, b in pairwise(self.x)):
            raise ValueError("x of a calibration are increasing numbers from 0 to 1")
        if not all(0 <= y <= 1 for y in self.y) or any(a > b for a, b in pairwise(self.y)):
            raise ValueError("y of a calibration are numbers from 0 to 1 that never decrease")

    def __call__(self, score: float) -> float:
        """The probability that belongs to a score."""
        return between(self.x, self.y, score)


class Percentiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What share of the training rows, by weight, scored less: ``quantiles`` are the scores at 0, 0.1, … 100 per cent.

    Frozen at training, so that a number means the same until the next one. Raises :class:`ValueError`.
    """

    quantiles: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.quantiles) != QUANTILES:
            raise ValueError(f"there are {QUANTILES} quantiles, not {len(self.quantiles)}")
        if not all(0 <= each <= 1 for each in self.quantiles) or any(a > b for a, b in pairwise(self.quantiles)):
            raise ValueError("quantiles are numbers from 0 to 1 that never decrease")

    def __call__(self, score: float) -> float:
        """The percentile of a score, 0 to 100. Where many training rows have one score, it is that of the first."""
        return between(self.quantiles, _PER_CENT, score)


_PER_CENT: Final = tuple(number / 10 for number in range(QUANTILES))


def between(x: Sequence[float], y: Sequence[float], at: float) -> float:
    """``y`` at a place among the ``x``, on the line between the two points beside it."""
    after = bisect_left(x, at)
    if after == 0:
        return y[0]
    if after == len(x):
        return y[-1]
    x0, x1, y0, y1 = x[after - 1], x[after], y[after - 1], y[after]
    return y0 + (y1 - y0) * ((at - x0) / (x1 - x0))


def sigmoid(log_odds: float) -> float:
    """The probability of log-odds, without an overflow at either end.

    >>> sigmoid(0.0), sigmoid(-1000.0), sigmoid(1000.0)
    (0.5, 0.0, 1.0)
    """
    if log_odds < 0:
        power = exp(log_odds)
        return power / (1 + power)
    return 1 / (1 + exp(-log_odds))
