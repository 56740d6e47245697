"""From a classifier's scores to probabilities that hold, and that still tell one login from another.

Isotonic regression (Zadrozny and Elkan, KDD 2002) answers with steps: all logins of a step get one number, and the
highest step is 1 as soon as no person's login of the calibration is in it. Then no threshold lies between the oddest
people and the attackers. So each step gets a slope that keeps within a tenth of it, and at each end one login of the
other sort is thought in: of a thousand people nobody can tell that it is one in a million.
"""

from typing import Final

import numpy as np
from sklearn.isotonic import IsotonicRegression

from sentinel.models.calibration import Calibration
from sentinel.training.table import Numbers

#: How far a step is sloped: this share of its height, and of the way to the next step.
_OF_STEP: Final = 0.1
_OF_WAY: Final = 0.25


def calibrate(scores: Numbers, impostor: Numbers, weights: Numbers) -> Calibration:
    """Scores (0 to 1) of rows that nothing was fitted on, which of them are impostors, and what each counts."""
    one_real, one_impostor = weights[~impostor].mean(), weights[impostor].mean()
    x = np.concatenate([[0.0], scores, [1.0]])
    y = np.concatenate([[1.0], impostor.astype(float), [0.0]])
    weight = np.concatenate([[one_impostor], weights, [one_real]])
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(x, y, sample_weight=weight)
    order = np.argsort(x, kind="stable")
    x, fitted = x[order], fitted[order]
    steps, begin = np.unique(fitted, return_index=True)
    end = np.append(begin[1:], len(x)) - 1
    below = np.concatenate([[0.0], steps[:-1]])
    above = np.concatenate([steps[1:], [1.0]])
    low = np.maximum(steps - _OF_WAY * (steps - below), steps * (1 - _OF_STEP))
    high = np.minimum(steps + _OF_WAY * (above - steps), steps * (1 + _OF_STEP))
    points: list[tuple[float, float]] = []
    for left, right, middle, bottom, top in zip(x[begin], x[end], steps, low, high, strict=True):
        points += [(left, bottom), (right, top)] if left < right else [(left, middle)]
    return Calibration(x=tuple(float(at) for at, _ in points), y=tuple(float(value) for _, value in points))
