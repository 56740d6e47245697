"""Whether logins are still like those that a model learned from: the population stability index, by bins.

PSI = Σ (a - e) · ln(a / e) over bins, ``e`` the share in training, ``a`` the share now (Siddiqi: Credit Risk
Scorecards, Wiley 2006). Below 0.1 a population counts as stable, above 0.25 as another one. Without any change PSI is
near (1/N + 1/M) times a chi-squared variable of bins - 1 degrees of freedom, for N logins now and M in training
(Yurdakul: Statistical Properties of Population Stability Index, Western Michigan University 2018): a small day looks
moved by chance.
"""

from bisect import bisect_left
from collections.abc import MutableSequence, Sequence
from itertools import accumulate, pairwise
from math import isfinite, log, sqrt
from typing import Annotated, Final, TypeVar

import msgspec

_Number = TypeVar("_Number", int, float)

#: The usual reading (Siddiqi 2006).
MOVING: Final = 0.1
SHIFTED: Final = 0.25
#: Below so many logins nothing is told: it would be chance, and of very few logins it would be theirs.
LEAST: Final = 50
#: A smaller share counts as this: the logarithm of an empty bin would outweigh all others.
FLOOR: Final = 0.001
#: Of a quiet population one comparison in a thousand exceeds its bound (standard normal quantile).
_Z: Final = 3.0902
#: Known values are cut at deciles.
MOST_EDGES: Final = 9
#: How the score of a model is called among its features.
SCORE: Final = "score"


class Bins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bins of one number and the share of logins in each: unknown, up to the first edge, up to the second, …, above the
    last. Raises :class:`ValueError` when they do not fit together.
    """

    edges: Annotated[tuple[float, ...], msgspec.Meta(max_length=MOST_EDGES)]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(map(isfinite, self.edges)) or any(a >= b for a, b in pairwise(self.edges)):
            raise ValueError("the edges of bins are increasing numbers")
        if len(self.shares) != len(self.edges) + 2:
            raise ValueError("there is a share for each bin: unknown, one for each edge, above")
        if not all(share >= 0 for share in self.shares) or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError("shares of bins are not negative, and 1 together")


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people's logins were like in training: each feature in the order of the vector, and the model's score.

    ``logins`` and ``scored``: how many logins of equal weight the shares of features and of the score are worth.
    Raises :class:`ValueError`.
    """

    features: tuple[Bins, ...]
    score: Bins
    logins: Annotated[float, msgspec.Meta(gt=0)]
    scored: Annotated[float, msgspec.Meta(gt=0)]

    @property
    def bins(self) -> tuple[Bins, ...]:
        """Of the features, then of the score."""
        return (*self.features, self.score)


class Binned:
    """Counts logins into the bins of a reference: ``width`` numbers in one row, those of the score last."""

    def __init__(self, reference: Reference) -> None:
        sizes = [len(bins.shares) for bins in reference.bins]
        self.starts = tuple(accumulate(sizes, initial=0))
        self.width = self.starts[-1]
        self._places = [(bins.edges, start) for bins, start in zip(reference.bins, self.starts, strict=False)]

    def enter(self, counts: MutableSequence[int], values: Sequence[float], score: float) -> None:
        """Add one login to ``counts``, ``width`` numbers."""
        for value, (edges, start) in zip((*values, score), self._places, strict=True):
            # Only NaN, the unknown, is not equal to itself.
            counts[start + 1 + bisect_left(edges, value) if value == value else start] += 1

    def parts(self, counts: Sequence[_Number]) -> list[Sequence[_Number]]:
        """The counts of each feature, then of the score."""
        return [counts[start:end] for start, end in pairwise(self.starts)]


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How far a number moved: ``psi``, what chance alone would give on average (``noise``), and would exceed once in a
    thousand times (``bound``)."""

    psi: float
    noise: float
    bound: float

    @property
    def beyond(self) -> float:
        """PSI without what is chance on average; 0 where it may be chance altogether."""
        return self.psi - self.noise if self.psi > self.bound else 0.0


def psi(expected: Sequence[float], actual: Sequence[float]) -> float:
    """The index of two lists of shares; each counts as :data:`FLOOR` at least.

    >>> round(psi([0.5, 0.5], [0.6, 0.4]), 4)
    0.0405
    """
    total = 0.0
    for share, now in zip(expected, actual, strict=True):
        e, a = max(share, FLOOR), max(now, FLOOR)
        total += (a - e) * log(a / e)
    return total


def moved(bins: Bins, counts: Sequence[float], *, logins: float, learned: float) -> Moved:
    """Compare counts with the shares in training; ``logins`` were counted, ``learned`` are behind the shares.

    ``counts`` may be weighted: only their shares count.
    """
    total = sum(counts)
    freedom = max(1, sum(share > 0 for share in bins.shares) - 1)
    unit = 1 / logins + 1 / learned
    return Moved(
        psi=psi(bins.shares, [count / total for count in counts]),
        noise=unit * freedom,
        bound=unit * _chi_squared(freedom),
    )


def _chi_squared(freedom: int) -> float:
    """The quantile of chi-squared that one in a thousand exceeds (Wilson and Hilferty, PNAS 17(12), 1931)."""
    spread = 2 / (9 * freedom)
    return float(freedom * (1 - spread + _Z * sqrt(spread)) ** 3)
