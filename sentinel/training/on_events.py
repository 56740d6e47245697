"""Training on events that are not stored: what `sentinel train` would make of them, for evaluation.

The events go the way that history goes, into a store in memory under keys that die with it, and out again.
"""

import asyncio
from collections.abc import Iterable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from sentinel.enrich.sighting import Enricher
from sentinel.events.clock import day_of, end_of
from sentinel.events.event import Feedback, convert_event
from sentinel.models.in_force import ModelsInForce
from sentinel.models.recipe import Recipe, packaged_recipe
from sentinel.models.scorer import ModelScorer, baseline_scorer
from sentinel.models.stored import usable
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import answer, arrive
from sentinel.pipeline.item import Answer, Arrival, Item, Outcome, TenantSettings
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.measure import enricher
from sentinel.store.sqlite.store import SqliteStore
from sentinel.training.elsewhere import Elsewhere, Listed
from sentinel.training.fit import Split, fit_impostor, fit_novelty
from sentinel.training.rows import MOST_LOGINS
from sentinel.training.run import gather

_TENANT: Final = "default"
#: So few that answers come soon.
_BATCH: Final = 64
#: After any event of a simulation.
_LAST: Final = end_of(day_of(date(9000, 1, 1)))


def train(events: Iterable[dict[str, Any]], state: Path, *, answered: bool = False) -> ModelScorer:
    """Models of some events, not asked against what is in force. ``state``: a folder with the address data, unpacked
    and drawn there when it is missing. Raises :class:`sentinel.training.train.TooLittleError`.

    ``answered`` plays the service of an installation that challenges: whoever is challenged and gets in proves who they
    are, so that nobody may be among them who is not.
    """
    made = enricher(state)
    settings = TenantSettings(rules=RuleSet(load_rules([packaged_rules()])), scorer=baseline_scorer())
    listed = Listed(Addresses.load(state), made, _TENANT)
    rows = asyncio.run(rows_of(events, made, settings, listed, answered=answered))
    impostor, novelty = packaged_recipe("impostor"), packaged_recipe("novelty")
    return ModelScorer(
        ModelsInForce(
            impostor=usable(fit_impostor(rows, impostor, tenant=_TENANT, version="2026-01-01")),
            novelty=usable(fit_novelty(rows, novelty, tenant=_TENANT, version="2026-01-01")),
        )
    )


def baseline(events: Iterable[dict[str, Any]], state: Path) -> ModelScorer:
    """The models that come with the product; nothing is learned of the events."""
    return baseline_scorer()


async def rows_of(
    events: Iterable[dict[str, Any]],
    enriched: Enricher,
    settings: TenantSettings,
    elsewhere: Elsewhere | None,
    *,
    recipe: Recipe | None = None,
    most: int = MOST_LOGINS,
    answered: bool = False,
) -> Split:
    """Rows of events (and answers among them), judged by ``settings``, as of stored history. Raises
    :class:`sentinel.training.train.TooLittleError`."""
    vault = Vault.ephemeral()
    store = SqliteStore(None, vault)
    try:
        pipeline = Pipeline(store, vault, lambda tenant: settings)
        coming = iter(events)
        while batch := list(islice(coming, _BATCH)):
            items = [_item(enriched, each) for each in batch]
            outcomes = await pipeline.process(items)
            if answered:
                await pipeline.process([reply for pair in zip(items, outcomes, strict=True) for reply in _reply(*pair)])
        recipe = recipe or packaged_recipe("impostor")
        return await gather(store, _TENANT, settings, elsewhere, recipe, until=_LAST, most=most)
    finally:
        await store.close()
        vault.close()


def _item(enriched: Enricher, told: dict[str, Any]) -> Item:
    if told.get("type") == "feedback":
        return answer(enriched, _TENANT, msgspec.convert(told, Feedback))
    return arrive(enriched, _TENANT, convert_event(told), silent=True)


def _reply(item: Item, outcome: Outcome) -> list[Answer]:
    """What the service says of a login that was challenged and got in."""
    assessment = outcome.assessment
    if not isinstance(item, Arrival) or assessment is None or assessment.decision not in ("challenge", "block"):
        return []
    sighting = item.sighting
    if sighting.outcome != "success":
        return []
    return [Answer(tenant=_TENANT, key=sighting.key, event=item.id, verdict="legitimate", time=sighting.time)]
