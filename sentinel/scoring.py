"""From findings to a risk, a level and a decision. Pure; the formula stands in CONTRACT §2."""

from collections.abc import Sequence
from math import log
from typing import Literal

import msgspec

from sentinel.events.assessment import DECISION_ORDER

#: A share is computed for risks below this; a certain finding (100) takes the whole share.
_ALMOST_CERTAIN = 1e-12


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Lowest risk for each decision, ascending; ``observe`` never decides harder than ``notify``."""

    mode: Literal["enforce", "observe"] = "enforce"
    notify: float = 40
    challenge: float = 60
    block: float = 90


def combine(findings: Sequence[tuple[str, float]]) -> tuple[float, list[float]]:
    """Risk of all ``findings`` (group, risk 0 to 100) together, and the share of each (CONTRACT §2).

    ``1 - Π(1 - risk_i/100)`` over the strongest of each group (the first of equals): independent evidence
    adds, correlated evidence counts once, nothing lowers. A share is ``log(1 - risk_i/100)`` over the sum of
    all those logarithms, since logarithms of factors add; weaker findings of a group have share 0.

    >>> combine([("place", 70), ("place", 15), ("device", 50)])
    (85.0, [0.63, 0.0, 0.37])
    """
    if not findings:
        return 0.0, []
    strongest: dict[str, int] = {}
    for index, (group, risk) in enumerate(findings):
        if group not in strongest or risk > findings[strongest[group]][1]:
            strongest[group] = index
    remaining = 1.0
    weights = [0.0] * len(findings)
    for index in strongest.values():
        left = max(1 - findings[index][1] / 100, _ALMOST_CERTAIN)
        remaining *= left
        weights[index] = -log(left)
    total = sum(weights)
    shares = [round(weight / total, 2) if total else 0.0 for weight in weights]
    if total:
        # What rounding left over goes to the largest, so that the shares are exactly the whole.
        largest = max(range(len(shares)), key=shares.__getitem__)
        shares[largest] = round(shares[largest] + 1 - sum(shares), 2)
    return round(100 * (1 - remaining), 2), shares


def decide(risk: float, thresholds: Thresholds) -> str:
    """The decision for ``risk`` by config, mode left aside.

    >>> decide(59.99, Thresholds()), decide(90, Thresholds())
    ('notify', 'block')
    """
    if risk >= thresholds.block:
        return "block"
    if risk >= thresholds.challenge:
        return "challenge"
    return "notify" if risk >= thresholds.notify else "allow"


def at_most(decision: str, cap: str) -> str:
    """The milder of two decisions."""
    return min(decision, cap, key=DECISION_ORDER.__getitem__)
