"""Make the baseline models: fitted on simulated traffic alone, so that a fresh installation judges from its first day.

    python scripts/baseline.py models/baseline

Each simulated service tells something else of its logins (:data:`SERVICES`): a model that has only seen everything
would take what is missing for a sign. Seeds are other ones than those that `make quality` and
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
from sentinel.events.place import Network, Place
from sentinel.events.sighting import Device, Sighting
from sentinel.models.recipe import packaged_recipe
from sentinel.models.stored import KINDS, ModelFile, encode, usable
from sentinel.past.profile import Profile
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.replay import Replay
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate
from sentinel.training.elsewhere import Listed
from sentinel.training.fit import fit_impostor, fit_novelty, split
from sentinel.training.impostors import Impostors, differs
from sentinel.training.rows import Rows
from sentinel.training.table import Table
from sentinel.training.train import measured

_TENANT = "default"
COLUMNS = ("values", "weights", "kind", "part", "day", "answered")
_NO_DEVICE: dict[str, Any] = {"device_key": None}
_NO_AGENT: dict[str, Any] = {"agent": None, "device": Device()}
_NO_PLACE: dict[str, Any] = {"place": Place(), "network": Network()}
_NO_ADDRESS: dict[str, Any] = {"address": None, "prefix": None}
#: Seed → what the service never tells of a login, and how many of its logins are taken. Most tell most of it, so most
#: is learned of these; of an address neither place nor network is known where it is a private one.
SERVICES: dict[int, tuple[dict[str, Any], int]] = {
    9001: ({}, 30_000),
    9002: (_NO_DEVICE, 30_000),
    9003: ({}, 30_000),
    9004: (_NO_DEVICE, 30_000),
    9005: (_NO_AGENT, 8_000),
    9006: (_NO_DEVICE | _NO_AGENT, 8_000),
    9007: (_NO_PLACE, 8_000),
    9008: (_NO_PLACE | _NO_DEVICE, 8_000),
    9009: (_NO_PLACE | _NO_DEVICE | _NO_AGENT, 8_000),
    9010: (_NO_PLACE | _NO_ADDRESS | _NO_AGENT, 8_000),
    9011: (_NO_PLACE | _NO_ADDRESS | _NO_DEVICE, 8_000),
}


def main() -> int:
    """Simulate, fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--days", type=int, default=240)
    parser.add_argument("--version", default=f"baseline-{datetime.now(UTC).date().isoformat()}")
    parser.add_argument("--rows", type=Path, help="take the rows from this file (.npz), or keep them there first")
    asked = parser.parse_args()
    table = _kept(asked.rows) or _simulated(asked)
    print(f"{len(table)} rows, {int(table.real.sum())} of them real logins", file=sys.stderr)
    return fit(table, asked)


def _kept(path: Path | None) -> Table | None:
    if path is None or not path.exists():
        return None
    with np.load(path) as kept:
        return Table(kinds=Rows.kinds, **{name: kept[name] for name in COLUMNS})


def _simulated(asked: argparse.Namespace) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        Addresses.load(state)
        wanted = [(state, seed, asked.accounts, asked.days) for seed in SERVICES]
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            tables = list(pool.map(_rows, wanted))
    table = together(tables)
    if asked.rows is not None:
        np.savez(asked.rows, **{name: getattr(table, name) for name in COLUMNS})
    return table


def fit(table: Table, asked: argparse.Namespace) -> int:
    """Fit both models, measure and write them."""
    recipes = {kind: packaged_recipe(kind) for kind in KINDS}
    rows = split(table, recipes["impostor"].holdout_share)
    began = time.perf_counter()
    for kind, make in (("impostor", fit_impostor), ("novelty", fit_novelty)):
        recipe = recipes[kind]
        fitted = make(rows, recipe, tenant=None, version=asked.version)
        model = usable(fitted)
        found = measured(rows, model, recipe)
        failed = recipe.disorder(model.predict)
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
        **{name: np.concatenate([getattr(table, name) for table in tables]) for name in COLUMNS},
    )


class Untelling(Impostors):
    """Impostors on a service that tells no more of them than of its people."""

    def __init__(self, listed: Listed, seed: int, untold: dict[str, Any]) -> None:
        super().__init__(listed, seed)
        self._untold = untold

    def make(self, kind: str, real: Sighting, profile: Profile) -> Sighting | None:
        """See :class:`Impostors`."""
        made = super().make(kind, real, profile)
        made = msgspec.structs.replace(made, **self._untold) if made is not None else None
        told = real if made is None else msgspec.structs.replace(real, time=made.time)
        return made if made is not None and differs(made, told) else None


def _rows(asked: tuple[Path, int, int, int]) -> Table:
    state, seed, accounts, days = asked
    untold, most = SERVICES[seed]
    settings = TenantSettings(rules=RuleSet(load_rules([packaged_rules()])))
    addresses, enriched = Addresses.load(state), enricher(state)
    replay = Replay(settings)
    rows = Rows(Untelling(Listed(addresses, enriched, _TENANT), seed, untold), settings.trust, most=most, seed=seed)
    for told in simulate(Wish(seed=seed, accounts=accounts, days=days), addresses):
        arrival = arrive(enriched, _TENANT, msgspec.convert(told, Event))
        sighting = msgspec.structs.replace(arrival.sighting, **untold)
        _one(msgspec.structs.replace(arrival, sighting=sighting), replay, rows)
    table = rows.table()
    # What was thinned out counts as what was taken: by that services weigh what they shall.
    table.weights = table.weights / table.weights.mean()
    return table


def _one(arrival: Arrival, replay: Replay, rows: Rows) -> None:
    sighting = arrival.sighting
    if sighting.type == "login" and sighting.judged and sighting.outcome == "success" and sighting.own:
        rows.real(sighting, replay.profile(sighting.account), replay.commons_of(_TENANT))
    judged = replay.judge(arrival)
    if judged.assessment.decision in ("challenge", "block") and sighting.outcome == "success":
        # Whoever is challenged proves who they are.
        replay.answer(sighting.key, "legitimate")
    replay.answerable.pop(sighting.key, None)


def _write(folder: Path, file: ModelFile) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file.kind}.json").write_bytes(encode(file) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
