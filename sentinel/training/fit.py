"""From rows to models: fit, calibrate on accounts that no tree saw, measure on later days of others."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from sentinel import __version__
from sentinel.events.clock import date_of
from sentinel.models.features import NAMES
from sentinel.models.recipe import Recipe
from sentinel.models.stored import Kind, ModelFile
from sentinel.training.calibrate import calibrate
from sentinel.training.columns import blank_rare
from sentinel.training.convert import boosted_trees, isolation_trees, percentile_table
from sentinel.training.reference import reference
from sentinel.training.rows import CALIBRATION, HOLD_OUT
from sentinel.training.table import Numbers, Table, quantiles

#: People's logins challenged at most, at the threshold that shares of impostors caught are told at.
_BOTHERED: Final = 0.003
#: Probabilities nearer to 0 or 1 than this cost no more: one surprise must not decide between two models.
_CLIP: Final = 1e-5
#: Probabilities that calibration is told by, above 1 %.
_BINS: Final = (0.01, 0.05, 0.1, 0.2, 0.5, 0.8, 0.95, 1.01)
_ENOUGH: Final = 50
#: What is known in fewer rows is not learned from: ten times the fewest rows of a leaf, see :func:`blank_rare`.
_RARE: Final = 400
#: What answers weigh beside what is assumed, for trees to grow by: somebody who knows said so. Not for probabilities:
#: what is asked about is what stands out, and would come out as that much more frequent.
_ANSWERED: Final = 10.0


class Split(msgspec.Struct, frozen=True):
    """Rows by what they are for: no account is in two of the parts, and the hold-out is later than all others.

    ``first_day``: the oldest UTC day of which anything was learned, be it only of the pasts that rows are held against.
    ``latest``: people's logins of the days of the hold-out, of all accounts, to hold later days against.
    """

    grown: Table
    calibrated: Table
    held_out: Table
    first_day: int
    latest: Table


def split(table: Table, holdout_share: float, first_day: int | None = None) -> Split:
    """Cut by time and by account. ``first_day``: of the history that the rows are of; without, that of the first row.

    Raises :class:`ValueError` when a part would be without people or impostors.
    """
    real_days = table.day[table.real]
    if not len(real_days):
        raise ValueError("there are no logins to learn from")
    cut = np.quantile(real_days, 1 - holdout_share)
    earlier, later = table.day < cut, table.day >= cut
    found = Split(
        table.where(earlier & (table.part > CALIBRATION)),
        table.where(earlier & (table.part == CALIBRATION)),
        table.where(later & (table.part == HOLD_OUT)),
        int(table.day.min()) if first_day is None else first_day,
        table.where(later & table.real),
    )
    for part in (found.grown, found.calibrated, found.held_out):
        if not part.real.any() or part.real.all():
            raise ValueError("there are too few accounts or days to learn from some and measure on others")
    return found


def weighed(table: Table, prior: float, answered: float = 1.0) -> Numbers:
    """The weight of each row when ``prior`` of all that is judged are impostors; what somebody answered for weighs
    ``answered`` times as much."""
    real = table.real
    out = np.where(table.answered, table.weights * answered, table.weights)
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
    """An impostor model, without figures yet. Raises :class:`ValueError` when the recipe has other features."""
    _expect_features(recipe)
    progress("growing trees")
    grown, calibrated = rows.grown, rows.calibrated
    classifier = HistGradientBoostingClassifier(
        monotonic_cst=recipe.monotonic, random_state=recipe.seed, **recipe.parameters
    )
    with _one_thread():
        values, weights = blank_rare(grown.values, _RARE), weighed(grown, recipe.prior, _ANSWERED)
        classifier.fit(values, ~grown.real, sample_weight=weights)
        progress("calibrating")
        raw = classifier.predict_proba(calibrated.values)[:, 1]
    calibration = calibrate(raw, ~calibrated.real, weighed(calibrated, recipe.prior))

    def served(values: Numbers) -> Numbers:
        return np.array([calibration(score) for score in classifier.predict_proba(values)[:, 1].tolist()])

    return _file(
        rows, recipe, served, kind="impostor", tenant=tenant, version=version, rows=len(grown) + len(calibrated),
        trees=boosted_trees(classifier), calibration=calibration,
    )  # fmt: skip


def fit_novelty(
    rows: Split,
    recipe: Recipe,
    *,
    tenant: str | None,
    version: str,
    progress: Callable[[str], None] = lambda what: None,
) -> ModelFile:
    """A novelty model; it learns from people's logins alone. Raises :class:`ValueError` as :func:`fit_impostor`."""
    _expect_features(recipe)
    progress("growing an isolation forest")
    grown = rows.grown.where(rows.grown.real)
    calibrated = rows.calibrated.where(rows.calibrated.real)
    with _one_thread():
        forest = IsolationForest(random_state=recipe.seed, **recipe.parameters)
        # A login that stands for several is drawn as often as they would be.
        forest.fit(blank_rare(grown.values, _RARE), sample_weight=grown.weights)
    # Of accounts that no tree saw: people who are new to it are as odd as people will be.
    percentiles = percentile_table(-forest.score_samples(calibrated.values), calibrated.weights)

    def served(values: Numbers) -> Numbers:
        return np.array([percentiles(score) for score in -forest.score_samples(values)])

    return _file(
        rows, recipe, served, kind="novelty", tenant=tenant, version=version, rows=len(grown) + len(calibrated),
        trees=isolation_trees(forest), percentiles=percentiles,
    )  # fmt: skip


def _expect_features(recipe: Recipe) -> None:
    if recipe.names != NAMES:
        odd = sorted(set(recipe.names) ^ set(NAMES))
        what = f": {', '.join(odd)}" if odd else " in their order"
        raise ValueError(f"the {recipe.kind} recipe's features are others than those of sentinel.models.features{what}")


def _file(split: Split, recipe: Recipe, scores: Callable[[Numbers], Numbers], *, kind: Kind, **own: Any) -> ModelFile:
    """A model's file without figures; ``scores`` is what the model says of rows, ``own`` what only this kind has."""
    return ModelFile(
        kind=kind,
        features=NAMES,
        recipe=recipe.hash,
        sentinel=__version__,
        sklearn=sklearn.__version__,
        first_day=date_of(split.first_day),
        last_day=date_of(int(split.held_out.day.max())),
        typical=typical(split.grown),
        reference=reference(kind, split.latest, scores),
        **own,
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
    found |= reliability(scores, ~real, weights)
    bar = found["threshold_3_in_1000"] = highest(scores[real], weights[real], _BOTHERED)
    for number, kind in enumerate(table.kinds):
        theirs = table.kind == number
        if number and theirs.any():
            found[f"caught_{kind}"] = float(np.average(scores[theirs] > bar, weights=weights[theirs]))
    return found


def reliability(scores: Numbers, impostors: Numbers, weights: Numbers) -> dict[str, float]:
    """The lowest and the highest ratio of impostors observed to impostors expected over the bins of :data:`_BINS`; 1 is
    a probability that means what it says. Bins of fewer than :data:`_ENOUGH` impostors are left out."""
    ratios = []
    for low, high in pairwise(_BINS):
        inside = (scores >= low) & (scores < high)
        expected = float((scores * weights)[inside].sum())
        if (impostors & inside).sum() >= _ENOUGH and expected > 0:
            ratios.append(float(weights[inside & impostors].sum()) / expected)
    return {"observed_over_expected_low": min(ratios), "observed_over_expected_high": max(ratios)} if ratios else {}


def highest(scores: Numbers, weights: Numbers, share: float) -> float:
    """The lowest score that at most a ``share`` of the weight lies above."""
    order = np.argsort(scores)[::-1]
    above = np.cumsum(weights[order])
    return float(scores[order][np.searchsorted(above, share * above[-1], side="right")])


def log_loss(scores: Numbers, impostors: Numbers, weights: Numbers) -> float:
    """Mean weighted logarithmic loss, in nats."""
    clipped = np.clip(scores, _CLIP, 1 - _CLIP)
    loss = -np.where(impostors, np.log(clipped), np.log1p(-clipped))
    return float((loss * weights).sum() / weights.sum())


def typical(table: Table) -> tuple[float | None, ...]:
    """The median of each feature over people's logins, by what each counts; ``None`` where it is never known."""
    real = table.where(table.real)
    medians: list[float | None] = []
    for column in real.values.T:
        known = ~np.isnan(column)
        medians.append(float(quantiles(column[known], real.weights[known], 0.5)) if known.any() else None)
    return tuple(medians)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The other cores are the daemon's, and threads that wait for a core which is taken are slower than one."""
    with threadpool_limits(1), warnings.catch_warnings():
        # All the same joblib counts cores, by a program that a closed unit does not let look.
        warnings.filterwarnings("ignore", "Could not find the number of physical cores")
        yield
