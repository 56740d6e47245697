"""Training on events that are not stored: for the worst of several seeds."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sentinel.enrich.sighting import Enricher
from sentinel.models.recipe import Minimum, Recipe
from sentinel.models.scorer import baseline_scorer
from sentinel.pipeline.item import TenantSettings
from sentinel.training import on_events
from sentinel.training.table import Table
from sentinel.training.train import TooLittleError

Events = list[dict[str, Any]]


LITTLE = Minimum(logins=100, accounts=10, days=5)


@pytest.fixture(scope="module")
def some(told: Events) -> Events:
    """The first weeks."""
    return told[:4000]


def learn(told: Events, enriched: Enricher, settings: TenantSettings, recipe: Recipe, **options: Any) -> list[Table]:
    recipe = replace(recipe, minimum=LITTLE, holdout_share=0.4)
    rows = asyncio.run(on_events.rows_of(told, enriched, settings, None, recipe=recipe, **options))
    return [rows.grown, rows.calibrated, rows.held_out]


def test_who_is_challenged_proves_who_they_are_where_that_is_played(
    some: Events, enriched: Enricher, settings: TenantSettings, recipe: Recipe
) -> None:
    quiet = learn(some, enriched, settings, recipe)
    assert not any(each.answered.any() for each in quiet)
    assert sum(int(each.real.sum()) for each in quiet) > 500
    answered = learn(some, enriched, settings, recipe, answered=True)
    assert sum(int((each.answered & each.real).sum()) for each in answered) > 1
    assert all((each.kind != each.kinds.index("answered")).all() for each in answered)


def test_answers_among_the_events_count(
    some: Events, enriched: Enricher, settings: TenantSettings, recipe: Recipe
) -> None:
    logins = [each for each in some if each.get("type", "login") == "login" and each["outcome"] == "success"]
    theirs = {each["id"] for each in logins[300::20]}
    told_so: Events = []
    for each in some:
        told_so.append(each)
        if each["id"] in theirs:
            told_so.append({"type": "feedback", "time": each["time"], "event": each["id"], "verdict": "compromised"})
    rows = learn(told_so, enriched, settings, recipe)
    attackers = [int((each.kind == each.kinds.index("answered")).sum()) for each in rows]
    assert len(theirs) / 3 < sum(attackers) <= len(theirs)


def test_the_baseline_learns_nothing(unpacked: Path) -> None:
    assert on_events.baseline(iter([{"no": "event"}]), unpacked.parent) is baseline_scorer()


def test_a_few_events_are_too_little(told: Events, unpacked: Path, drawn: Any) -> None:
    with pytest.raises(TooLittleError, match=r"5,000 of 100 over 28 are needed"):
        on_events.train(told[:300], unpacked.parent)
