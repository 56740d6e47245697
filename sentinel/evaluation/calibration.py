"""Whether a probability means what it says: reliability by bins, and losses beside those of other scores.

Attackers are far rarer, or far more common, in what is evaluated than in what the model was calibrated for. With the
share it was calibrated for (``prior``) each attacker counts for so many that the shares agree; the same for everybody.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import log
from typing import Final

import msgspec

from sentinel.evaluation.compared import Compared
from sentinel.evaluation.curves import share

#: The only score that claims to be a probability.
PROBABILITY: Final = "impostor"
#: Ends of the bins: narrow where nearly all logins are.
EDGES: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
#: Kinds whose score is the lowest of many tries, which no probability of one login describes.
TRIED: Final = frozenset({"informed"})
#: What a loss is compared with.
CONSTANT: Final = "constant"


class Bin(msgspec.Struct, frozen=True):
    """Logins whose probability is in ``(low, high]`` (the first: from ``low`` on).

    ``expected``: their mean probability; ``observed``: the share of attackers, with its 95 % interval; ``ratio``:
    observed over expected, 1 where the model is right.
    """

    low: float
    high: float
    logins: int
    attackers: int
    expected: float
    observed: float
    observed_low: float
    observed_high: float
    ratio: float | None


class Loss(msgspec.Struct, frozen=True):
    """How wrong probabilities were on the later half; less is better.

    ``fitted``: the score was turned into a probability by the best rising curve on the earlier half (isotonic); the
    constant is that half's share of attackers.
    """

    score: str
    fitted: bool
    log_loss: float
    brier: float


class Calibration(msgspec.Struct, frozen=True):
    """``prior``: the share of attackers that logins are weighed to; ``None``: as they are."""

    prior: float | None
    bins: list[Bin]
    losses: list[Loss]


class _Case(msgspec.Struct, frozen=True):
    row: int
    attacker: bool


def calibrate(over: Compared, prior: float | None = None) -> Calibration | None:
    """Of logins that all scores have; ``None`` without a probability, people or attackers. Sessions, and attackers of
    many tries, are left out."""
    rows = over.rows
    if PROBABILITY not in over.names or not over.people:
        return None
    told = set(over.kinds) - over.sessions - TRIED
    theirs = [
        number
        for number in range(len(rows))
        if rows.kinds[rows.labels[number]] in told and not rows.sessions[number] and rows.whole(number, over.names)
    ]
    if not theirs:
        return None
    weight = 1.0 if prior is None else prior / (1 - prior) * len(over.people) / len(theirs)
    cases = sorted([_Case(row, False) for row in over.people] + [_Case(row, True) for row in theirs], key=_by_row)
    probabilities = rows.scores[PROBABILITY]
    bins = reliability([(probabilities[case.row], case.attacker) for case in cases], weight)
    return Calibration(prior, bins, _losses(over, cases, weight))


def reliability(cases: Sequence[tuple[float, bool]], weight: float) -> list[Bin]:
    """Bins that hold logins; each attacker (true) counts ``weight`` times."""
    found = []
    for low, high in pairwise(EDGES):
        held = [case for case in cases if low < case[0] <= high or (case[0] == low == 0.0)]
        attackers = sum(attacker for _, attacker in held)
        plain = share(attackers, len(held))
        if plain is None:
            continue
        total = len(held) - attackers + weight * attackers
        expected = sum(score * (weight if attacker else 1.0) for score, attacker in held) / total
        observed, least, most = (_weighed(each, weight) for each in (plain.share, plain.low, plain.high))
        ratio = observed / expected if expected else None
        found.append(Bin(low, high, len(held), attackers, expected, observed, least, most, ratio))
    return found


def _weighed(portion: float, weight: float) -> float:
    """A share of attackers when each counts ``weight`` times."""
    return weight * portion / (weight * portion + 1 - portion)


def _losses(over: Compared, cases: list[_Case], weight: float) -> list[Loss]:
    early, late = cases[: len(cases) // 2], cases[len(cases) // 2 :]
    if any(len({case.attacker for case in half}) < 2 for half in (early, late)):
        return []
    weights = [weight if case.attacker else 1.0 for case in early]
    total = sum(weights)
    # No probability is nearer to certainty than so many cases can show; the same for all that are compared.
    least = 1 / (len(early) + 2)
    constant = sum(each for each, case in zip(weights, early, strict=True) if case.attacker) / total

    def loss(name: str, probabilities: list[float], *, fitted: bool) -> Loss:
        summed, squared, whole = 0.0, 0.0, 0.0
        for case, probability in zip(late, probabilities, strict=True):
            held = min(max(probability, least), 1 - least)
            each = weight if case.attacker else 1.0
            summed -= each * log(held if case.attacker else 1 - held)
            squared += each * (probability - case.attacker) ** 2
            whole += each
        return Loss(name, fitted, summed / whole, squared / whole)

    found = [loss(CONSTANT, [constant] * len(late), fitted=True)]
    for name in over.names:
        scores = over.rows.scores[name]
        if name == PROBABILITY:
            found.append(loss(name, [scores[case.row] for case in late], fitted=False))
            continue
        curve = Isotonic([scores[case.row] for case in early], [float(case.attacker) for case in early], weights)
        found.append(loss(name, [curve(scores[case.row]) for case in late], fitted=True))
    return found


class Isotonic:
    """The rising step curve nearest to the cases, by squares (pool adjacent violators; Ayer et al. 1955)."""

    def __init__(self, scores: Sequence[float], targets: Sequence[float], weights: Sequence[float]) -> None:
        #: Of each step: lowest score, summed target, summed weight.
        steps: list[list[float]] = []
        for score, target, weight in sorted(zip(scores, targets, weights, strict=True)):
            if steps and steps[-1][0] == score:
                steps[-1][1] += target * weight
                steps[-1][2] += weight
            else:
                steps.append([score, target * weight, weight])
        pooled: list[list[float]] = []
        for step in steps:
            pooled.append(step)
            while len(pooled) > 1 and pooled[-2][1] * pooled[-1][2] >= pooled[-1][1] * pooled[-2][2]:
                _, target, weight = pooled.pop()
                pooled[-1][1] += target
                pooled[-1][2] += weight
        self._from = [step[0] for step in pooled]
        self._values = [step[1] / step[2] for step in pooled]

    def __call__(self, score: float) -> float:
        """The probability of a score."""
        return self._values[max(0, bisect_right(self._from, score) - 1)]


def _by_row(case: _Case) -> int:
    return case.row
