"""Models are loaded when the daemon starts and followed while it runs; what is wrong with one costs that one."""

import asyncio
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

import sentinel
from sentinel.config import load
from sentinel.daemon import models
from sentinel.daemon.build import tenant_settings
from sentinel.daemon.models import ModelDesk, ModelFigures
from sentinel.daemon.watch import watch_models
from sentinel.models.in_force import Shelf
from sentinel.models.registry import Registry
from sentinel.models.stored import encode
from sentinel.rules.ruleset import RuleSet
from tests.models.made import fitting
from tests.running import PATIENCE, InProcess

Start = Callable[..., Awaitable[InProcess]]
ROOT = Path(sentinel.__file__).parents[1]


class Clock:
    """A day that is moved by hand."""

    day = fitting().last_day

    def __call__(self) -> date:
        return self.day


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "state/models")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(registry: Registry, clock: Clock, tmp_path: Path) -> ModelDesk:
    """A desk with a baseline of its own, as the daemon has it."""
    folder = tmp_path / "baseline"
    folder.mkdir()
    for kind in ("impostor", "novelty"):
        (folder / f"{kind}.json").write_bytes(encode(fitting(kind, tenant=None, version="baseline-2026-01-31")))
    return ModelDesk(Shelf(registry, baseline=folder), ["default"], today=clock)


def promoted(registry: Registry, version: str = "2026-02-01", **changes: object) -> None:
    registry.add(fitting(version=version, **changes))
    registry.promote("default", "impostor")


def impostor(desk: ModelDesk, tenant: str = "default") -> str:
    return desk.of(tenant).versions["impostor"]


def test_it_changes_when_it_is_told_to_and_not_before(desk: ModelDesk, registry: Registry) -> None:
    before = desk.of("default")
    assert not desk.changed()
    promoted(registry)
    assert desk.changed()
    assert desk.of("default") is before
    desk.use(desk.prepare())
    assert not desk.changed()
    assert impostor(desk) == "2026-02-01"
    assert desk.of("default") is desk.of("default")
    registry.rollback("default", "impostor")
    desk.use(desk.prepare())
    assert impostor(desk) == "baseline-2026-01-31"


def test_the_last_day_comes_while_it_runs(desk: ModelDesk, registry: Registry, clock: Clock) -> None:
    promoted(registry)
    desk.use(desk.prepare())
    clock.day = fitting().first_day + timedelta(days=364)
    assert desk.changed()
    desk.use(desk.prepare())
    assert impostor(desk) == "2026-02-01"
    clock.day += timedelta(days=1)
    desk.use(desk.prepare())
    assert impostor(desk) == "baseline-2026-01-31"


def test_tenants_that_come_later_have_the_baseline(desk: ModelDesk, registry: Registry) -> None:
    promoted(registry)
    assert impostor(desk, "new") == "baseline-2026-01-31"
    assert desk.of("new") is desk.of("new")
    assert {each.tenant for each in desk.standings} == {"default", "new"}


def test_what_abstains_is_told_once(desk: ModelDesk, registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    version = fitting().version
    promoted(registry, version)
    registry.path("default", "impostor", version).write_text("{}")
    with caplog.at_level(logging.INFO, "sentinel.models"):
        desk.use(desk.prepare())
        desk.use(desk.prepare())
    (warned,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"impostor {version} of tenant default: abstains: the file is damaged" in warned
    assert impostor(desk) == "baseline-2026-01-31"


def test_a_promotion_is_told(desk: ModelDesk, registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    desk.use(desk.prepare())
    promoted(registry)
    with caplog.at_level(logging.INFO, "sentinel.models"):
        desk.use(desk.prepare())
    assert [record.getMessage() for record in caplog.records] == ["impostor 2026-02-01 of tenant default: in force"]


def test_settings_follow_the_desk(desk: ModelDesk, registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "sentinel.toml").write_text(f'state = "{tmp_path / "state"}"\nrules.directory = "{tmp_path}"\n')
    settings = tenant_settings(load(tmp_path / "sentinel.toml"), RuleSet(()), models=desk)
    before = settings("default")
    assert settings("default") is before
    promoted(registry)
    desk.use(desk.prepare())
    assert settings("default").scorer.versions["impostor"] == "2026-02-01"
    assert before.scorer.versions["impostor"] == "baseline-2026-01-31"


async def test_a_registry_that_cannot_be_read_stops_nothing(desk: ModelDesk, registry: Registry) -> None:
    registry.directory.parent.mkdir()
    registry.directory.write_text("no folder")
    desk.use(desk.prepare())
    assert impostor(desk) == "baseline-2026-01-31"


async def test_watching_takes_what_changed(desk: ModelDesk, registry: Registry) -> None:
    desk.use(desk.prepare())
    used = asyncio.Event()
    use = desk.use
    desk.use = lambda prepared: (use(prepared), used.set())[0]  # type: ignore[method-assign]
    promoted(registry)
    task = asyncio.create_task(watch_models(lambda: 0.01, desk))
    async with asyncio.timeout(PATIENCE):
        await used.wait()
    task.cancel()
    assert impostor(desk) == "2026-02-01"


async def test_the_daemon_says_which_are_in_force(start: Start, state: Path) -> None:
    registry = Registry(state / "models")
    promoted(registry)
    daemon = await start()
    client = await daemon.client()
    assert daemon.daemon.models.of("default").versions["impostor"] == "2026-02-01"
    text = (await client.ask("GET", "/metrics")).text
    assert 'sentinel_model_info{model="impostor",status="in_force",tenant="default",version="2026-02-01"} 1.0' in text


def test_every_failure_is_in_the_figures(desk: ModelDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "FAILURES", Counter({"reasons": 1, "novelty": 2}))
    (failed,) = [family for family in ModelFigures(desk).collect() if family.name == "sentinel_model_failures"]
    found = {sample.labels["model"]: sample.value for sample in failed.samples}
    assert found == {"impostor": 0, "novelty": 2, "likelihood": 0, "reasons": 1}


def test_the_daemon_needs_neither_scikit_learn_nor_numpy() -> None:
    code = (
        "import sys, sentinel.daemon.daemon, sentinel.daemon.edge, sentinel.daemon.courier, sentinel.cli.run_command\n"
        "found = [name for name in ('sklearn', 'numpy', 'scipy', 'joblib') if name in sys.modules]\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
