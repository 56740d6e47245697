"""`sentinel train` as it is typed, on history that `sentinel import` took."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sentinel.cli.main import cli
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.traffic import Wish, simulate
from tests.running import Command, OwnProcess, login
from tests.warm import ROOT, Warm

#: Enough for the packaged recipe, and no more.
DAYS = 40
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def lines(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, unpacked: Path, warm: Warm) -> Command:
    """An installation with forty days of a hundred people, two of whom were asked about a login; and a small tenant."""
    command = Command(tmp_path_factory.mktemp("past"), warm)
    command.env["PYTHONPATH"] = str(ROOT)  # the daemon is to be of this tree
    command.state.mkdir(mode=0o700, parents=True)
    (command.state / "geo").symlink_to(unpacked)
    wish = Wish(accounts=125, days=DAYS, start=TODAY - timedelta(days=DAYS), seed=21)
    events = [
        {name: value for name, value in event.items() if name not in ("label", "extra")}
        for event in simulate(wish, Addresses.load(unpacked.parent))
    ]
    logins = [each for each in events if each.get("type", "login") == "login" and each["outcome"] == "success"]
    answers = [
        {"type": "feedback", "time": TODAY.isoformat(), "event": each["id"], "verdict": verdict}
        for each, verdict in zip(logins[4000:4002], ("legitimate", "compromised"), strict=True)
    ]
    few = (login(f"e-{number}", account=f"u-{number}") for number in range(5))
    for done in (
        command("import", "-", input=lines(*events, *answers)),
        command("keys", "create", "shop", "--scope", "events", "--tenant", "shop"),
        command("import", "-", "--tenant", "shop", input=lines(*few)),
    ):
        assert done.returncode == 0, done.stderr
    return command


def trained(command: Command, *words: str) -> dict[str, Any]:
    done = command("train", "--json", *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def listed(command: Command) -> dict[tuple[str, str], str]:
    """Which version is what to the tenant, by kind and status."""
    done = command("models", "list", "--tenant", "default", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert all(each["reason"] is None for each in found)
    return {(each["kind"], each["status"]): each["version"] for each in found}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_too_little_is_refused_in_words(sentinel: Command) -> None:
    done = sentinel("train")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == (
        "tenant default: 0 trusted logins of 0 accounts over 0 days are too little to learn from; 5,000 of 100 over 28"
        " are needed. What is in force goes on judging; train again later"
    )
    done = sentinel("train", "--json")
    assert (done.returncode, list(json.loads(done.stdout)["default"])) == (1, ["refused"])
    assert not (sentinel.state / "models").exists()


def test_measuring_writes_nothing_and_each_tenant_is_told(past: Command) -> None:
    before, standing = content(past.state), listed(past)
    assert all(version.startswith("baseline-") for version in standing.values())
    done = past("train", "--measure-only")
    assert done.returncode == 0, done.stderr
    first, *figures = done.stdout.splitlines()
    assert first.startswith("default: impostor ")
    assert "would be " in first
    assert " log_loss " in figures[2]
    assert "in force: " in figures[2]
    assert "default: novelty " in done.stdout
    assert "tenant shop: 5 trusted logins of 5 accounts over 1 days" in done.stderr
    assert content(past.state).keys() == before.keys()
    assert listed(past) == standing
    # Whose events were read for it, and that nothing was kept.
    shown = past("audit", "show", "--action", "models.train", "--json")
    looks = sorted((each["tenant"], each["purpose"]) for each in json.loads(shown.stdout))
    assert looks == [("default", "measured, nothing kept"), ("shop", "measured, nothing kept")]


def test_what_is_better_is_put_in_force_and_nothing_twice_also_beside_a_daemon(past: Command, tmp_path: Path) -> None:
    day = datetime.now(UTC).date().isoformat()
    told = trained(past)
    assert told["shop"]["refused"].startswith("tenant shop: 5 trusted logins")
    now = listed(past)
    for outcome in told["default"]:
        assert outcome["what"] in ("promoted", "candidate")
        assert outcome["version"] == day
        status = "in force" if outcome["what"] == "promoted" else "candidate"
        assert now[outcome["kind"], status] == day
        assert outcome["before_version"].startswith("baseline-")
        assert outcome["figures"].keys() == outcome["before"].keys()
    found = told["default"][0]["figures"]
    assert found["log_loss"] < found["log_loss_constant"] / 3
    for kind in ("impostor", "novelty"):
        if (kind, "candidate") in now:
            assert past("models", "promote", kind).returncode == 0

    config = tmp_path / "sentinel.toml"
    config.write_text(
        f'state = "{past.state}"\nlisten = "127.0.0.1:0"\nhttp.edges = 0\n'
        '[smtp]\nport = 9\ntls = "none"\nfrom = "Example <security@example.org>"\n'
    )
    daemon = OwnProcess(past, config).start()
    try:
        second = trained(past, "--tenant", "default")["default"]
    finally:
        code = daemon.stop()
    assert code == 0
    assert not [each for each in daemon.log if each["log.level"] in ("error", "critical")]
    # The same history, the same models.
    assert [each["what"] for each in second] == ["candidate", "candidate"]
    assert all(each["before_version"] == day and each["figures"] == each["before"] for each in second)
    assert all("not better" in each["why"] for each in second)
    assert listed(past) == {
        (kind, status): version
        for kind in ("impostor", "novelty")
        for status, version in (("in force", day), ("candidate", f"{day}.2"))
    }
    shown = past("models", "show", "impostor")
    assert (shown.returncode, "log_loss" in shown.stdout) == (0, True)
    modes = {path.stat().st_mode & 0o777 for path in (past.state / "models").rglob("*.json")}
    assert modes == {0o600}


@pytest.mark.parametrize("forbidden", [False, True])
def test_others_go_before(sentinel: Command, monkeypatch: pytest.MonkeyPatch, forbidden: bool) -> None:
    asked = []

    def nice(by: int) -> int:
        asked.append(by)
        if forbidden:
            raise PermissionError
        return by

    monkeypatch.setattr(os, "nice", nice)
    monkeypatch.setenv("HOME", str(sentinel.home))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    done = CliRunner().invoke(cli, ["train"], standalone_mode=False)
    assert (done.return_value, asked) == (1, [10])
    assert "too little to learn from" in done.output
