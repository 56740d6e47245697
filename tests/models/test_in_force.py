"""A tenant's own model where it may be used, the baseline where it has none, and why one is passed over."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sentinel.models import in_force
from sentinel.models.in_force import ModelsInForce, Shelf
from sentinel.models.recipe import Estimator, Ingredient, Minimum, Recipe
from sentinel.models.registry import Registry
from sentinel.models.stored import Abstains, Kind, Model, encode
from tests.models.made import FEATURES, model_file, stump

TODAY = date(2026, 3, 1)
BASE = "baseline-2026-01-31"


def recipe(kind: Kind) -> Recipe:
    return Recipe(
        kind=kind, title="t", seed=1, window_days=30, holdout_share=0.2, minimum=Minimum(1, 1, 1),
        estimator=Estimator("E", "w"), features=[Ingredient(name, "m") for name in FEATURES],
    )  # fmt: skip


RECIPES: dict[Kind, Recipe] = {"impostor": recipe("impostor"), "novelty": recipe("novelty")}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def shelf(registry: Registry, tmp_path: Path) -> Shelf:
    folder = tmp_path / "baseline"
    folder.mkdir()
    for kind in RECIPES:
        file = model_file(kind, tenant=None, version=BASE, recipe=RECIPES[kind].hash)
        (folder / f"{kind}.json").write_bytes(encode(file))
    return Shelf(registry, RECIPES, folder)


def promoted(registry: Registry, kind: Kind = "impostor", version: str = "2026-02-01", **changes: Any) -> None:
    registry.add(model_file(kind, version=version, **({"recipe": RECIPES[kind].hash} | changes)))
    registry.promote(changes.get("tenant", "default"), kind)


def load(shelf: Shelf, today: date = TODAY, tenant: str = "default") -> ModelsInForce:
    return shelf.load([tenant], today)[tenant]


def told(found: ModelsInForce) -> list[tuple[str, str, str]]:
    return [(each.kind, each.version, each.status) for each in found.standings]


def test_the_baseline_is_in_force_where_nothing_was_promoted(shelf: Shelf) -> None:
    found = load(shelf)
    assert found.versions == {"impostor": BASE, "novelty": BASE}
    assert told(found) == [("impostor", BASE, "in force"), ("novelty", BASE, "in force")]
    assert {each.tenant for each in found.standings} == {"default"}


def test_what_was_promoted_is_in_force_for_its_tenant(shelf: Shelf, registry: Registry) -> None:
    promoted(registry, trees=[stump(low=-5.0)])
    found = shelf.load(["default", "other"], TODAY)
    assert found["default"].versions == {"impostor": "2026-02-01", "novelty": BASE}
    assert found["other"].versions == {"impostor": BASE, "novelty": BASE}
    model = found["default"].impostor
    assert isinstance(model, Model)
    assert model.raw((0.0, 0.0, 0.0)) == -5.0


def test_a_candidate_is_not_in_force(shelf: Shelf, registry: Registry) -> None:
    registry.add(model_file(recipe=RECIPES["impostor"].hash))
    assert load(shelf).versions["impostor"] == BASE
    assert [(each.version, each.status) for each in shelf.look("default", TODAY)][:2] == [
        (BASE, "in force"),
        ("2026-02-01", "candidate"),
    ]


def test_one_that_is_too_old_gives_way_to_the_baseline(shelf: Shelf, registry: Registry) -> None:
    promoted(registry)
    assert load(shelf, date(2026, 12, 31)).versions["impostor"] == "2026-02-01"
    found = load(shelf, date(2027, 1, 1))
    assert found.versions["impostor"] == BASE
    assert told(found)[:2] == [("impostor", "2026-02-01", "abstains"), ("impostor", BASE, "in force")]
    assert "365 days ago" in (found.standings[0].reason or "")


@pytest.mark.parametrize("damage", ["cut", "gone", "state", "recipe"])
def test_whatever_is_wrong_with_one_costs_only_that_one(shelf: Shelf, registry: Registry, damage: str) -> None:
    promoted(registry, **({"recipe": "sha256:" + "1" * 64} if damage == "recipe" else {}))
    promoted(registry, tenant="other")
    path = registry.path("default", "impostor", "2026-02-01")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "gone":
        path.unlink()
    elif damage == "state":
        path.with_name("state.json").write_text("{")
    found = shelf.load(["default", "other"], TODAY)
    assert found["other"].versions["impostor"] == "2026-02-01"
    assert found["default"].versions["impostor"] == BASE
    assert found["default"].standings[0].status == "abstains"
    assert found["default"].standings[0].reason


def test_without_a_baseline_that_may_be_used_it_abstains(shelf: Shelf, registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "baseline/impostor.json").unlink()
    (tmp_path / "baseline/novelty.json").write_text("{}")
    found = load(shelf)
    assert found.versions == {}
    assert found.impostor == Abstains("no baseline comes with this release", "none")
    assert isinstance(found.novelty, Abstains)
    assert "damaged" in found.novelty.reason
    assert [each.status for each in found.standings] == ["missing", "abstains"]


def test_a_tenant_that_nobody_heard_of_has_the_baseline(shelf: Shelf, registry: Registry) -> None:
    promoted(registry)
    known = load(shelf)
    bare = shelf.bare("new")
    assert bare.versions == {"impostor": BASE, "novelty": BASE}
    assert bare.novelty is known.novelty
    assert {each.tenant for each in bare.standings} == {"new"}


def test_the_same_file_is_compiled_once(shelf: Shelf, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    usable = in_force.usable
    monkeypatch.setattr(in_force, "usable", lambda file: (compiled.append(file.kind), usable(file))[1])
    first = shelf.load(["a", "b"], TODAY)
    assert compiled == ["impostor", "novelty"]
    assert first["a"].impostor is first["b"].impostor
    promoted(registry, tenant="a")
    second = shelf.load(["a", "b"], TODAY)
    assert compiled == ["impostor", "novelty", "impostor"]
    assert second["b"].impostor is first["b"].impostor
    # Not kept for ever: what is in force nowhere is compiled anew when it comes back.
    shelf.load(["b"], TODAY)
    shelf.load(["a"], TODAY)
    assert compiled.count("impostor") == 3


def test_look_tells_of_kept_ones_and_why_they_would_abstain(shelf: Shelf, registry: Registry) -> None:
    promoted(registry, version="2026-02-01", recipe="sha256:" + "1" * 64)
    promoted(registry, version="2026-02-02")
    found = shelf.look("default", TODAY)
    assert [(each.kind, each.version, each.status, each.reason is None) for each in found] == [
        ("impostor", "2026-02-02", "in force", True),
        ("impostor", "2026-02-01", "kept", False),
        ("novelty", BASE, "in force", True),
    ]
