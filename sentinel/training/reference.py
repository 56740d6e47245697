"""What people's logins were like in training, by bins: what later days are held against."""

from collections.abc import Callable, Sequence
from math import inf, nextafter
from typing import Final

import msgspec
import numpy as np

from sentinel.models.drift import Bins, Reference
from sentinel.models.drifted import WEEK
from sentinel.models.stored import Kind
from sentinel.training.rows import CALIBRATION
from sentinel.training.table import Numbers, Table, quantiles

#: Where scores are cut: an impostor's probability where rules cut it, a novelty percentile where its tail is.
SCORE_EDGES: Final[dict[Kind, tuple[float, ...]]] = {
    "impostor": (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 0.8),
    "novelty": (5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0),
}
_DECILES: Final = tuple(number / 10 for number in range(1, 10))


def reference(kind: Kind, latest: Table, scores: Callable[[Numbers], Numbers]) -> Reference | msgspec.UnsetType:
    """The reference of a model (:mod:`sentinel.models.drift`), from the ``latest`` of people's logins: features of all
    of them, and what ``scores`` gives for those of accounts that no tree saw. Nothing without such.

    Accounts grow older while history is gone through, and what it began with is not what goes on: so the latest. Whole
    weeks, where there is one, since weekends are other days.
    """
    days = int(latest.day.max() - latest.day.min()) + 1
    weeks = latest.where(latest.day > latest.day.max() - (days // WEEK * WEEK or days))
    unseen = weeks.where(weeks.part <= CALIBRATION)
    if not len(unseen):
        return msgspec.UNSET
    return Reference(
        features=tuple(shares(column, weeks.weights, cuts(column, weeks.weights)) for column in weeks.values.T),
        score=shares(scores(unseen.values), unseen.weights, SCORE_EDGES[kind]),
        logins=worth(weeks.weights),
        scored=worth(unseen.weights),
    )


def cuts(column: Numbers, weights: Numbers) -> tuple[float, ...]:
    """Edges of bins: the deciles of what is known. A value that several deciles fall on has a bin of its own, so that
    less of it is told as well as more."""
    known = ~np.isnan(column)
    if not known.any():
        return ()
    deciles: list[float] = quantiles(column[known], weights[known], _DECILES).tolist()
    edges = set(deciles)
    edges |= {nextafter(each, -inf) for each in edges if deciles.count(each) > 1}
    return tuple(sorted(edges))


def shares(column: Numbers, weights: Numbers, edges: Sequence[float]) -> Bins:
    """The share of the weights in each bin."""
    unknown = np.isnan(column)
    places = np.where(unknown, 0, 1 + np.searchsorted(np.array(edges), column, side="left"))
    found = np.bincount(places, weights=weights, minlength=len(edges) + 2) / weights.sum()
    return Bins(edges=tuple(edges), shares=tuple(float(each) for each in found))


def worth(weights: Numbers) -> float:
    """How many rows of equal weight would tell as much (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
