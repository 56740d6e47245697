"""Small models to test with."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sentinel.models.calibration import QUANTILES, Calibration, Percentiles
from sentinel.models.drift import Bins, Reference
from sentinel.models.recipe import packaged_recipe
from sentinel.models.stored import Kind, ModelFile
from sentinel.models.trees import Tree, Trees

FEATURES = ("seen_device", "seen_network", "hour_share")
RECIPE = "sha256:" + "0" * 64


def stump(of: int = 0, at: float = 0.5, low: float = 1.0, high: float = 2.0, **changes: Any) -> Tree:
    """A tree with one question: ``low`` up to the threshold, ``high`` above; unknown goes to the right."""
    arrays: dict[str, Any] = {
        "feature": (of, -1, -1),
        "threshold": (at, 0.0, 0.0),
        "missing_left": (False, False, False),
        "left": (1, 0, 0),
        "right": (2, 0, 0),
        "value": (0.0, low, high),
    }
    return Tree(**(arrays | changes))


def fitting(kind: Kind = "impostor", **changes: Any) -> ModelFile:
    """A model that this release may use, of a window that ended yesterday."""
    recipe = packaged_recipe(kind)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    window = {"first_day": yesterday - timedelta(days=30), "last_day": yesterday}
    fields = {"features": recipe.names, "recipe": recipe.hash, "version": yesterday.isoformat()} | window
    return model_file(kind, **(fields | changes))


def model_file(kind: str = "impostor", trees: Sequence[Tree] = (), **changes: Any) -> ModelFile:
    """A model of January 2026 for the tenant ``default``."""
    fields: dict[str, Any] = {
        "kind": kind,
        "version": "2026-02-01",
        "tenant": "default",
        "features": FEATURES,
        "recipe": RECIPE,
        "sentinel": "0.1.0",
        "sklearn": "1.9.1",
        "first_day": date(2026, 1, 1),
        "last_day": date(2026, 1, 31),
        "rows": 1000,
        "trees": Trees(baseline=0.0, trees=tuple(trees) or (stump(),)),
        "figures": {"log_loss": 0.1},
    }
    if kind == "impostor":
        fields["calibration"] = Calibration(x=(0.0, 1.0), y=(0.0, 1.0))
    else:
        fields["percentiles"] = Percentiles(quantiles=tuple(n / (QUANTILES - 1) for n in range(QUANTILES)))
    return ModelFile(**(fields | changes))


def even(features: int, logins: float = 10_000.0) -> Reference:
    """A reference in which of each feature, and of the score, a third is unknown, 0.5 at most, or more."""
    bins = Bins(edges=(0.5,), shares=(1 / 3, 1 / 3, 1 / 3))
    return Reference(features=(bins,) * features, score=bins, logins=logins, scored=logins)
