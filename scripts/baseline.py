"""Make the baseline models: fitted on simulated traffic alone, so that a fresh installation judges from its first day.

    python scripts/baseline.py models/baseline

Half of the simulated services tell device ids, half do not. Seeds are other ones than those that `make quality` and
`scripts/evaluate_seeds.py` measure with. Nothing of it is anybody's: people, habits and devices are made up.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sentinel.events.event import Event
from sentinel.models.recipe import packaged_recipe
from sentinel.models.stored import ModelFile, encode, usable
from sentinel.pipeline.answers import apply_answer
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.replay import Replay
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate
from sentinel.training.elsewhere import Listed
from sentinel.training.fit import figures, fit_impostor, fit_novelty, split
from sentinel.training.impostors import Impostors
from sentinel.training.rows import Rows
from sentinel.training.table import Table

_TENANT = "default"
_SEEDS = (9001, 9002, 9003, 9004, 9005, 9006)
#: Of the later logins of accounts so many of each service's; more make it no better.
_LOGINS = 15_000


def main() -> int:
    """Simulate, fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accounts", type=int, default=250)
    parser.add_argument("--days", type=int, default=240)
    parser.add_argument("--version", default=f"baseline-{datetime.now(UTC).date().isoformat()}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        Addresses.load(state)
        wanted = [(state, seed, asked.accounts, asked.days, number % 2 == 1) for number, seed in enumerate(_SEEDS)]
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            tables = list(pool.map(_rows, wanted))
    table = together(tables)
    print(f"{len(table)} rows, {int(table.real.sum())} of them real logins", file=sys.stderr)
    recipe, novelty = packaged_recipe("impostor"), packaged_recipe("novelty")
    rows = split(table, recipe.holdout_share)
    began = time.perf_counter()
    for fitted, made_by in (
        (fit_impostor(rows, recipe, tenant=None, version=asked.version), recipe),
        (fit_novelty(rows, novelty, tenant=None, version=asked.version), novelty),
    ):
        model = usable(fitted)
        found = figures(rows.held_out, model.predict if fitted.kind == "impostor" else model.raw, recipe.prior)
        if fitted.kind == "novelty":
            found = {name: value for name, value in found.items() if not name.startswith("log_loss")}
        failed = made_by.disorder(model.predict)
        _write(asked.folder, msgspec.structs.replace(fitted, figures=found))
        print(fitted.kind, fitted.trees.nodes, "nodes", f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
        for name, value in found.items():
            print(f"  {name:24} {value:.4f}", file=sys.stderr)
        if failed and fitted.kind == "impostor":
            print(f"ordering tests that fail: {failed}", file=sys.stderr)
            return 1
    return 0


def together(tables: Sequence[Table]) -> Table:
    """Several services' rows; accounts of two services are never the same."""
    return Table(
        kinds=tables[0].kinds,
        **{
            name: np.concatenate([getattr(table, name) for table in tables])
            for name in ("values", "weights", "kind", "part", "day", "answered")
        },
    )


def _rows(asked: tuple[Path, int, int, int, bool]) -> Table:
    state, seed, accounts, days, without_device = asked
    settings = TenantSettings(rules=RuleSet(load_rules([packaged_rules()])))
    addresses, enriched = Addresses.load(state), enricher(state)
    replay = Replay(settings)
    rows = Rows(Impostors(Listed(addresses, enriched, _TENANT), seed), settings.trust, most=_LOGINS, seed=seed)
    for told in simulate(Wish(seed=seed, accounts=accounts, days=days), addresses):
        if without_device:
            told.pop("device_id", None)
        _one(told, replay, enriched, rows)
    return rows.table()


def _one(told: dict[str, Any], replay: Replay, enriched: Any, rows: Rows) -> None:
    arrival = arrive(enriched, _TENANT, msgspec.convert(told, Event))
    sighting = arrival.sighting
    if sighting.type == "login" and sighting.judged and sighting.outcome == "success" and sighting.own:
        rows.real(sighting, replay.profile(sighting.account), replay.commons_of(_TENANT))
    judged = replay.judge(arrival)
    if judged.assessment.decision in ("challenge", "block") and sighting.outcome == "success":
        # Whoever is challenged proves who they are.
        _, record = replay.answerable[sighting.key]
        record.trusted = apply_answer(replay.profile(sighting.account), sighting, record, "legitimate")
    replay.answerable.pop(sighting.key, None)


def _write(folder: Path, file: ModelFile) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file.kind}.json").write_bytes(encode(file) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
