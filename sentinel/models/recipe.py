"""Recipes: how a model is made, as data (`models/*.toml`), with the reasons."""

from collections.abc import Callable, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

import sentinel
from sentinel.errors import FileError
from sentinel.events.refusal import refusal
from sentinel.models.stored import LIFE_DAYS, digest_of
from sentinel.toml_source import TomlFile

RecipeKind = Literal["impostor", "novelty", "likelihood"]
Text = Annotated[str, Meta(min_length=1)]


class Ingredient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One feature: its name, what it means, and which way it may move the risk (1: more is never less risk, -1: more is
    never more, 0: either)."""

    name: Text
    meaning: Text
    monotonic: Literal[-1, 0, 1] = 0


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A parameter of the estimator, and the reason for its value."""

    value: bool | int | float | str
    why: Text


class Estimator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is fitted, why that, and with which parameters."""

    name: Text
    why: Text
    parameters: dict[str, Parameter] = {}


class Minimum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The least data that training takes; with less it refuses, since the model would know a few people by heart."""

    logins: Annotated[int, Meta(ge=1)]
    accounts: Annotated[int, Meta(ge=1)]
    days: Annotated[int, Meta(ge=1)]


class Ordering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A test of every model: of two logins, alike in what is ``given`` and unknown in all else, the one that differs by
    ``riskier`` must score at least as high as the one that differs by ``safer``."""

    name: Text
    riskier: dict[str, float]
    safer: dict[str, float]
    given: dict[str, float] = {}


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One recipe. Raises :class:`ValueError` when it does not fit together."""

    kind: RecipeKind
    title: Text
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    window_days: Annotated[int, Meta(ge=1, lt=LIFE_DAYS)]  #: it learns from the newest so many days
    holdout_share: Annotated[float, Meta(ge=0, lt=1)]  #: the newest part of the window, which only measures
    minimum: Minimum
    estimator: Estimator
    features: list[Ingredient]
    ordering: list[Ordering] = []
    prior: Annotated[float, Meta(gt=0, lt=1)] = 0.02  #: share of impostors that probabilities are for

    def __post_init__(self) -> None:
        known = set(self.names)
        if len(known) != len(self.features):
            raise ValueError("a feature stands twice")
        for each in self.ordering:
            if unknown := {*each.riskier, *each.safer, *each.given} - known:
                raise ValueError(f"ordering {each.name!r}: there is no feature {min(unknown)!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in the order of the vector."""
        return tuple(feature.name for feature in self.features)

    @property
    def monotonic(self) -> list[int]:
        """Which way each feature may move the risk, in the order of the vector."""
        return [feature.monotonic for feature in self.features]

    @property
    def parameters(self) -> dict[str, bool | int | float | str]:
        """The estimator's parameters by name."""
        return {name: each.value for name, each in self.estimator.parameters.items()}

    @property
    def hash(self) -> str:
        """:func:`digest_of` all that a recipe says but its words: title, meanings and reasons change without making a
        trained model another."""
        content: Any = msgspec.to_builtins(self)
        del content["title"], content["estimator"]["why"]
        for feature in content["features"]:
            del feature["meaning"]
        content["estimator"]["parameters"] = self.parameters
        return digest_of(content)

    def vectors(self, ordering: Ordering) -> tuple[list[float], list[float]]:
        """The two logins of an ordering test: the riskier and the safer one."""
        return self._vector(ordering.given | ordering.riskier), self._vector(ordering.given | ordering.safer)

    def disorder(self, predict: Callable[[Sequence[float]], float]) -> list[str]:
        """The names of the ordering tests that a model fails."""
        failed = []
        for each in self.ordering:
            riskier, safer = self.vectors(each)
            if not predict(riskier) >= predict(safer):
                failed.append(each.name)
        return failed

    def _vector(self, values: Mapping[str, float]) -> list[float]:
        return [values.get(name, nan) for name in self.names]


def packaged_models() -> Path:
    """The folder of recipes, cards and the baseline: in the wheel, or beside the package in a checkout."""
    package = Path(sentinel.__file__).parent
    inside = package / "data" / "models"
    return inside if inside.is_dir() else package.parent / "models"


def read_recipe(path: Path) -> Recipe:
    """A recipe out of its file. Raises :class:`FileError`."""
    file = TomlFile.read(path)
    try:
        return msgspec.convert(file.data, Recipe)
    except msgspec.ValidationError as error:
        found = refusal(error, {})
        raise FileError(str(path), found.expected, key=found.field) from None


def packaged_recipe(kind: RecipeKind) -> Recipe:
    """The recipe of a kind that comes with this release."""
    return read_recipe(packaged_models() / f"{kind}.toml")


def packaged_card(kind: RecipeKind) -> str:
    """The model card of a kind, Markdown."""
    return (packaged_models() / f"{kind}.md").read_text(encoding="utf-8")
