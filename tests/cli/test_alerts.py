"""`sentinel alerts` and `campaigns`: what is open, and verdicts, with a daemon beside them and without one."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.cli import verdicts, waiting
from sentinel.cli.context import Context
from sentinel.cli.main import main
from sentinel.cli.verdicts import close, opened
from sentinel.daemon.lock import StoreHeld, state_lock
from sentinel.store.protocol import AskedVerdict
from tests.running import AWAY, Command, InProcess, ago, habits, login

Start = Callable[..., Awaitable[InProcess]]
NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)


def said(done: Any, code: int = 0) -> Any:
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def take(sentinel: Command, folder: Path, events: list[dict[str, Any]]) -> Path:
    """A configuration whose store has taken ``events``."""
    config = folder / "own.toml"
    config.write_text(f'state = "{sentinel.state}"\nrules.directory = "none"\nrules.allow_directory = "none"\n')
    file = folder / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    done = sentinel("--config", config, "assess", "--state", f"sqlite:{sentinel.state}/sentinel.db", file)
    assert done.returncode == 0, done.stderr
    return config


def spray(now: datetime = NOW) -> list[dict[str, Any]]:
    """Twenty tries on ten people from one network, one of which gets in; all have a past at home."""
    past = [
        login(f"past-{person}-{day}", stamp(now - timedelta(days=5 - day)), account=f"u-{person}")
        for day in range(4)
        for person in range(10)
    ]
    bad = {"outcome": "failure", "reason": "bad_password", **AWAY, "device_id": None}
    tries = [
        login(f"try-{number}", stamp(now + timedelta(seconds=20 * number)), account=f"u-{number % 10}", **bad)
        for number in range(20)
    ]
    success = login("in", stamp(now + timedelta(seconds=500)), account="u-3", **AWAY)
    last = [
        login(f"last-{number}", stamp(now + timedelta(seconds=510 + number)), account=f"u-{number}", **bad)
        for number in range(5)
    ]
    return [*past, *tries, success, *last]


def stamp(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def test_open_alerts_are_listed_shown_and_closed(sentinel: Command, tmp_path: Path) -> None:
    past = [login(f"past-{day}", stamp(NOW - timedelta(days=5 - day))) for day in range(4)]
    config = take(sentinel, tmp_path, [*past, login("strange", stamp(NOW), **AWAY), login("again", stamp(NOW), **AWAY)])

    def run(*words: str, code: int = 0) -> Any:
        return said(sentinel("--config", config, "alerts", *words, "--json"), code)

    (one,) = run("list")
    assert (one["account"], one["state"], one["events"]) == ("u-1", "open", 2)
    assert run("list", "--account", "u-2") == []
    made = sentinel("--config", config, "keys", "create", "shop", "--tenant", "shop", "--scope", "events")
    assert made.returncode == 0, made.stderr
    assert run("list", "--tenant", "shop") == []
    shown = run("show", one["alert"])
    assert [event["event"] for event in shown["list"]] == ["strange", "again"]
    assert shown["counts"] == {"events": 2, "accounts": 1, "entered": 1}
    closed = run("close", one["alert"], "--verdict", "legitimate")
    assert closed == [{"closed": one["alert"], "verdict": "legitimate", "events": 2, "done": True}]
    assert run("list") == []
    assert [row["state"] for row in run("list", "--all")] == ["legitimate"]
    # What it was is known now, on the command line as anywhere.
    file = tmp_path / "later.ndjson"
    file.write_text(json.dumps(login("later", stamp(NOW + timedelta(hours=1)), **AWAY)))
    state = f"sqlite:{sentinel.state}/sentinel.db"
    later = said(sentinel("--config", config, "assess", "--state", state, file))
    assert later["findings"] == []


def test_a_verdict_for_an_event_and_for_an_account(sentinel: Command, tmp_path: Path) -> None:
    events = [
        event
        for account in ("u-1", "u-2")
        for event in (
            *[login(f"{account}-{day}", stamp(NOW - timedelta(days=5 - day)), account=account) for day in range(4)],
            login(f"{account}-strange", stamp(NOW), account=account, **AWAY),
        )
    ]
    config = take(sentinel, tmp_path, events)

    def close(*words: str) -> Any:
        return said(sentinel("--config", config, "alerts", "close", *words, "--verdict", "compromised", "--json"))

    assert close("--event", "u-1-strange")[0]["events"] == 1
    assert close("--account", "u-2")[0]["events"] == 1
    rows = said(sentinel("--config", config, "alerts", "list", "--all", "--json"))
    assert {row["account"]: row["state"] for row in rows} == {"u-1": "compromised", "u-2": "compromised"}


def test_what_is_not_there_is_said(sentinel: Command, tmp_path: Path) -> None:
    config = take(sentinel, tmp_path, [login("e-1", stamp(NOW))])
    for words, code, text in [
        (("alerts", "show", "a-1"), 1, "there is no alert 'a-1'"),
        (("campaigns", "show", "a-1"), 1, "there is no campaign 'a-1'"),
        (("alerts", "close", "a-1", "--verdict", "legitimate"), 1, "a-1"),
        (("alerts", "close", "--event", "e-2", "--verdict", "legitimate"), 1, "e-2"),
        (("alerts", "close", "--account", "u-1", "--verdict", "legitimate"), 1, "no open alert"),
        (("alerts", "close", "--verdict", "legitimate"), 2, "name an alert"),
        (("campaigns", "close", "--verdict", "legitimate"), 2, "CAMPAIGNS"),
        (("alerts", "close", "a-1"), 2, "--verdict"),
    ]:
        done = sentinel("--config", config, *words)
        assert (done.returncode, text in done.stderr) == (code, True), done.stderr


def test_one_verdict_for_a_whole_campaign(sentinel: Command, tmp_path: Path) -> None:
    config = take(sentinel, tmp_path, spray())

    def run(*words: str) -> Any:
        return said(sentinel("--config", config, *words, "--json"))

    campaigns = run("campaigns", "list")
    one = next(row for row in campaigns if "password_spray" in row["rules"])
    assert one["account"] is None
    shown = run("campaigns", "show", one["alert"])
    assert shown["counts"]["events"] == one["events"] > 5
    assert {"try-19", "last-0"} < {event["event"] for event in shown["list"]}
    assert len(run("campaigns", "show", one["alert"], "--limit", "2")["list"]) == 2
    text = sentinel("--config", config, "campaigns", "show", one["alert"], "--limit", "2").stdout
    assert f"… {one['events'] - 2} more" in text
    # Of an account whose processing is restricted nothing is shown; it is counted all the same.
    assert run("account", "restrict", "u-3")["restricted"]
    without = run("campaigns", "show", one["alert"])
    assert "u-3" not in {event["account"] for event in without["list"]}
    assert without["counts"] == shown["counts"]
    hidden = one["events"] - len(without["list"])
    text = sentinel("--config", config, "campaigns", "show", one["alert"]).stdout
    assert f"… {hidden} more; not shown: the processing of their accounts is restricted" in text
    run("account", "lift", "u-3")
    before = run("alerts", "list", "--account", "u-3")
    assert before
    (closed,) = run("campaigns", "close", one["alert"], "--verdict", "legitimate")
    assert (closed["events"], closed["done"]) == (one["events"], True)
    assert one["alert"] not in {row["alert"] for row in run("campaigns", "list")}
    assert run("alerts", "list", "--account", "u-3") == before


def test_a_campaign_on_names_that_do_not_exist_is_shown(sentinel: Command, tmp_path: Path) -> None:
    tries = [
        login(
            f"try-{number}",
            stamp(NOW + timedelta(seconds=number)),
            account=f"nobody-{number}",
            outcome="failure",
            reason="unknown_account",
            **(AWAY | {"device_id": None}),
        )
        for number in range(60)
    ]
    config = take(sentinel, tmp_path, tries)
    (one,) = said(sentinel("--config", config, "campaigns", "list", "--json"))
    shown = said(sentinel("--config", config, "campaigns", "show", one["alert"], "--json"))
    assert len(shown["list"]) == one["events"]


async def test_accounts_that_were_only_tried_are_not_compromised(
    start: Start, sentinel: Command, write_config: Callable[..., Path]
) -> None:
    """Beside a running daemon, which carries it out."""
    daemon = await start()
    client = await daemon.client()
    now = datetime.now(UTC) - timedelta(minutes=30)
    await client.take(spray(now))

    async def run(*words: str) -> Any:
        return said(await asyncio.to_thread(sentinel, "--config", daemon.path, *words, "--json"))

    async def risk(account: str) -> list[str]:
        return (await client.get(f"/v1/accounts/{account}/risk")).body["reasons"]

    campaigns = await run("campaigns", "list")
    for one in campaigns:
        (closed,) = await run("campaigns", "close", one["alert"], "--verdict", "compromised")
        assert closed["done"]
    assert await run("campaigns", "list") == []
    assert "compromised" not in await risk("u-1")
    answered = {one["alert"]: one for one in (await client.get("/v1/campaigns")).body["campaigns"]}
    assert {answered[one["alert"]]["state"] for one in campaigns} == {"compromised"}


async def test_a_verdict_beside_a_running_daemon_counts_at_once(start: Start, sentinel: Command) -> None:
    daemon = await start()
    client = await daemon.client()
    await client.take(habits())
    strange = await client.assess(login("strange", **AWAY))
    assert strange["alert"]
    command = ("--config", daemon.path, "alerts", "close", strange["alert"], "--verdict", "legitimate", "--json")
    (closed,) = said(await asyncio.to_thread(sentinel, *command))
    assert closed == {"closed": strange["alert"], "verdict": "legitimate", "events": 1, "done": True}
    assert (await client.assess(login("later", **AWAY)))["findings"] == []
    assert [row["state"] for row in (await client.get("/v1/alerts")).body["alerts"]] == ["legitimate"]


async def test_a_verdict_beside_an_import_says_what_is_in_the_way_and_is_done_when_it_ends(
    sentinel: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = take(sentinel, tmp_path, [*habits(), login("strange", ago(minutes=5), **AWAY)])
    context = Context()
    context.path = config
    monkeypatch.setattr(waiting, "_TRY", 0.0)
    imports = ExitStack()
    imports.enter_context(state_lock(context.config.state, context.config.store_url, by="sentinel import"))
    said = []

    def tell(text: str) -> None:
        said.append(text)
        imports.close()

    async with opened(context) as at:
        (alert,) = await at.store.alerts("default", limit=10)
        asked = AskedVerdict(tenant="default", about="alert", target=alert.id, verdict="legitimate", time=1)
        (done,) = await close(at, [asked], tell, by="sentinel alerts close")
    assert (done.answered, bool(done.done)) == (1, True)
    (text,) = said
    assert text.startswith(f"`sentinel import` (process {os.getpid()}) writes to this store, so this waits")
    assert "is kept" in text


@pytest.mark.parametrize("command", ["alerts", "campaigns"])
def test_who_finds_the_store_taken_is_told_the_command_that_was_typed(
    sentinel: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    config = take(sentinel, tmp_path, spray())
    listed = said(sentinel("--config", config, "campaigns", "list", "--json"))
    held: list[str] = []

    async def noting(*given: object, **more: object) -> None:
        with pytest.raises(StoreHeld) as error, state_lock(sentinel.state, f"sqlite:{sentinel.state}/sentinel.db"):
            pass
        held.append(error.value.by)

    monkeypatch.setattr(verdicts, "carry_out", noting)
    with pytest.raises(SystemExit):
        main(["--config", str(config), command, "close", listed[0]["alert"], "--verdict", "legitimate"])
    assert held == [f"sentinel {command} close"]
