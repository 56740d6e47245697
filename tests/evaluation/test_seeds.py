"""The worst of several seeds: what may be learned from, that models come in by name, and which value is the worst."""

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from sentinel.facts import Look
from sentinel.pipeline.holdout import held_out
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.attacks import INTRUDERS
from sentinel.simulation.traffic import Wish, simulate

ROOT = Path(__file__).parents[2]
WISH = Wish(accounts=8, days=40, seed=2, attackers=tuple(INTRUDERS), intruders=4, quiet_days=20)


@pytest.fixture(scope="module")
def seeds() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evaluate_seeds", ROOT / "scripts" / "evaluate_seeds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluate_seeds"] = module  # its structs look their annotations up there
    spec.loader.exec_module(module)
    return module


class Known:
    """A model of what it was trained on: nothing but whether there was anything."""

    versions: ClassVar[dict[str, str]] = {}

    def __init__(self, events: int) -> None:
        self.events = events

    def reasons(self, look: Look, kind: str) -> list[str]:
        return []

    def impostor(self, look: Look) -> float | None:
        return 0.02 if look.device_trusted else 0.7

    def likelihood(self, look: Look) -> float | None:
        return None

    def novelty(self, look: Look) -> float | None:
        return None


LEARNED: list[dict[str, Any]] = []


def train(events: Iterable[dict[str, Any]], folder: Path) -> Known:
    LEARNED[:] = events
    assert folder.is_dir()
    return Known(len(LEARNED))


def test_models_come_in_by_name_and_learn_from_what_does_not_count(
    seeds: ModuleType, unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = unpacked.parent
    monkeypatch.setitem(sys.modules, "some_models", sys.modules[__name__])
    task = seeds.Task(WISH, state, "some_models:train", 0.5, 2, ("device_id",), 3.0, True)
    report = seeds.evaluate(task)
    assert report.scores == ("combined", "rules", "impostor", "reference")
    half = "2026-01-21"
    assert LEARNED
    assert all(each["time"] < half for each in LEARNED)
    assert not any(held_out(each["account"], 2) for each in LEARNED if "account" in each)
    assert not any({"label", "extra", "device_id"} & each.keys() for each in LEARNED)
    people = {each["account"] for each in simulate(WISH, Addresses.load(state)) if each["time"] >= half}
    assert report.friction.accounts == sum(held_out(name, 2) for name in people)
    figures = dict(seeds.figures_of(report))
    assert {name.rpartition(", ")[2] for name in figures if name.startswith("caught")} == set(report.scores)


def test_the_worst_is_the_lowest_caught_and_the_highest_cost(
    seeds: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds.show({1: {"caught": 0.9, "asked *": 3.0}, 2: {"caught": 0.7, "asked *": 5.0}, 3: {"caught": 0.8}}, 3)
    caught, asked = (line.split() for line in capsys.readouterr().out.splitlines()[1:])
    assert caught == ["caught", "0.7", "0.8", "2"]
    assert asked == ["asked", "5", "4", "2"]
