"""What is known too rarely to learn from is left out before fitting."""

from typing import Any

import numpy as np


def blank_rare(rows: np.ndarray[Any, Any], least: int) -> np.ndarray[Any, Any]:
    """A copy in which every column that is known (not NaN) in fewer than ``least`` rows is 0 throughout, so that no
    tree can split on it, nor learn from its being known.

    `HistGradientBoostingClassifier` (scikit-learn 1.9) fails on a column without a known value, also when early
    stopping put the last one aside: a service that sends no device id would never get a model. Ten times its
    ``min_samples_leaf`` leaves both parts enough.
    """
    out = np.array(rows, dtype=float)
    out[:, np.count_nonzero(~np.isnan(out), axis=0) < least] = 0.0
    return out
