"""What is fitted on a small simulated service: as scikit-learn has it, in order, calibrated, better than a guess."""

import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from sentinel.events.clock import date_of
from sentinel.models.features import NAMES
from sentinel.models.recipe import Estimator, Recipe, packaged_recipe
from sentinel.models.stored import ModelFile, usable
from sentinel.training.calibrate import calibrate
from sentinel.training.columns import blank_rare
from sentinel.training.fit import Split, figures, fit_impostor, fit_novelty, highest, log_loss, split, weighed
from sentinel.training.rows import CALIBRATION, HOLD_OUT
from sentinel.training.table import Table
from sentinel.training.train import measured


def table(days: list[int], parts: list[int], kinds: list[int], weights: list[float] | None = None) -> Table:
    size = len(days)
    return Table(
        kinds=("real", "answered", "anywhere"),
        values=np.arange(size * 2, dtype=float).reshape(size, 2),
        weights=np.array(weights or [1.0] * size),
        kind=np.array(kinds, dtype=np.int8),
        part=np.array(parts, dtype=np.int8),
        day=np.array(days, dtype=np.int32),
        answered=np.array([kind == 1 for kind in kinds]),
    )


def everything(days: int) -> Table:
    """A real login and an impostor on every day, of every part."""
    cells = [(day, part, kind) for day in range(days) for part in range(5) for kind in (0, 2)]
    return table(*(list(column) for column in zip(*cells, strict=True)))


def test_the_hold_out_is_later_and_of_others() -> None:
    found = split(everything(10), 0.3)
    assert set(found.held_out.part.tolist()) == {HOLD_OUT}
    assert set(found.calibrated.part.tolist()) == {CALIBRATION}
    assert set(found.grown.part.tolist()) == {2, 3, 4}
    earlier = max(found.grown.day.max(), found.calibrated.day.max())
    assert earlier < found.held_out.day.min()
    assert found.held_out.day.min() in (6, 7)
    assert found.first_day == 0
    assert split(everything(10), 0.3, first_day=-5).first_day == -5


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="no logins"):
        split(table([1, 1], [0, 1], [2, 2]), 0.2)
    with pytest.raises(ValueError, match="too few accounts or days"):
        split(everything(1), 0.2)
    one = everything(10)
    with pytest.raises(ValueError, match="too few accounts or days"):
        split(one.where(one.part == 0), 0.2)
    with pytest.raises(ValueError, match="too few accounts or days"):
        split(one.where(one.real), 0.2)


def test_no_account_is_in_two_parts(rows: Split) -> None:
    # Rows hold no accounts; their part is told by nothing else, see test_rows.
    assert (rows.held_out.part == HOLD_OUT).all()
    assert (rows.calibrated.part == CALIBRATION).all()
    assert (rows.grown.part > CALIBRATION).all()
    assert rows.held_out.day.min() > max(rows.grown.day.max(), rows.calibrated.day.max())


@pytest.mark.parametrize("prior", [0.001, 0.02, 0.5])
def test_weights_hold_the_prior(prior: float) -> None:
    some = table([1] * 6, [0] * 6, [0, 0, 2, 2, 2, 1], [1.0, 4.0, 1.0, 1.0, 2.0, 1.0])
    weights = weighed(some, prior)
    assert weights.sum() == pytest.approx(6)
    assert weights[~some.real].sum() / weights.sum() == pytest.approx(prior)
    assert weights[1] / weights[0] == pytest.approx(4)
    assert weights[5] / weights[2] == pytest.approx(1)
    more = weighed(some, prior, answered=10.0)
    assert more[5] / more[2] == pytest.approx(10)
    assert more[~some.real].sum() / more.sum() == pytest.approx(prior)
    assert some.weights.tolist() == [1.0, 4.0, 1.0, 1.0, 2.0, 1.0]


def test_at_most_a_share_of_the_weight_lies_above() -> None:
    scores, weights = np.array([0.1, 0.9, 0.5, 0.7]), np.array([6.0, 1.0, 2.0, 1.0])
    assert highest(scores, weights, 0.0) == 0.9
    assert highest(scores, weights, 0.1) == 0.7
    assert highest(scores, weights, 0.25) == 0.5
    assert highest(scores, weights, 0.5) == 0.1
    # Many alike: none of them is above.
    assert highest(np.ones(1000), np.ones(1000), 0.003) == 1.0


def test_trees_answer_as_scikit_learn_does(
    rows: Split, recipe: Recipe, impostor: ModelFile, novelty: ModelFile
) -> None:
    grown = rows.grown
    classifier = HistGradientBoostingClassifier(
        monotonic_cst=recipe.monotonic, random_state=recipe.seed, **recipe.parameters
    )
    classifier.fit(blank_rare(grown.values, 400), ~grown.real, sample_weight=weighed(grown, recipe.prior, 10.0))
    served = usable(impostor)
    some = rows.held_out.values[:400]
    expected = classifier.decision_function(some)
    assert [served.raw(row) for row in some.tolist()] == pytest.approx(expected.tolist(), abs=1e-9)
    assert impostor.calibration is not None
    points = np.interp(classifier.predict_proba(some)[:, 1], impostor.calibration.x, impostor.calibration.y)
    assert [served.predict(row) for row in some.tolist()] == pytest.approx(points.tolist(), abs=1e-9)

    other = packaged_recipe("novelty")
    people = grown.where(grown.real)
    forest = IsolationForest(random_state=other.seed, **other.parameters)
    forest.fit(blank_rare(people.values, 400), sample_weight=people.weights)
    odd = usable(novelty)
    assert [odd.raw(row) for row in some.tolist()] == pytest.approx((-forest.score_samples(some)).tolist(), abs=1e-9)


def test_the_orders_of_the_recipe_hold(recipe: Recipe, impostor: ModelFile) -> None:
    assert len(recipe.ordering) >= 5
    assert recipe.disorder(usable(impostor).predict) == []


def observed_over_expected(scores: np.ndarray[Any, Any], part: Table, prior: float) -> list[tuple[float, float]]:
    """Of bins of the scores: how many impostors are expected, and how many there are for each."""
    weights = weighed(part, prior)
    edges = np.array([0.01, 0.03, 0.1, 0.3, 0.6, 0.8, 1.01])
    found = []
    for low, high in pairwise(edges):
        inside = (scores >= low) & (scores < high)
        # Of few logins nothing can be told.
        if inside.sum() >= 50:
            expected = (scores * weights)[inside].sum()
            found.append((low, weights[inside & ~part.real].sum() / expected))
    return found


def test_probabilities_hold_on_what_they_were_made_of(rows: Split, recipe: Recipe, impostor: ModelFile) -> None:
    served = usable(impostor)
    scores = np.array([served.predict(row) for row in rows.calibrated.values.tolist()])
    found = observed_over_expected(scores, rows.calibrated, recipe.prior)
    assert len(found) >= 3
    assert all(0.8 <= ratio <= 1.25 for _, ratio in found), found
    everybody = weighed(rows.calibrated, recipe.prior)
    assert (scores * everybody).sum() / everybody.sum() == pytest.approx(recipe.prior, rel=0.15)


def test_a_model_is_better_than_a_guess(rows: Split, recipe: Recipe, impostor: ModelFile, novelty: ModelFile) -> None:
    found = figures(rows.held_out, usable(impostor).predict, recipe.prior)
    assert found["log_loss"] < found["log_loss_constant"] / 3
    assert found["roc_auc"] > 0.98
    assert found["caught_anywhere"] > 0.9
    assert {f"caught_{kind}" for kind in ("rented", "neighbour", "crowd", "stolen")} <= found.keys()
    odd = figures(rows.held_out, usable(novelty).raw, recipe.prior)
    assert odd["roc_auc"] > 0.75


def test_a_login_that_stands_for_several_is_as_common_as_they_would_be(rows: Split, novelty: ModelFile) -> None:
    """Later logins of an account are thinned out, first ones are not: without weights the first ones are ordinary."""
    place = NAMES.index("logins")
    middle = np.median(rows.grown.values[rows.grown.real, place])

    def weighing(first: float) -> Split:
        def of(part: Table) -> Table:
            weights = np.where(part.values[:, place] <= middle, first, 1.0)
            return Table(
                kinds=part.kinds, values=part.values, weights=weights, kind=part.kind, part=part.part, day=part.day,
                answered=part.answered,
            )  # fmt: skip

        return replace(rows, grown=of(rows.grown), calibrated=of(rows.calibrated))

    def made(first: float) -> ModelFile:
        return fit_novelty(weighing(first), packaged_recipe("novelty"), tenant="default", version="2026-04-01")

    people = rows.held_out.values[rows.held_out.real]
    early = people[people[:, place] <= middle].tolist()
    common, rare = made(50.0), made(0.02)
    assert len(early) > 20
    odd, odder = usable(common), usable(rare)
    # The forest sets them apart later, and of all logins fewer are less odd.
    assert np.mean([odd.raw(row) for row in early]) < np.mean([odder.raw(row) for row in early]) - 0.01
    assert np.mean([odd.predict(row) for row in early]) < np.mean([odder.predict(row) for row in early]) - 10
    few, many = common.typical[place], rare.typical[place]
    assert few is not None
    assert many is not None
    assert few < middle < many


def test_a_constant_loses_what_it_should() -> None:
    some = table([1] * 4, [0] * 4, [0, 0, 2, 2])
    weights = weighed(some, 0.02)
    expected = -(0.02 * np.log(0.02) + 0.98 * np.log(0.98))
    assert log_loss(np.full(4, 0.02), ~some.real, weights) == pytest.approx(expected)
    assert np.isfinite(log_loss(np.array([0.0, 1.0, 0.0, 1.0]), ~some.real, weights))


def test_a_model_says_what_it_learned_from(rows: Split, recipe: Recipe, impostor: ModelFile) -> None:
    assert impostor.first_day == date_of(rows.first_day)
    assert rows.first_day <= min(rows.grown.day.min(), rows.calibrated.day.min())
    assert impostor.last_day == date_of(int(rows.held_out.day.max()))
    assert impostor.rows == len(rows.grown) + len(rows.calibrated)
    assert (impostor.recipe, impostor.features) == (recipe.hash, NAMES)
    assert len(impostor.typical) == len(NAMES)


@pytest.mark.parametrize(
    ("features", "said"),
    [(slice(1, None), NAMES[0]), (slice(None, None, -1), "in their order")],
)
def test_a_recipe_of_other_features_makes_no_model(rows: Split, features: slice, said: str) -> None:
    """Its names would stand on other numbers, and its directions hold others down."""
    for kind, make in (("impostor", fit_impostor), ("novelty", fit_novelty)):
        recipe = packaged_recipe(kind)
        other = replace(recipe, features=recipe.features[features], ordering=[])
        with pytest.raises(ValueError, match=f"{kind} recipe's features are others .*{said}"):
            make(rows, other, tenant="default", version="2026-04-01")


def test_the_same_history_gives_the_same_model(rows: Split, recipe: Recipe, impostor: ModelFile) -> None:
    assert fit_impostor(rows, recipe, tenant="default", version="2026-04-01") == impostor


def test_a_closed_unit_is_told_nothing_of_cores(rows: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As with ProcSubset=pid.
    monkeypatch.setattr("joblib.externals.loky.backend.context.physical_cores_cache", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    few = replace(packaged_recipe("impostor"), estimator=Estimator(name="x", why="x", parameters={}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_impostor(rows, few, tenant="default", version="2026-04-01")


def test_a_service_that_sends_little_gets_models_all_the_same(rows: Split, recipe: Recipe) -> None:
    def without(part: Table) -> Table:
        values = part.values.copy()
        for place, name in enumerate(NAMES):
            if name.startswith(("device", "agent", "system", "hour", "weekday")):
                values[:, place] = np.nan
        values[20:, NAMES.index("travel_speed")] = np.nan
        return Table(
            kinds=part.kinds, values=values, weights=part.weights, kind=part.kind, part=part.part, day=part.day,
            answered=part.answered,
        )  # fmt: skip

    bare = Split(
        without(rows.grown), without(rows.calibrated), without(rows.held_out), rows.first_day, without(rows.latest)
    )
    for made in (
        fit_impostor(bare, recipe, tenant="default", version="2026-04-01"),
        fit_novelty(bare, packaged_recipe("novelty"), tenant="default", version="2026-04-01"),
    ):
        used = {NAMES[feature] for tree in made.trees.trees for feature in tree.feature if feature >= 0}
        assert used
        assert not any(name.startswith(("device", "agent", "system", "hour", "weekday", "travel_s")) for name in used)
        assert made.typical[NAMES.index("device_share")] is None
        assert 0 <= usable(made).predict(bare.held_out.values[0].tolist()) <= 100


def test_probabilities_have_no_steps() -> None:
    random = np.random.default_rng(3)
    impostor = random.random(2000) < 0.5
    scores = np.clip(np.where(impostor, random.beta(8, 1, 2000), random.beta(1, 8, 2000)), 0, 1)
    made = calibrate(scores, impostor, np.ones(2000))
    grid = [made(score) for score in np.linspace(0, 1, 1001).tolist()]
    assert all(later > earlier for earlier, later in pairwise(grid))
    assert 0 < grid[0] < 0.01
    assert 0.99 < grid[-1] < 1


def test_few_people_are_no_certainty() -> None:
    # Everybody above .5 is an impostor, but only 50 people were looked at, and people are 98 in 100.
    scores, impostor = np.array([0.1] * 50 + [0.9] * 150), np.array([False] * 50 + [True] * 150)
    weights = np.where(impostor, 0.02 / 150, 0.98 / 50)
    made = calibrate(scores, impostor, weights)
    assert made(0.9) == pytest.approx(0.02 / (0.02 + 0.98 / 50), rel=0.11)


def test_of_an_order_no_probability_is_measured(rows: Split, recipe: Recipe, novelty: ModelFile) -> None:
    found = measured(rows, usable(novelty), recipe)
    assert "roc_auc" in found
    assert not [name for name in found if name.startswith(("log_loss", "observed_over_expected"))]
