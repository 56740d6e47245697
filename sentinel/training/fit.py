"""From rows to models: fit, calibrate on accounts that no tree saw, measure on later days of others."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from math import isnan
from typing import Final

import msgspec
import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from sentinel import __version__
from sentinel.models.features import NAMES
from sentinel.models.recipe import Recipe
from sentinel.models.stored import ModelFile
from sentinel.training.convert import boosted_trees, calibration_points, isolation_trees, percentile_table
from sentinel.training.reference import reference
from sentinel.training.rows import CALIBRATION, HOLD_OUT, Numbers, Table

_SECONDS: Final = 86_400
#: People's logins challenged at most, at the threshold that shares of impostors caught are told at.
_BOTHERED: Final = 0.003
#: Probabilities nearer to 0 or 1 than this cost no more: one surprise must not decide between two models.
_CLIP: Final = 1e-5


class Split(msgspec.Struct, frozen=True):
    """Rows by what they are for: no account is in two of the parts, and the hold-out is later than all others.

    ``latest``: people's logins of the days of the hold-out, of all accounts, to hold later days against.
    """

    grown: Table
    calibrated: Table
    held_out: Table
    latest: Table | None = None


def split(table: Table, holdout_share: float) -> Split:
    """Cut by time and by account. Raises :class:`ValueError` when a part would be without people or impostors."""
    real_days = table.day[table.real]
    if not len(real_days):
        raise ValueError("there are no logins to learn from")
    cut = np.quantile(real_days, 1 - holdout_share)
    earlier, later = table.day < cut, table.day >= cut
    found = Split(
        table.where(earlier & (table.part > CALIBRATION)),
        table.where(earlier & (table.part == CALIBRATION)),
        table.where(later & (table.part == HOLD_OUT)),
        table.where(later & table.real),
    )
    for part in (found.grown, found.calibrated, found.held_out):
        if not part.real.any() or part.real.all():
            raise ValueError("there are too few accounts or days to learn from some and measure on others")
    return found


def weighed(table: Table, prior: float) -> Numbers:
    """The weight of each row when ``prior`` of all that is judged are impostors."""
    real = table.real
    out = table.weights.copy()
    out[real] *= (1 - prior) / out[real].sum()
    out[~real] *= prior / out[~real].sum()
    return np.asarray(out * len(table))


def fit_impostor(
    rows: Split,
    recipe: Recipe,
    *,
    tenant: str | None,
    version: str,
    progress: Callable[[str], None] = lambda what: None,
) -> ModelFile:
    """An impostor model with the figures of the hold-out."""
    progress("growing trees")
    grown, calibrated = rows.grown, rows.calibrated
    classifier = HistGradientBoostingClassifier(
        monotonic_cst=recipe.monotonic, random_state=recipe.seed, **recipe.parameters
    )
    classifier.fit(grown.values, ~grown.real, sample_weight=weighed(grown, recipe.prior))
    progress("calibrating")
    raw = classifier.predict_proba(calibrated.values)[:, 1]
    isotonic = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    isotonic.fit(raw, (~calibrated.real).astype(float), sample_weight=weighed(calibrated, recipe.prior))
    return ModelFile(
        kind="impostor",
        version=version,
        tenant=tenant,
        features=NAMES,
        recipe=recipe.hash,
        sentinel=__version__,
        sklearn=sklearn.__version__,
        first_day=day_of(grown.day.min()),
        last_day=day_of(rows.held_out.day.max()),
        rows=len(grown) + len(calibrated),
        trees=boosted_trees(classifier),
        calibration=calibration_points(isotonic),
        typical=typical(grown),
        reference=reference(
            "impostor", rows.latest, lambda values: isotonic.predict(classifier.predict_proba(values)[:, 1])
        ),
    )


def fit_novelty(
    rows: Split,
    recipe: Recipe,
    *,
    tenant: str | None,
    version: str,
    progress: Callable[[str], None] = lambda what: None,
) -> ModelFile:
    """A novelty model; it learns from people's logins alone."""
    progress("growing an isolation forest")
    grown = rows.grown.where(rows.grown.real)
    calibrated = rows.calibrated.where(rows.calibrated.real)
    forest = IsolationForest(random_state=recipe.seed, **recipe.parameters).fit(grown.values)
    return ModelFile(
        kind="novelty",
        version=version,
        tenant=tenant,
        features=NAMES,
        recipe=recipe.hash,
        sentinel=__version__,
        sklearn=sklearn.__version__,
        first_day=day_of(grown.day.min()),
        last_day=day_of(rows.held_out.day.max()),
        rows=len(grown) + len(calibrated),
        trees=isolation_trees(forest),
        # Of accounts that no tree saw: people who are new to it are as odd as people will be.
        percentiles=(percentiles := percentile_table(-forest.score_samples(calibrated.values))),
        typical=typical(grown),
        reference=reference(
            "novelty",
            rows.latest,
            lambda values: np.array([percentiles(each) for each in -forest.score_samples(values)]),
        ),
    )


def figures(table: Table, predict: Callable[[Sequence[float]], float], prior: float) -> dict[str, float]:
    """What a model reaches on a hold-out: log-loss (beside that of a constant), area under the curve, and the share of
    each kind of impostor caught when :data:`_BOTHERED` of people's logins are.

    ``predict`` is what the daemon uses, not what was fitted.
    """
    scores = np.array([predict(row) for row in table.values.tolist()])
    real = table.real
    weights = weighed(table, prior)
    found = {
        "logins": float(real.sum()),
        "impostors": float((~real).sum()),
        "log_loss": log_loss(scores, ~real, weights),
        "log_loss_constant": log_loss(np.full(len(scores), prior), ~real, weights),
        "roc_auc": float(roc_auc_score(~real, scores, sample_weight=weights)),
    }
    people = np.sort(scores[real])[::-1]
    bar = float(people[int(_BOTHERED * len(people))])
    found["threshold_3_in_1000"] = bar
    for number, kind in enumerate(table.kinds):
        theirs = scores[table.kind == number]
        if number and len(theirs):
            found[f"caught_{kind}"] = float((theirs > bar).mean())
    return found


def log_loss(scores: Numbers, impostors: Numbers, weights: Numbers) -> float:
    """Mean weighted logarithmic loss, in nats."""
    clipped = np.clip(scores, _CLIP, 1 - _CLIP)
    loss = -np.where(impostors, np.log(clipped), np.log1p(-clipped))
    return float((loss * weights).sum() / weights.sum())


def typical(table: Table) -> tuple[float | None, ...]:
    """The median of each feature over people's logins; ``None`` where it is never known."""
    with np.errstate(all="ignore"):
        values = table.values[table.real]
        medians = [float(np.median(known)) if len(known := column[~np.isnan(column)]) else None for column in values.T]
    return tuple(None if each is None or isnan(each) else each for each in medians)


def day_of(day: int) -> date:
    """A UTC day by its number."""
    return datetime.fromtimestamp(int(day) * _SECONDS, UTC).date()
