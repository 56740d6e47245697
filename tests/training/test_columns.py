"""Columns that are hardly ever known do not keep a model from being fitted, and are not in it."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from sentinel.training.columns import blank_rare
from sentinel.training.convert import boosted_trees


def test_what_is_never_known_is_left_out() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(400, 3))
    x[:, 1] = np.nan
    x[10:, 2] = np.nan
    y = (x[:, 0] > 0).astype(int)
    y[:10] = 1
    model = HistGradientBoostingClassifier(min_samples_leaf=1, max_iter=5)
    # Why it is there; when this no longer fails, so much of the reason is gone.
    with pytest.raises(ValueError, match="window shape"):
        model.fit(x, y)
    before = x.copy()
    filled = blank_rare(x, 11)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(filled[:, 0], x[:, 0])
    trees = boosted_trees(model.fit(filled, y))
    assert {feature for tree in trees.trees for feature in tree.feature} == {-1, 0}
    # Known often enough, and it stays as it is.
    np.testing.assert_array_equal(blank_rare(x, 10)[:, 2], x[:, 2])
