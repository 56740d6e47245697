"""A small service with attackers, simulated and scored once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sentinel.evaluation.labelled import Labelled
from sentinel.evaluation.scores import Run
from sentinel.events.event import convert_event
from sentinel.pipeline.item import TenantSettings
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.attacks import KINDS
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate
from tests.builders import packaged

Score = Callable[..., Run]

WISH = Wish(accounts=15, days=40, seed=5, quiet_days=12, attackers=KINDS, intruders=6, campaigns=1)


@pytest.fixture(scope="session")
def events(unpacked: Path) -> list[dict[str, Any]]:
    return list(simulate(WISH, Addresses.load(unpacked.parent)))


@pytest.fixture(scope="session")
def score(unpacked: Path) -> Score:
    """Score events by the packaged rules."""
    enriched, settings = enricher(unpacked.parent), TenantSettings(rules=RuleSet(packaged()))

    def run(events: Sequence[dict[str, Any]], **options: Any) -> Run:
        scoring = Labelled(settings, enriched, "default", **options)
        for each in events:
            scoring.event(convert_event(each))
        scoring.close()
        return scoring.run

    return run


@pytest.fixture(scope="session")
def scored(events: list[dict[str, Any]], score: Score) -> Run:
    return score(events)
