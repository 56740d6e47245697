"""Where the people watched work for who watches: no hours, no events to look through, and a second person."""

import json
from pathlib import Path
from typing import Any

import pytest

from sentinel.cli.actor import operator
from sentinel.config import load
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.second_person import HOLDS, approval
from sentinel.daemon.state import open_vault
from sentinel.events.clock import now
from tests.cli.test_account import a_life, bad, entries, said, take
from tests.running import Command


@pytest.fixture
def config(sentinel: Command, tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(
        f'state = "{sentinel.state}"\nrules.directory = "none"\nrules.allow_directory = "none"\n'
        '[privacy]\npurpose = "workforce"\n[tenants.shop.privacy]\npurpose = "customers"\n'
    )
    return path


def approve(config: Path, account: str, *, by: str = "grace", ago: int = 0, tenant: str = "default") -> None:
    """Somebody else approves: another user of the system, which a test cannot be."""
    settings = load(config)
    vault = open_vault(settings)
    with opened_audit(settings, vault) as audit:
        row = audit.account_row(tenant, account)
        audit.log.append([approval(time=now() - ago, actor=by, tenant=tenant, row=row, purpose="")])
    vault.close()


def looks(alert: str, out: Path) -> list[list[str]]:
    return [
        ["account", "show", "u-1"],
        ["account", "export", "u-1", "--out", str(out)],
        ["account", "evidence", "u-1", "--to", "age1", "--claim", "c", "--out", str(out)],
        ["explain", "strange-u-1"],
        ["alerts", "show", alert],
        ["alerts", "list", "--account", "u-1"],
        ["audit", "show", "--account", "u-1"],
    ]


def test_a_look_at_a_person_needs_somebody_else(sentinel: Command, config: Path, tmp_path: Path) -> None:
    (alert,) = [one["alert"] for one in take(sentinel, config, *a_life(), *a_life("u-2"))[4:5]]
    out = tmp_path / "out"
    commands = [words for words in looks(alert, out) if words[1] != "evidence"]

    def refused(*more: str, said: str) -> None:
        for words in commands:
            done = sentinel("--config", config, *words, *more)
            bad(done, 1, said)
            assert done.stdout == ""

    refused(said="needs a second person")
    refused("--approved-by", "grace", said="grace has not approved")
    approve(config, "u-2")
    approve(config, "u-1", ago=HOLDS + 1_000_000)
    approve(config, "u-1", ago=-10_000_000)  # a clock that runs ahead
    approve(config, "u-1", tenant="shop")
    approve(config, "u-1", by="heidi")
    refused("--approved-by", "grace", said="grace has not approved")
    done = sentinel("--config", config, "privacy", "approve", "u-1", "--purpose", "own look")
    assert done.returncode == 0, done.stderr
    assert f"--approved-by {operator()}" in done.stdout
    refused("--approved-by", operator(), said="somebody else has to approve")
    assert not out.exists()
    approve(config, "u-1")
    unknown = sentinel("--config", config, "account", "show", "nobody", "--approved-by", "grace")
    bad(unknown, 1, "grace has not approved")
    for words in commands:
        done = sentinel("--config", config, *words, "--approved-by", "grace", "--json")
        assert done.returncode == 0, (words, done.stderr)
    told = entries(sentinel, config)
    assert {entry["action"] for entry in told if entry["purpose"] == "approved by grace"} == {
        "account.show", "account.export", "event.explain", "alerts.show", "alerts.list",
    }  # fmt: skip
    assert {entry["actor"] for entry in told if entry["action"] == "lookup.approve"} == {"grace", "heidi", operator()}


def test_of_people_who_work_here_events_and_hours_are_not_looked_at(sentinel: Command, config: Path) -> None:
    take(sentinel, config, *a_life())
    approve(config, "u-1")
    shown = said(sentinel("--config", config, "account", "show", "u-1", "--approved-by", "grace", "--json"))
    assert (shown["events"], shown["known"]) == ([], {})
    assert shown["attributes"]["email"] == "ada@example.org"
    assert [alert["state"] for alert in shown["alerts"]] == ["open"]
    explained = said(
        sentinel("--config", config, "explain", "strange-u-1", "--approved-by", "grace", "--all", "--json")
    )
    facts: dict[str, Any] = {fact["name"]: fact["value"] for fact in explained["facts"]}
    assert (facts["hour.logins"], facts["hour.share"], facts["hour.weekday_share"]) == (0, None, None)
    out = config.parent / "u-1.zip"
    said(sentinel("--config", config, "account", "export", "u-1", "--approved-by", "grace", "--out", out, "--json"))
    text = sentinel("--config", config, "account", "show", "u-1", "--approved-by", "grace").stdout
    assert "events: not shown" in text


def test_where_customers_are_watched_nobody_else_is_needed(sentinel: Command, config: Path) -> None:
    take(sentinel, config, *a_life())
    assert sentinel("--config", config, "account", "show", "u-1", "--tenant", "shop").returncode == 0
    bad(sentinel("--config", config, "privacy", "approve", "u-1", "--tenant", "shop"), 1, 'not "workforce"')
    bad(sentinel("--config", config, "privacy", "approve", "u-1", "--purpose", "two\nlines"), 1, "purpose")
    assert json.loads(sentinel("--config", config, "audit", "show", "--json").stdout)
