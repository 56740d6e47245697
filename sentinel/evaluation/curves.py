"""Arithmetic of scores: areas, thresholds, intervals. Pure and exact; at a threshold ties count against the score.

Scores of attackers and people come ascending, sorted once: there may be a million of them.

A dozen lines of ranks instead of scikit-learn: nothing else here would need it, nor NumPy.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil, inf, sqrt
from typing import Final

import msgspec

#: Normal quantile of a two-sided 95 % interval.
_Z: Final = 1.959963984540054


class Share(msgspec.Struct, frozen=True):
    """``number`` of ``of``: the share, and its 95 % interval (Wilson 1927), which holds for small numbers too."""

    number: int
    of: int
    share: float
    low: float
    high: float


def share(number: int, of: int) -> Share | None:
    """A share with its interval; ``None`` of nothing.

    >>> found = share(20, 20)
    >>> round(found.low, 2), found.high
    (0.84, 1.0)
    """
    if not of:
        return None
    p, z2 = number / of, _Z * _Z
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * sqrt(p * (1 - p) / of + z2 / (4 * of * of))
    low = 0.0 if number == 0 else max(0.0, middle - half)
    high = 1.0 if number == of else min(1.0, middle + half)
    return Share(number, of, p, low, high)


def roc_auc(attackers: Sequence[float], people: Sequence[float]) -> float | None:
    """How probable it is that an attacker scores higher than a person, equal scores counting half (Mann-Whitney)."""
    if not attackers or not people:
        return None
    ranks = sum(bisect_left(people, score) + bisect_right(people, score) for score in attackers)
    return ranks / (2 * len(attackers) * len(people))


def pr_auc(attackers: Sequence[float], people: Sequence[float]) -> float | None:
    """Average precision: precision at each distinct score, weighed by the recall that it adds.

    A score without any worth has the attackers' share of all, not one half.
    """
    if not attackers or not people:
        return None
    area, before = 0.0, 0
    for score in sorted(set(attackers), reverse=True):
        caught, bothered = reached(attackers, score), reached(people, score)
        area += (caught - before) * caught / (caught + bothered)
        before = caught
    return area / len(attackers)


def roc(attackers: Sequence[float], people: Sequence[float]) -> list[tuple[float, float]]:
    """Shares of people and of attackers above, then at or above, each score that an attacker has, from the highest
    down; from 0, 0 to 1, 1. Between two of those nobody more is caught, so the curve is level."""
    found = [(0.0, 0.0)]
    for score in sorted(set(attackers), reverse=True):
        found.append((exceeded(people, score) / len(people), exceeded(attackers, score) / len(attackers)))
        found.append((reached(people, score) / len(people), reached(attackers, score) / len(attackers)))
    return [*found, (1.0, 1.0)]


def threshold_at(attackers: Sequence[float], rate: float) -> float | None:
    """The highest threshold that at least ``rate`` of the attackers reach."""
    if not attackers:
        return None
    return attackers[-max(1, ceil(rate * len(attackers)))]


def cut_bothering(people: Sequence[float], number: int) -> float:
    """The lowest score of which no more than ``number`` people are strictly above."""
    return people[-1 - number] if number < len(people) else -inf


def reached(ordered: Sequence[float], threshold: float) -> int:
    """How many of ``ordered`` (ascending) are at or above the threshold."""
    return len(ordered) - bisect_left(ordered, threshold)


def exceeded(ordered: Sequence[float], threshold: float) -> int:
    """How many of ``ordered`` (ascending) are strictly above the threshold."""
    return len(ordered) - bisect_right(ordered, threshold)
