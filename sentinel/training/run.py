"""One tenant's training from its stored history to its registry."""

from collections.abc import Callable, Mapping
from datetime import date

import msgspec

from sentinel.models.in_force import ModelsInForce
from sentinel.models.recipe import Recipe
from sentinel.models.registry import Registry
from sentinel.models.stored import KINDS, Kind
from sentinel.pipeline.item import TenantSettings
from sentinel.store.protocol import Store
from sentinel.training.elsewhere import Elsewhere
from sentinel.training.fit import Split, split
from sentinel.training.history import collect
from sentinel.training.impostors import Impostors
from sentinel.training.rows import MOST_LOGINS
from sentinel.training.train import Outcome, TooLittleError, decide, expect_enough, fit, keep


class Progress(msgspec.Struct, frozen=True):
    """Who hears how far it is: the share of history that was read, and what is done afterwards."""

    read: Callable[[float], None] = lambda share: None
    doing: Callable[[str], None] = lambda what: None


async def gather(
    store: Store,
    tenant: str,
    settings: TenantSettings,
    elsewhere: Elsewhere | None,
    recipe: Recipe,
    *,
    until: int,
    most: int = MOST_LOGINS,
    progress: Progress | None = None,
) -> Split:
    """Rows of a tenant's history before ``until`` (micros), cut as the impostor's ``recipe`` says.

    Raises :class:`TooLittleError`, :class:`sentinel.errors.StoreError`.
    """
    collected = await collect(
        store,
        tenant,
        settings,
        Impostors(elsewhere, recipe.seed),
        window_days=recipe.window_days,
        until=until,
        seed=recipe.seed,
        most=most,
        progress=(progress or Progress()).read,
    )
    expect_enough(collected, recipe, tenant)
    try:
        return split(collected.table, recipe.holdout_share, collected.first_day)
    except ValueError as error:
        raise TooLittleError(f"tenant {tenant}: {error}; train again later") from None


def make(
    rows: Split,
    tenant: str,
    recipes: Mapping[Kind, Recipe],
    in_force: ModelsInForce,
    registry: Registry,
    *,
    today: date,
    keeping: bool = True,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Fit each kind, compare it with what is in force, and keep it as the registry says; without ``keeping`` only
    measure. Raises :class:`sentinel.errors.FileError`."""
    outcomes = []
    for kind in KINDS:
        made = fit(
            rows,
            kind,
            recipes[kind],
            tenant=tenant,
            version=registry.next_version(tenant, kind, today),
            progress=(progress or Progress()).doing,
        )
        outcome = decide(made, rows, recipes[kind], in_force, today)
        if keeping:
            keep(made, outcome, registry)
        outcomes.append(outcome)
    return outcomes
