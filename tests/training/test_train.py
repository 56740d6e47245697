"""What comes of a trained model: put in force, kept, refused, and why."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from sentinel.events.clock import day_of, end_of
from sentinel.models.in_force import NO_MODELS, ModelsInForce, Shelf
from sentinel.models.recipe import Ordering, Recipe, packaged_recipe
from sentinel.models.registry import Registry
from sentinel.models.stored import Kind, ModelFile, usable
from sentinel.training.fit import Split
from sentinel.training.history import Collected
from sentinel.training.run import make
from sentinel.training.train import Outcome, TooLittleError, decide, expect_enough, keep, measured
from tests.models.made import stump
from tests.training.conftest import LATER

#: The day after the history.
TODAY = date(2026, 4, 1)


@pytest.fixture(scope="module")
def recipes(recipe: Recipe) -> dict[Kind, Recipe]:
    return {"impostor": recipe, "novelty": packaged_recipe("novelty")}


@pytest.fixture(scope="module")
def figured(rows: Split, recipe: Recipe, impostor: ModelFile) -> ModelFile:
    return replace(impostor, figures=measured(rows, usable(impostor), recipe))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def in_force(registry: Registry, recipes: dict[Kind, Recipe], tmp_path: Path) -> Callable[..., ModelsInForce]:
    """What is in force on a day; there is no baseline of such a recipe."""

    def load(day: date = TODAY) -> ModelsInForce:
        return Shelf(registry, recipes, tmp_path / "none").load(["default"], day)["default"]

    return load


def blind(file: ModelFile) -> ModelFile:
    """A model that knows next to nothing."""
    trees = replace(file.trees, baseline=-4.0, trees=(stump(low=0.0, high=0.001),))
    return replace(file, trees=trees, version="2026-03-01")


def put_in_force(registry: Registry, file: ModelFile) -> None:
    registry.add(file)
    assert file.tenant is not None
    registry.promote(file.tenant, file.kind)


def test_too_little_is_refused_in_words(rows: Split, recipe: Recipe) -> None:
    good = Collected(table=rows.grown, logins=1000, accounts=30, first_day=100, last_day=127)
    expect_enough(good, recipe, "default")
    for little in (replace(good, logins=999), replace(good, accounts=29), replace(good, last_day=126)):
        with pytest.raises(TooLittleError, match=r"tenant shop: .*1,000 of 30 over 28 are needed.*train again later"):
            expect_enough(little, recipe, "shop")


def test_one_that_is_better_is_put_in_force_and_no_equal_one_after_it(
    rows: Split, recipes: dict[Kind, Recipe], registry: Registry, in_force: Callable[..., ModelsInForce]
) -> None:
    told: list[list[Outcome]] = []
    for _ in range(3):
        told.append(make(rows, "default", recipes, in_force(), registry, today=TODAY))
    assert [[each.what for each in outcomes] for outcomes in told] == [["promoted"] * 2] + [["candidate"] * 2] * 2
    first, second, third = told
    assert [each.version for each in first] == ["2026-04-01"] * 2
    assert [each.before_version for each in second] == ["2026-04-01"] * 2
    assert all(each.figures == each.before for each in (*second, *third))
    for kind in ("impostor", "novelty"):
        held = registry.held("default", kind)  # type: ignore[arg-type]
        # The candidates took each other's place.
        assert (held.in_force, held.candidate, held.kept) == ("2026-04-01", "2026-04-01.3", ())
    assert "nothing was in force; log_loss" in first[0].why
    assert second[0].why.startswith("not better: log_loss")
    assert second[1].why.startswith("not better: roc_auc")
    standings = Shelf(registry, recipes).look("default", TODAY)
    assert [(each.kind, each.version, each.status) for each in standings] == [
        (kind, version, status)
        for kind in ("impostor", "novelty")
        for version, status in (("2026-04-01", "in force"), ("2026-04-01.3", "candidate"))
    ]
    assert all(each.reason is None for each in standings)


def test_a_better_one_takes_the_place_and_the_one_before_is_kept(
    rows: Split, recipe: Recipe, registry: Registry, in_force: Callable[..., ModelsInForce], figured: ModelFile
) -> None:
    put_in_force(registry, blind(figured))
    outcome = decide(figured, rows, recipe, in_force(), TODAY)
    assert (outcome.what, outcome.before_version) == ("promoted", "2026-03-01")
    assert outcome.why.startswith("better: log_loss 0.0")
    assert outcome.before is not None
    assert outcome.before["log_loss"] > outcome.figures["log_loss"]
    keep(figured, outcome, registry)
    held = registry.held("default", "impostor")
    assert (held.in_force, held.candidate, held.kept) == ("2026-04-01", None, ("2026-03-01",))


def test_a_worse_one_stays_a_candidate(
    rows: Split, recipe: Recipe, registry: Registry, in_force: Callable[..., ModelsInForce], figured: ModelFile
) -> None:
    put_in_force(registry, figured)
    worse = blind(figured)
    worse = replace(worse, version="2026-04-02", figures=measured(rows, usable(worse), recipe))
    outcome = decide(worse, rows, recipe, in_force(), TODAY)
    assert (outcome.what, outcome.why[:10]) == ("candidate", "not better")
    keep(worse, outcome, registry)
    assert registry.held("default", "impostor").candidate == "2026-04-02"
    assert registry.held("default", "impostor").in_force == "2026-04-01"


def test_where_nothing_is_in_force_a_model_must_beat_a_guess(rows: Split, recipe: Recipe, figured: ModelFile) -> None:
    assert decide(figured, rows, recipe, NO_MODELS, TODAY).what == "promoted"
    poor = replace(figured, figures=figured.figures | {"log_loss": figured.figures["log_loss_constant"]})
    outcome = decide(poor, rows, recipe, NO_MODELS, TODAY)
    assert (outcome.what, outcome.before) == ("candidate", None)
    assert "of a guess" in outcome.why


def test_one_that_is_as_good_takes_the_place_of_one_that_has_to_go(
    rows: Split, recipe: Recipe, registry: Registry, in_force: Callable[..., ModelsInForce], figured: ModelFile
) -> None:
    old = replace(figured, version="2026-03-01", first_day=figured.first_day - timedelta(days=100))
    put_in_force(registry, old)
    assert old.ends is not None
    long_before, soon = old.ends - timedelta(days=61), old.ends - timedelta(days=60)
    assert decide(figured, rows, recipe, in_force(long_before), long_before).what == "candidate"
    outcome = decide(figured, rows, recipe, in_force(soon), soon)
    assert (outcome.what, f"has to go on {old.ends}" in outcome.why) == ("promoted", True)
    # One of the same days would have to go as soon.
    same = replace(old, version="2026-03-02")
    assert decide(same, rows, recipe, in_force(soon), soon).what == "candidate"
    # Nor is a worse one taken, while there is one.
    worse = replace(figured, figures=figured.figures | {"log_loss": figured.figures["log_loss"] * 1.02})
    assert decide(worse, rows, recipe, in_force(soon), soon).what == "candidate"


def test_history_that_is_too_old_makes_no_model(rows: Split, recipe: Recipe, figured: ModelFile) -> None:
    assert figured.ends is not None
    outcome = decide(figured, rows, recipe, NO_MODELS, figured.ends)
    assert (outcome.what, "too long ago" in outcome.why) == ("refused", True)
    assert decide(figured, rows, recipe, NO_MODELS, figured.ends - timedelta(days=1)).what == "promoted"


def test_one_that_is_out_of_order_is_not_kept(
    rows: Split, recipe: Recipe, registry: Registry, figured: ModelFile
) -> None:
    safest = recipe.ordering[0]
    turned = Ordering(name="turned round", riskier=safest.safer, safer=safest.riskier)
    outcome = decide(figured, rows, replace(recipe, ordering=[turned]), NO_MODELS, TODAY)
    assert (outcome.what, outcome.why) == ("refused", "it fails the ordering tests: turned round")
    keep(figured, outcome, registry)
    assert not registry.directory.exists()


def test_measuring_alone_writes_nothing(
    rows: Split, recipes: dict[Kind, Recipe], registry: Registry, in_force: Callable[..., ModelsInForce]
) -> None:
    outcomes = make(rows, "default", recipes, in_force(), registry, today=TODAY, keeping=False)
    assert [each.what for each in outcomes] == ["promoted"] * 2
    assert not registry.directory.exists()


def test_days_end_where_the_next_begins() -> None:
    assert end_of(day_of(date(1970, 1, 1))) == 86_400_000_000 - 1
    assert end_of(day_of(date(2026, 4, 1))) > LATER > end_of(day_of(date(2026, 3, 31)))
