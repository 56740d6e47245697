"""`sentinel privacy retention`: what it tells and does, alone and beside a daemon."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.cli import privacy_retention
from sentinel.cli.main import main
from sentinel.config import load
from sentinel.daemon.kept import open_order
from sentinel.daemon.lock import DAEMON, state_lock
from sentinel.daemon.models import model_registry
from sentinel.daemon.state import open_vault
from tests.models.made import fitting
from tests.running import Command, InProcess, ago, login

Start = Callable[..., Awaitable[InProcess]]
CONFIG = "[retention]\nraw_days = 30\n"


def today(**later: int) -> str:
    """A date as the command takes it."""
    return (datetime.now(UTC) + timedelta(**later)).date().isoformat()


async def filled(start: Start) -> InProcess:
    """A daemon with an event of today, one of four weeks ago, and an older one (their raw values as far as they may be
    kept). None is due today, or the daemon would take it at 23:00 UTC."""
    daemon = await start(CONFIG)
    client = await daemon.client()
    await client.take([login("young"), login("month", ago(days=28)), login("old", ago(days=40))])
    return daemon


def told(sentinel: Command, config: Path, *words: str) -> Any:
    done = sentinel("privacy", "retention", "--config", config, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_a_dry_run_tells_what_is_due_by_a_day_and_changes_nothing(
    start: Start, sentinel: Command, write_config: Callable[..., Path]
) -> None:
    await (await filled(start)).stop()
    config = write_config(CONFIG)
    soon = told(sentinel, config, "--dry-run", "--as-of", today(days=2))
    assert (soon["due"]["raw_keys"], soon["due"]["rows"]["raw"], soon["done"]) == (1, 1, None)
    assert soon["due"]["as_of"] == today(days=2) + "T23:59:59Z"
    assert soon["due"]["oldest_raw"] == today(days=-28)
    year = told(sentinel, config, "--dry-run", "--as-of", today(days=400))["due"]
    assert (year["rows"]["records"], year["record_keys"]) == (3, 3)
    assert told(sentinel, config, "--dry-run", "--as-of", today(days=2)) == soon
    text = sentinel("privacy", "retention", "--config", config, "--dry-run", "--as-of", today(days=2))
    assert f"raw values through {today(days=-27)}: keys of 1 days, 1 events" in text.stdout


async def test_nothing_goes_early(start: Start, sentinel: Command, write_config: Callable[..., Path]) -> None:
    await (await filled(start)).stop()
    config = write_config(CONFIG)
    far = sentinel("privacy", "retention", "--config", config, "--dry-run", "--as-of", "0001-01-01")
    assert (far.returncode, far.stdout) == (2, "")
    assert "--as-of: expected a day from 1970-01-01 on" in far.stderr
    for days in (-2, 2, 400):
        done = sentinel("privacy", "retention", "--config", config, "--as-of", today(days=days))
        assert done.returncode == 2
        assert "needs --dry-run" in done.stderr
    assert told(sentinel, config, "--dry-run", "--as-of", today(days=400))["due"]["rows"]["records"] == 3


async def test_by_hand_what_is_due_goes_and_is_in_the_audit_log(
    start: Start, sentinel: Command, write_config: Callable[..., Path]
) -> None:
    await (await filled(start)).stop()
    config = write_config("[retention]\nraw_days = 29\n")
    due = told(sentinel, config, "--dry-run", "--as-of", today())["due"]
    assert (due["raw_keys"], due["rows"]["raw"]) == (1, 1)
    done = told(sentinel, config, "--as-of", today())["done"]
    assert (done["raw_keys"], done["raw"], done["records"]) == (1, 1, 0)
    assert told(sentinel, config, "--as-of", today())["done"]["raw"] == 0
    assert told(sentinel, config, "--dry-run")["due"]["oldest_raw"] == today()
    shown = json.loads(sentinel("audit", "show", "--config", config, "--action", "retention.run", "--json").stdout)
    by_hand = [entry for entry in shown if entry["role"] == "operator"]
    assert [entry["purpose"].split(",")[0] for entry in by_hand] == [f"raw values through {today(days=-28)}"] * 2


async def test_beside_a_daemon_the_daemon_does_it(
    start: Start, sentinel: Command, write_config: Callable[..., Path]
) -> None:
    daemon = await filled(start)
    config = write_config(CONFIG)
    daemon.daemon.config = msgspec.structs.replace(
        daemon.daemon.config, retention=type(daemon.daemon.config.retention)(raw_days=29)
    )
    done = await asyncio.to_thread(told, sentinel, config, "--as-of", today())
    assert (done["done"]["raw_keys"], done["done"]["raw"]) == (1, 1)
    assert (await daemon.stranger().get("/readyz")).body["oldest_raw_days"] < 1


@pytest.mark.parametrize("by", ["sentinel import", ""])
async def test_beside_another_command_it_tells_at_once_what_is_in_the_way(
    start: Start, sentinel: Command, write_config: Callable[..., Path], by: str
) -> None:
    await (await filled(start)).stop()
    path = write_config(CONFIG)
    config = load(path)
    with state_lock(config.state, config.store_url, by=by):
        done = sentinel("privacy", "retention", "--config", path)
    assert done.returncode == 1
    assert f"another sentinel process writes to this store{f' (`{by}`, process ' if by else ''}" in done.stderr
    assert done.stderr.endswith("try again once it has ended\n")


async def test_beside_a_daemon_that_does_not_come_to_it_the_order_is_kept(
    start: Start,
    write_config: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await (await filled(start)).stop()
    path = write_config(CONFIG)
    config = load(path)
    monkeypatch.setattr(privacy_retention, "PATIENCE", 0.0)
    with state_lock(config.state, config.store_url, by=DAEMON), pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(main, ["privacy", "retention", "--config", str(path)])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "the daemon carries it out; this waits for up to 0 seconds\n" in told
    assert "its log will tell" in told
    with closing(open_vault(config)) as vault:
        assert open_order(vault.keyring) is not None


async def test_where_nothing_was_stored_nothing_is_due(sentinel: Command) -> None:
    done = sentinel("privacy", "retention", "--dry-run")
    assert done.returncode == 0
    assert "oldest raw address: none" in done.stdout


def test_models_whose_life_is_over_go_too(sentinel: Command, write_config: Callable[..., Path]) -> None:
    config = write_config()
    registry = model_registry(load(config))
    old = datetime.now(UTC).date() - timedelta(days=365)
    registry.add(fitting(first_day=old))
    registry.promote("default", "impostor")
    registry.add(fitting(version="2026-02-02", first_day=old + timedelta(days=3)))
    assert told(sentinel, config, "--dry-run")["due"]["models"] == 1
    assert told(sentinel, config, "--dry-run", "--as-of", "9999-12-31")["due"]["models"] == 2
    assert told(sentinel, config)["done"]["models"] == 1
    assert registry.held("default", "impostor").versions == ("2026-02-02",)
