"""What people's logins were like in training, by bins: what later days are held against."""

from collections.abc import Callable, Sequence
from math import inf, nextafter
from typing import Final

import numpy as np

from sentinel.models.drift import Bins, Reference
from sentinel.models.stored import Kind
from sentinel.training.table import Numbers, Table

#: Where scores are cut: an impostor's probability where rules cut it, a novelty percentile where its tail is.
SCORE_EDGES: Final[dict[Kind, tuple[float, ...]]] = {
    "impostor": (0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 0.8),
    "novelty": (5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0),
}
#: The part of the logins that later ones are held against: the newest.
LATEST: Final = 0.25
_DECILES: Final = tuple(number / 10 for number in range(1, 10))


def reference(kind: Kind, grown: Table, unseen: Sequence[Table], scores: Callable[[Numbers], Numbers]) -> Reference:
    """The reference of a model, from people's own logins: features of the later half of all, and what ``scores`` gives
    for the later half of those that no tree saw (:mod:`sentinel.models.drift`).

    Of the later half, since accounts grow older while history is gone through: the first one is of a service that had
    just begun.
    """
    values, weights = _later((grown, *unseen))
    strange, theirs = _later(unseen)
    return Reference(
        features=tuple(shares(column, weights, cuts(column, weights)) for column in values.T),
        score=shares(scores(strange), theirs, SCORE_EDGES[kind]),
        logins=worth(weights),
        scored=worth(theirs),
    )


def cuts(column: Numbers, weights: Numbers) -> tuple[float, ...]:
    """Edges of bins: the deciles of what is known. A value that several deciles fall on has a bin of its own, so that
    less of it is told as well as more."""
    known = ~np.isnan(column)
    if not known.any():
        return ()
    order = np.argsort(column[known], kind="stable")
    values, upto = column[known][order], np.cumsum(weights[known][order])
    places = np.searchsorted(upto, np.array(_DECILES) * upto[-1])
    deciles = [float(values[min(place, len(values) - 1)]) for place in places]
    edges = set(deciles)
    edges |= {nextafter(each, -inf) for each in edges if deciles.count(each) > 1}
    return tuple(sorted(edges))


def shares(column: Numbers, weights: Numbers, edges: Sequence[float]) -> Bins:
    """The share of the weights in each bin."""
    unknown = np.isnan(column)
    places = np.where(unknown, 0, 1 + np.searchsorted(np.array(edges), column, side="left"))
    found = np.bincount(places, weights=weights, minlength=len(edges) + 2) / weights.sum()
    return Bins(edges=tuple(edges), shares=tuple(float(each) for each in found))


def _later(tables: Sequence[Table]) -> tuple[Numbers, Numbers]:
    """Values and weights of the later half of people's logins."""
    values, weights, days = (
        np.concatenate([getattr(table, name)[table.real] for table in tables]) for name in ("values", "weights", "day")
    )
    late = days >= np.quantile(days, 1 - LATEST)
    return values[late], weights[late]


def worth(weights: Numbers) -> float:
    """How many rows of equal weight would tell as much (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
