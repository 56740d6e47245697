"""Training: rows, fit, and whether what came of it is better than what is in force."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, Literal

import msgspec

from sentinel.errors import SentinelError
from sentinel.models.in_force import ModelsInForce
from sentinel.models.recipe import Recipe
from sentinel.models.registry import Registry
from sentinel.models.stored import Kind, Model, ModelFile, usable
from sentinel.training.fit import Split, figures, fit_impostor, fit_novelty
from sentinel.training.history import Collected

#: What decides: the figure by kind, and whether more of it is better. An impostor model's probabilities must hold, a
#: novelty model's order must.
DECIDES: Final[dict[Kind, tuple[str, bool]]] = {"impostor": ("log_loss", False), "novelty": ("roc_auc", True)}
#: What a model reaches must exceed what is in force by so much of it: chance alone must not put another in force.
_MARGIN: Final = 0.005
#: One that has to go in so many days makes room for one that is as good: or the baseline would stand in for it.
_RENEW_DAYS: Final = 60
#: What a guess reaches without looking: a model must exceed it to be put in force where there is none.
_GUESS: Final = "log_loss_constant"
#: Figures that only probabilities have.
_OF_PROBABILITIES: Final = ("log_loss", "observed_over_expected")

What = Literal["promoted", "candidate", "refused"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of training one kind: figures on the hold-out, beside those of the model in force, where there is one.

    ``what``: ``promoted``, ``candidate`` (it may be promoted by hand) or ``refused`` (it fails an ordering test, or its
    history is so old that it would have to go at once).
    """

    kind: Kind
    version: str
    what: What
    why: str
    figures: dict[str, float]
    before: dict[str, float] | None
    before_version: str | None


class TooLittleError(SentinelError):
    """There is too little history to learn from."""


def expect_enough(collected: Collected, recipe: Recipe, tenant: str) -> None:
    """Raise :class:`TooLittleError` unless there is what the recipe asks for."""
    least = recipe.minimum
    days = collected.last_day - collected.first_day + 1
    if collected.logins >= least.logins and collected.accounts >= least.accounts and days >= least.days:
        return
    raise TooLittleError(
        f"tenant {tenant}: {collected.logins:,} trusted logins of {collected.accounts:,} accounts over {days} days are"
        f" too little to learn from; {least.logins:,} of {least.accounts:,} over {least.days} are needed. What is in"
        " force goes on judging; train again later"
    )


def fit(
    rows: Split, kind: Kind, recipe: Recipe, *, tenant: str, version: str, progress: Callable[[str], None]
) -> ModelFile:
    """A model with its figures on the hold-out, as the daemon would serve it."""
    make = fit_impostor if kind == "impostor" else fit_novelty
    made = make(rows, recipe, tenant=tenant, version=version, progress=progress)
    progress("measuring")
    return msgspec.structs.replace(made, figures=measured(rows, usable(made), recipe))


def measured(rows: Split, model: Model, recipe: Recipe) -> dict[str, float]:
    """A model's figures on the hold-out; a percentile is no probability, so a novelty model has no log-loss, and
    nothing was expected of it."""
    if model.kind == "impostor":
        return figures(rows.held_out, model.predict, recipe.prior)
    found = figures(rows.held_out, model.raw, recipe.prior)
    return {name: value for name, value in found.items() if not name.startswith(_OF_PROBABILITIES)}


def decide(made: ModelFile, rows: Split, recipe: Recipe, in_force: ModelsInForce, today: date) -> Outcome:
    """Whether a model may take the place of what is in force: both are measured on the same hold-out."""
    kind = made.kind
    before = in_force.of(kind)
    theirs = measured(rows, before, recipe) if isinstance(before, Model) else None
    version = before.version if isinstance(before, Model) else None
    what, why = _verdict(made, theirs, version, recipe, today, _ends(in_force, kind, version))
    return Outcome(
        kind=kind, version=made.version, what=what, why=why, figures=made.figures, before=theirs, before_version=version
    )


def _verdict(
    made: ModelFile,
    theirs: dict[str, float] | None,
    version: str | None,
    recipe: Recipe,
    today: date,
    ends: date | None,
) -> tuple[What, str]:
    if made.ends is not None and made.ends <= today:
        return "refused", f"it would learn from days since {made.first_day}, too long ago to be used"
    if made.kind == "impostor" and (failed := recipe.disorder(usable(made).predict)):
        return "refused", f"it fails the ordering tests: {', '.join(failed)}"
    name, more = DECIDES[made.kind]
    mine = made.figures[name]
    if theirs is None:
        guess = 0.5 if more else made.figures[_GUESS]
        compared = f"{name} {mine:.4g} against {guess:.4g} of a guess"
        better = mine > guess if more else mine < guess
        return ("promoted", f"nothing was in force; {compared}") if better else ("candidate", f"not better: {compared}")
    later = ends is not None and made.ends is not None and made.ends > ends
    gain = (mine - theirs[name] if more else theirs[name] - mine) / abs(theirs[name])
    compared = f"{name} {mine:.4g} against {theirs[name]:.4g} of {version}"
    if gain > _MARGIN:
        return "promoted", f"better: {compared}"
    if gain >= -_MARGIN and ends is not None and ends - today <= timedelta(_RENEW_DAYS) and later:
        return "promoted", f"as good, and {version} has to go on {ends}: {compared}"
    return "candidate", f"not better: {compared}"


def _ends(in_force: ModelsInForce, kind: Kind, version: str | None) -> date | None:
    """When the model in force has to go; ``None`` for the baseline, which need not."""
    for standing in in_force.standings:
        if standing.kind == kind and standing.version == version and standing.file is not None:
            return standing.file.ends
    return None


def keep(made: ModelFile, outcome: Outcome, registry: Registry) -> None:
    """Keep a model as the candidate, and put it in force where it was found better."""
    if outcome.what == "refused":
        return
    registry.add(made)
    if outcome.what == "promoted":
        assert made.tenant is not None  # trained models have one
        registry.promote(made.tenant, made.kind)
