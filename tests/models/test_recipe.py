"""Recipes: read whole or refused, with a hash of what decides and not of its words."""

from math import isnan, nan
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from sentinel.errors import FileError
from sentinel.facts import Look
from sentinel.models.features import FEATURES, NAMES
from sentinel.models.likelihood import BOUND, Likeness, likeness
from sentinel.models.recipe import packaged_card, packaged_models, packaged_recipe, read_recipe
from sentinel.models.stored import LIFE_DAYS
from sentinel.past.profile import TrustPolicy
from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, at, sighting

KINDS = ("impostor", "novelty", "likelihood")

TEXT = """
kind = "impostor"
title = "t"
seed = 1
window_days = 30
holdout_share = 0.2
features = [{ name = "a", meaning = "m", monotonic = -1 }, { name = "b", meaning = "m" }, { name = "c", meaning = "m" }]
minimum = { logins = 1, accounts = 1, days = 1 }
[estimator]
name = "E"
why = "w"
parameters = { depth = { value = 3, why = "w" } }
[[ordering]]
name = "o"
riskier = { a = 0.0 }
safer = { a = 1.0 }
given = { b = 2.0 }
"""


def read(tmp_path: Path, *changes: tuple[str, str]) -> Any:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "r.toml").write_text(text)
    return read_recipe(tmp_path / "r.toml")


@pytest.mark.parametrize("kind", KINDS)
def test_the_packaged_recipes_are_whole_and_have_cards(kind: Any) -> None:
    recipe = packaged_recipe(kind)
    assert recipe.kind == kind
    assert recipe.window_days < LIFE_DAYS
    assert all(each.why.endswith((".", ")")) for each in recipe.estimator.parameters.values())
    card = packaged_card(kind)
    for heading in ("What it is for", "What it cannot see", "Figures", "Data", "Privacy"):
        assert f"## {heading}\n" in card


def test_every_recipe_is_one_that_is_tested() -> None:
    assert sorted(path.stem for path in packaged_models().glob("*.toml")) == sorted(KINDS)


def test_the_estimators_take_the_parameters() -> None:
    impostor, novelty = packaged_recipe("impostor"), packaged_recipe("novelty")
    model = HistGradientBoostingClassifier(**impostor.parameters, monotonic_cst=impostor.monotonic)
    assert model.max_leaf_nodes == 24
    assert type(model).__name__ == impostor.estimator.name
    assert type(IsolationForest(**novelty.parameters)).__name__ == novelty.estimator.name
    assert impostor.names == novelty.names == NAMES
    for recipe in (impostor, novelty):
        assert [each.meaning for each in recipe.features] == [each.meaning for each in FEATURES]


def test_what_is_told_of_the_likelihood_is_what_it_does() -> None:
    """Nothing reads its recipe to compute it."""
    recipe = packaged_recipe("likelihood")
    assert recipe.parameters == {"bound": BOUND}
    compared = [name.removesuffix("_log") for name in Likeness.__struct_fields__ if name.endswith("_log")]
    assert list(recipe.names) == compared
    story = Story(RuleSet(()))
    for number in range(1, recipe.minimum.logins + 1):
        seen = sighting(at(number))
        assert (likeness(Look(seen, story.profile(), TrustPolicy())) is not None) == (number >= recipe.minimum.logins)
        story.judged(at(number))


def test_the_hash_is_of_what_decides(tmp_path: Path) -> None:
    before = read(tmp_path).hash
    for old, new in (
        ('title = "t"', 'title = "u"'),
        ('meaning = "m"', 'meaning = "n"'),
        ('3, why = "w"', '3, why = "v"'),
    ):
        assert read(tmp_path, (old, new)).hash == before
    for old, new in (
        ("seed = 1", "seed = 2"),
        ("value = 3", "value = 4"),
        ("monotonic = -1", "monotonic = 1"),
        ("window_days = 30", "window_days = 31"),
        ("days = 1 }", "days = 2 }"),
        ("a = 0.0", "a = 0.5"),
        (
            '{ name = "b", meaning = "m" }, { name = "c", meaning = "m" }',
            '{ name = "c", meaning = "m" }, { name = "b", meaning = "m" }',
        ),
    ):
        assert read(tmp_path, (old, new)).hash != before, new


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('name = "b"', 'name = "a"'), "twice"),
        (("riskier = { a", "riskier = { z"), "there is no feature 'z'"),
        (("given = { b", "given = { z"), "there is no feature 'z'"),
        (("window_days = 30", "window_days = 365"), "window_days"),
        (("seed = 1", "seed = 1\nsurprise = 1"), "surprise"),
        (('kind = "impostor"', 'kind = "magic"'), "kind"),
        (("monotonic = -1", "monotonic = 2"), "features"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(FileError, match=said) as error:
        read(tmp_path, change)
    assert "r.toml" in str(error.value)


def test_ordering_tests_set_what_they_name_and_know_nothing_else(tmp_path: Path) -> None:
    recipe = read(tmp_path)
    riskier, safer = recipe.vectors(recipe.ordering[0])
    assert (riskier[:2], safer[:2]) == ([0.0, 2.0], [1.0, 2.0])
    assert isnan(riskier[2])
    assert recipe.disorder(lambda vector: 1 - vector[0]) == []
    assert recipe.disorder(lambda vector: vector[0]) == ["o"]
    assert recipe.disorder(lambda vector: 0.5) == []
    # A model that has no number is not in order.
    assert recipe.disorder(lambda vector: nan) == ["o"]


def test_a_recipe_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        read(tmp_path).seed = 2
    assert msgspec.structs.replace(read(tmp_path), seed=2).seed == 2
