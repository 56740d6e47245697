"""Converted trees answer as scikit-learn does."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from sentinel.models.stored import ModelFile, decode, encode, usable
from sentinel.models.trees import compile_trees
from sentinel.training.convert import (
    boosted_trees,
    isolation_trees,
    percentile_table,
    single_precision_threshold,
)
from tests.models.made import model_file

Array = np.ndarray[Any, Any]


def table(seed: int, rows: int, width: int, missing: float, decimals: int) -> Array:
    """Random rows, coarse ones with many ties as well."""
    random = np.random.default_rng(seed)
    x = np.round(random.normal(size=(rows, width)) * 10.0 ** random.integers(-3, 4), decimals)
    x[random.random(x.shape) < missing] = np.nan
    return x


tables = st.builds(
    table,
    st.integers(0, 2**32 - 1),
    st.integers(2, 300),
    st.integers(1, 6),
    st.sampled_from((0.0, 0.1, 0.5)),
    st.sampled_from((0, 1, 12)),
)


def asked(x: Array, seed: int) -> Array:
    """The rows that were learned from, others, and ones with nothing known."""
    other = table(seed + 1, 50, x.shape[1], 0.2, 12)
    return np.vstack([x, other, np.full((1, x.shape[1]), np.nan)])


@settings(max_examples=25, deadline=None)
@given(x=tables, seed=st.integers(0, 1000), leaves=st.integers(2, 31))
def test_boosted_trees(x: Array, seed: int, leaves: int) -> None:
    random = np.random.default_rng(seed)
    x[0] = 1.0  # nothing known of a column is refused by scikit-learn, see test_columns.py
    y = (np.nan_to_num(x[:, 0]) + random.normal(size=len(x)) > 0).astype(int)
    y[:2] = 0, 1
    model = HistGradientBoostingClassifier(
        max_iter=10, max_leaf_nodes=leaves, min_samples_leaf=1, early_stopping=False, random_state=seed
    ).fit(x, y)
    score = compile_trees(boosted_trees(model), x.shape[1])
    rows = asked(x, seed)
    np.testing.assert_allclose(
        [score(row) for row in rows.tolist()], model.decision_function(rows), rtol=1e-9, atol=1e-12
    )


@settings(max_examples=25, deadline=None)
@given(x=tables, seed=st.integers(0, 1000), share=st.sampled_from((0.5, 1.0)))
def test_isolation_trees(x: Array, seed: int, share: float) -> None:
    model = IsolationForest(n_estimators=10, max_samples=min(len(x), 64), max_features=share, random_state=seed).fit(x)
    score = compile_trees(isolation_trees(model), x.shape[1])
    rows = asked(x, seed)
    np.testing.assert_allclose([2 ** -score(row) for row in rows.tolist()], -model.score_samples(rows), rtol=1e-9)


def test_unknown_may_be_a_split_of_its_own() -> None:
    x = np.array([[1.0], [2.0], [np.nan], [np.nan]] * 20)
    model = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=1).fit(x, np.isnan(x[:, 0]).astype(int))
    assert any(np.isinf(stage[0].nodes["num_threshold"]).any() for stage in model._predictors)
    score = compile_trees(boosted_trees(model), 1)
    rows = np.array([[1.0], [1e300], [np.nan]])
    np.testing.assert_allclose([score(row) for row in rows.tolist()], model.decision_function(rows), rtol=1e-9)


def test_categories_and_more_classes_are_refused() -> None:
    x = np.tile(np.arange(4.0), 50)[:, None]
    y = np.isin(x[:, 0], (0, 2)).astype(int)
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0], min_samples_leaf=1).fit(x, y)
    with pytest.raises(ValueError, match="categories"):
        boosted_trees(model)
    three = HistGradientBoostingClassifier(max_iter=3).fit(x, x[:, 0].astype(int) % 3)
    with pytest.raises(ValueError, match="two classes, not 3"):
        boosted_trees(three)
    with pytest.raises(ValueError, match="two rows"):
        isolation_trees(IsolationForest(max_samples=1).fit(x))


@given(st.floats(-1e30, 1e30), st.integers(-3, 3), st.booleans())
def test_a_threshold_for_rounded_values(threshold: float, steps: int, on_the_edge: bool) -> None:
    if on_the_edge:
        threshold = float(np.float32(threshold))
    moved = single_precision_threshold(threshold)
    value = moved
    for _ in range(abs(steps)):
        value = float(np.nextafter(value, np.inf if steps > 0 else -np.inf))
    assert (value <= moved) == (float(np.float32(value)) <= threshold)


def test_percentiles_are_shares_of_the_training_rows() -> None:
    scores = np.random.default_rng(6).random(5000).round(2)
    percentile = percentile_table(scores, np.ones(5000))
    assert all(a <= b for a, b in pairwise(percentile.quantiles))
    for score in (0.005, 0.3, 0.9, 0.995):
        assert percentile(score) == pytest.approx(100 * float(np.mean(scores < score)), abs=1.2)


def test_a_row_that_stands_for_several_counts_as_they_would() -> None:
    random = np.random.default_rng(8)
    scores, times = random.random(500), random.integers(1, 6, 500)
    several = np.repeat(scores, times)
    assert percentile_table(scores, times) == percentile_table(several, np.ones(len(several)))
    assert percentile_table(scores, times * 0.3) == percentile_table(scores, times)
    assert percentile_table(scores, times) != percentile_table(scores, np.ones(500))


def test_a_fitted_model_survives_its_file() -> None:
    x = table(7, 500, 3, 0.1, 12)
    model = IsolationForest(n_estimators=20, random_state=7).fit(x)
    scores = -model.score_samples(x)
    file = model_file("novelty", isolation_trees(model).trees, percentiles=percentile_table(scores, np.ones(len(x))))
    found = decode(encode(file))
    assert isinstance(found, ModelFile)
    assert replace(found, sha256=file.sha256) == file
    served = usable(found)
    np.testing.assert_allclose([served.raw(row) for row in x.tolist()], scores, rtol=1e-12)
    ranks = [served.predict(row) for row in x.tolist()]
    assert np.corrcoef(ranks, np.argsort(np.argsort(scores)))[0, 1] > 0.999
