"""No leak: nothing that models see depends on the label or on anything later than the login."""

import asyncio
from collections import Counter
from math import isnan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sentinel.enrich.sighting import Enricher
from sentinel.evaluation.labelled import Labelled
from sentinel.evaluation.rows import Rows as Scored
from sentinel.events.event import convert_event
from sentinel.facts import Look
from sentinel.models.features import vector
from sentinel.models.in_force import ModelsInForce
from sentinel.models.recipe import Recipe
from sentinel.models.scorer import ModelScorer
from sentinel.models.stored import ModelFile, usable
from sentinel.pipeline.item import TenantSettings
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.attacks import INTRUDERS
from sentinel.simulation.traffic import Wish, simulate
from sentinel.training.elsewhere import Listed
from sentinel.training.fit import Split, fit_impostor
from sentinel.training.history import Collected, collect
from sentinel.training.impostors import Impostors
from sentinel.training.table import Table
from tests.training.conftest import LATER, opened

Events = list[dict[str, Any]]
Vector = tuple[float, ...]


@pytest.fixture(scope="module")
def attacked(drawn: Addresses) -> Events:
    """People with attackers among them, all labelled."""
    return list(simulate(Wish(accounts=12, days=40, seed=8, attackers=INTRUDERS, intruders=5, quiet_days=10), drawn))


class Noting(ModelScorer):
    """The models, and every vector they are asked about."""

    def __init__(self, *files: ModelFile) -> None:
        impostor, novelty = files
        super().__init__(ModelsInForce(impostor=usable(impostor), novelty=usable(novelty)))
        self.vectors: list[Vector | None] = []

    def impostor(self, look: Look) -> float | None:
        self.vectors.append(comparable(vector(look)))
        return super().impostor(look)


def comparable(values: Vector | None) -> Vector | None:
    return tuple(-1e9 if isnan(value) else value for value in values) if values is not None else None


@pytest.fixture(scope="module")
def judge(enriched: Enricher, settings: TenantSettings, impostor: ModelFile, novelty: ModelFile) -> Any:
    def run(events: Events) -> tuple[Scored, list[Vector | None]]:
        scorer = Noting(impostor, novelty)
        scoring = Labelled(settings, enriched, "default", scorer)
        for each in events:
            scoring.event(convert_event(each))
        scoring.close()
        return scoring.run.rows, scorer.vectors

    return run


@pytest.fixture(scope="module")
def judged(attacked: Events, judge: Any) -> tuple[Scored, list[Vector | None]]:
    found: tuple[Scored, list[Vector | None]] = judge(attacked)
    return found


def test_without_the_tail_of_the_file_all_scores_are_the_same(attacked: Events, judge: Any, judged: Any) -> None:
    rows, vectors = judged
    assert len(rows) > 500
    assert {row.label for row in rows} > {"legitimate", "vpn"}
    for share in (0.3, 0.8):
        cut, seen = judge(attacked[: int(len(attacked) * share)])
        assert 100 < len(cut) < len(rows)
        assert list(cut) == list(rows)[: len(cut)]
        assert seen == vectors[: len(seen)]


def test_labels_that_are_shuffled_change_no_score(attacked: Events, judge: Any, judged: Any) -> None:
    rows, vectors = judged
    labels = [each["label"] for each in attacked]
    Random(4).shuffle(labels)
    shuffled = [each | {"label": label} for each, label in zip(attacked, labels, strict=True)]
    # Which session_seen events count as logins of attackers hangs on the label; logins do not.
    other, seen = judge(shuffled)
    assert seen == vectors

    def of_logins(found: Scored) -> Events:
        # `earlier` counts what labels call legitimate, for tables.
        return [(row.account, row.time, row.scores) for row in found if row.type == "login"]  # type: ignore[misc]

    assert of_logins(other) == of_logins(rows)
    assert [row.label for row in other] != [row.label for row in rows]


def test_an_attackers_login_looks_the_same_whatever_it_is_called(attacked: Events, enriched: Enricher) -> None:
    attacks = [each for each in attacked if each["label"] != "legitimate" and each.get("type", "login") == "login"]
    assert attacks
    for told in attacks[:20]:
        given = {name: value for name, value in told.items() if name not in ("label", "extra")}
        called = [given | {"label": name} for name in ("legitimate", "attack", "attack:vpn")]
        seen = [enriched.sight("default", convert_event(each)) for each in (given, *called)]
        assert len(set(map(repr, seen))) == 1


async def learned(folder: Path, settings: TenantSettings, listed: Listed, until: int) -> Collected:
    async with opened(folder) as (store, _):
        made = Impostors(listed, 1)
        return await collect(store, "default", settings, made, window_days=365, until=until, seed=1)


def rows_of(table: Table) -> Counter[tuple[float, ...]]:
    columns = zip(np.nan_to_num(table.values, nan=-1e9).tolist(), table.day.tolist(), table.kind.tolist(), strict=True)
    return Counter((*values, day, kind) for values, day, kind in columns)


def test_rows_of_training_know_nothing_of_later_days(history: Path, settings: TenantSettings, listed: Listed) -> None:
    middle = LATER - 45 * 86_400_000_000
    whole = asyncio.run(learned(history, settings, listed, LATER))
    half = asyncio.run(learned(history, settings, listed, middle))
    assert 0.2 * len(whole.table) < len(half.table) < 0.7 * len(whole.table)
    assert half.table.day.max() <= middle // 86_400_000_000
    # Impostors as well: chance is the same. Some logins only settle later, so there may be more of them in the whole.
    assert rows_of(half.table) - rows_of(whole.table) == Counter()


def test_labels_that_mean_nothing_teach_nothing(rows: Split, recipe: Recipe) -> None:
    chance = np.random.default_rng(6)

    def by_chance(part: Table) -> Table:
        people = part.where(part.real)
        kind = np.where(chance.random(len(people)) < 0.5, people.kinds.index("anywhere"), 0).astype(np.int8)
        return Table(
            kinds=people.kinds, values=people.values, weights=np.ones(len(people)), kind=kind, part=people.part,
            day=people.day, answered=people.answered,
        )  # fmt: skip

    made = Split(
        by_chance(rows.grown), by_chance(rows.calibrated), by_chance(rows.held_out), rows.first_day, rows.latest
    )
    served = usable(fit_impostor(made, recipe, tenant="default", version="2026-04-01"))
    theirs = made.held_out
    area = roc_auc_score(~theirs.real, [served.raw(row) for row in theirs.values.tolist()])
    positive, negative = (~theirs.real).sum(), theirs.real.sum()
    deviation = ((positive + negative + 1) / (12 * positive * negative)) ** 0.5  # of the rank sum (Mann and Whitney)
    assert deviation < 0.05
    assert abs(area - 0.5) < 4 * deviation
