"""From what scikit-learn fitted to arrays that are kept and served without it.

Both kinds of estimator keep their trees in attributes that are partly private (scikit-learn 1.8 and 1.9); tests hold
the converted trees against scikit-learn's own answers, so that a release that changes them is noticed.
"""

from math import log
from sys import float_info
from typing import Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from sentinel.models.calibration import QUANTILES, Percentiles
from sentinel.models.trees import Tree, Trees
from sentinel.training.table import Numbers, quantiles

_EULER_GAMMA: Final = 0.5772156649015329


def boosted_trees(model: HistGradientBoostingClassifier) -> Trees:
    """The trees of a fitted binary classifier; their sum is the log-odds of its second class.

    Raises :class:`ValueError` for more classes, and for splits on categories.
    """
    if len(model.classes_) != 2:
        raise ValueError(f"expected a classifier of two classes, not {len(model.classes_)}")
    baseline = float(np.asarray(model._baseline_prediction).ravel()[0])
    return Trees(baseline=baseline, trees=tuple(_boosted(stage[0].nodes) for stage in model._predictors))


def isolation_trees(model: IsolationForest) -> Trees:
    """The trees of a fitted isolation forest; its score (Liu, Ting and Zhou 2008) is ``2 ** -sum``, which is
    ``-model.score_samples``.

    A leaf holds its depth, and on top what the rows that ended there would have had, as a share of the depth to be
    expected of the whole sample; divided by the number of trees, so that the sum is the mean.
    """
    expected = average_depth(int(model.max_samples_))
    if expected <= 0:
        raise ValueError("an isolation forest needs samples of two rows at least")
    share = 1 / (expected * len(model.estimators_))
    pairs = zip(model.estimators_, model.estimators_features_, strict=True)
    return Trees(baseline=0.0, trees=tuple(_isolated(each.tree_, features, share) for each, features in pairs))


def percentile_table(scores: Numbers, weights: Numbers) -> Percentiles:
    """The quantiles of the training rows' scores (0 to 1, higher is odder), by what each row counts."""
    return Percentiles(quantiles=_floats(quantiles(scores, weights, np.linspace(0, 1, QUANTILES))))


def average_depth(rows: int) -> float:
    """The average depth of one of ``rows`` rows in a random binary search tree (Liu, Ting and Zhou 2008, eq. 1)."""
    if rows <= 1:
        return 0.0
    if rows == 2:
        return 1.0
    return 2 * (log(rows - 1) + _EULER_GAMMA) - 2 * (rows - 1) / rows


def single_precision_threshold(threshold: float) -> float:
    """The double that separates what ``threshold`` separates once values are rounded to single precision.

    The forest's trees were grown on, and are asked with, single precision values, but compare with thresholds in double
    precision. A value is at most the result exactly when its rounded value is at most ``threshold``.
    """
    below = np.float32(threshold)
    if float(below) > threshold:
        below = np.nextafter(below, np.float32(-np.inf))
    above = np.nextafter(below, np.float32(np.inf))
    # Exact: two neighbours of 24 bits have their middle in 53. A value there is rounded to the even one.
    middle = (float(below) + float(above)) / 2
    if float(np.float32(middle)) <= threshold:
        return middle
    return float(np.nextafter(middle, -np.inf))


def _boosted(nodes: np.ndarray[Any, Any]) -> Tree:
    split = nodes["is_leaf"] == 0
    if np.any(nodes["is_categorical"][split]):
        raise ValueError("a tree splits on categories; give the classifier numbers only")
    # A split of known against unknown values has an infinite threshold, which JSON cannot write. No value is above this
    # one.
    threshold = np.clip(nodes["num_threshold"], -float_info.max, float_info.max)
    return _tree(
        split,
        feature=nodes["feature_idx"],
        threshold=threshold,
        missing_left=nodes["missing_go_to_left"],
        left=nodes["left"],
        right=nodes["right"],
        value=nodes["value"],
    )


def _isolated(tree: Any, features: np.ndarray[Any, Any], share: float) -> Tree:
    split = tree.children_left >= 0
    depth = np.zeros(tree.node_count)
    for node in np.flatnonzero(split):  # a child stands after its parent
        depth[tree.children_left[node]] = depth[tree.children_right[node]] = depth[node] + 1
    rows = tree.n_node_samples
    value = [(float(depth[node]) + average_depth(int(rows[node]))) * share for node in range(tree.node_count)]
    return _tree(
        split,
        feature=np.where(split, features[np.where(split, tree.feature, 0)], -1),
        threshold=np.array([single_precision_threshold(float(each)) for each in tree.threshold]),
        missing_left=tree.missing_go_to_left,
        left=tree.children_left,
        right=tree.children_right,
        value=np.array(value),
    )


def _tree(split: np.ndarray[Any, Any], **arrays: np.ndarray[Any, Any]) -> Tree:
    """A tree of arrays as scikit-learn has them; what a node does not need becomes 0 or false."""
    return Tree(
        feature=tuple(int(each) for each in np.where(split, arrays["feature"], -1)),
        threshold=_floats(np.where(split, arrays["threshold"], 0.0)),
        missing_left=tuple(bool(each) for each in np.where(split, arrays["missing_left"], 0)),
        left=tuple(int(each) for each in np.where(split, arrays["left"], 0)),
        right=tuple(int(each) for each in np.where(split, arrays["right"], 0)),
        value=_floats(np.where(split, 0.0, arrays["value"])),
    )


def _floats(values: np.ndarray[Any, Any]) -> tuple[float, ...]:
    return tuple(float(each) for each in values)
