"""From a classifier's scores to probabilities that hold, and that still tell one login from another.

Isotonic regression answers with steps: all logins of a step get one number, and the highest step is 1 as soon as no
person's login of the calibration is in it. Then no threshold lies between the oddest people and the attackers. So the
middles of the steps are joined by lines (centred isotonic regression, Oron and Flournoy: Statistics in
Biopharmaceutical Research 9(3), 2017), and at each end one login of the other sort is thought in: of a thousand people
nobody can tell that it is one in a million.
"""

import numpy as np
from sklearn.isotonic import IsotonicRegression

from sentinel.models.calibration import Calibration
from sentinel.training.table import Numbers


def calibrate(scores: Numbers, impostor: Numbers, weights: Numbers) -> Calibration:
    """Scores (0 to 1) of rows that nothing was fitted on, which of them are impostors, and what each counts."""
    one_real, one_impostor = weights[~impostor].mean(), weights[impostor].mean()
    x = np.concatenate([[0.0], scores, [1.0]])
    y = np.concatenate([[1.0], impostor.astype(float), [0.0]])
    weight = np.concatenate([[one_impostor], weights, [one_real]])
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(x, y, sample_weight=weight)
    steps, step = np.unique(fitted, return_inverse=True)
    total = np.bincount(step, weights=weight)
    middle = np.bincount(step, weights=weight * x) / total
    # Beyond the outermost middles it goes on rising, so that there, too, one score is above another.
    ends = (0.0, steps[0] / 2), (1.0, (steps[-1] + 1) / 2)
    points = [ends[0], *zip(middle, steps, strict=True), ends[1]]
    kept = [points[0]]
    for at, probability in points[1:]:
        if at > kept[-1][0]:
            kept.append((at, probability))
    return Calibration(x=tuple(float(at) for at, _ in kept), y=tuple(float(value) for _, value in kept))
