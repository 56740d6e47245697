"""A tenant that nothing knows: told where it is typed, and where something is tuned for it."""

import json
from pathlib import Path

import pytest

from tests.cli.test_account import bad, said, take
from tests.running import Command, login

TUNED = """
[[tuning]]
tenant = "shpo"
decision.notify = 50
[[tuning]]
tenant = "shop"
decision.notify = 50
[mute.quiet]
reason = "it is loud"
until = 2027-01-01
tenant = "nobody"
rules = ["new_device"]
[tenants.intern]
"""


@pytest.fixture
def config(sentinel: Command, tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(f'state = "{sentinel.state}"\nrules.directory = "none"\nrules.allow_directory = "allow"\n{TUNED}')
    (tmp_path / "allow").mkdir()
    (tmp_path / "allow" / "office.toml").write_text(
        '[ours]\nreason = "our own"\ntenant = "shopp"\ncountries = ["AT"]\n'
    )
    return path


def create(sentinel: Command, config: Path, name: str, tenant: str) -> None:
    done = sentinel("--config", config, "keys", "create", name, "--scope", "events", "--tenant", tenant)
    assert done.returncode == 0, done.stderr


COMMANDS = [
    ("account", "show", "u-1"),
    ("account", "erase", "u-1", "--yes"),
    ("account", "evidence", "u-1", "--to", "age1", "--claim", "c", "--out", "out"),
    ("alerts", "list"),
    ("campaigns", "list"),
    ("audit", "show"),
    ("explain", "e-1"),
    ("assess", "-"),
    ("import", "-"),
    ("evaluate",),
    ("incident", "export"),
    ("mail", "preview"),
    ("models", "list"),
    ("models", "show", "impostor"),
    ("models", "promote", "impostor"),
    ("models", "rollback", "impostor"),
    ("models", "drift"),
    ("privacy", "approve", "u-1"),
    ("rules", "list"),
    ("rules", "show", "new_device"),
    ("train",),
    ("usage",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_tenant_that_nothing_knows_is_told(sentinel: Command, config: Path, command: tuple[str, ...]) -> None:
    done = sentinel("--config", config, *command, "--tenant", "inter")
    bad(done, 2, "--tenant: 'inter' is not known (did you mean intern?); known are: default, intern.")
    assert done.stdout == ""


def test_a_tenant_is_known_by_configuration_key_or_events(sentinel: Command, config: Path) -> None:
    def shows(tenant: str) -> bool:
        done = sentinel("--config", config, "alerts", "list", "--tenant", tenant, "--json")
        assert done.returncode in (0, 2), done.stderr
        return done.returncode == 0

    assert shows("intern")
    assert not shows("shop")
    create(sentinel, config, "shop", "shop")
    assert shows("shop")
    take(sentinel, config, login("e-1"))
    given = sentinel("--config", config, "import", "-", "--tenant", "shop", input=json.dumps(login("e-2")))
    assert given.returncode == 0, given.stderr
    assert shows("shop")
    assert not shows("shpo")
    # A tenant that is taken out of the configuration is known for as long as its events are.
    given = sentinel("--config", config, "import", "-", "--tenant", "intern", input=json.dumps(login("e-3")))
    assert given.returncode == 0, given.stderr
    config.write_text(config.read_text().replace("[tenants.intern]", ""))
    assert shows("intern")


def test_what_is_tuned_for_a_tenant_that_nothing_knows_is_told(sentinel: Command, config: Path) -> None:
    create(sentinel, config, "shop", "shop")
    checked = said(sentinel("--config", config, "check-config", "--json"))
    assert [warning.split(": ")[0] for warning in checked["warnings"]] == [
        "tuning[0]", "mute.quiet", str(config.parent / "allow" / "office.toml"),
    ]  # fmt: skip
    assert "the tenant 'shpo'; known are default, intern, shop" in checked["warnings"][0]
    text = sentinel("--config", config, "check-config")
    assert text.returncode == 0
    assert text.stdout.startswith("configuration is good")
    assert text.stderr.count("warning: ") == 3
    done = sentinel("--config", config, "doctor", "--json")
    tuning = [check for check in json.loads(done.stdout) if check["name"] == "tuning"]
    assert [check["state"] for check in tuning] == ["warn"] * 3
    assert "shpo" in tuning[0]["detail"]


def test_training_is_for_every_tenant_that_is_known(sentinel: Command, config: Path) -> None:
    create(sentinel, config, "shop", "shop")
    done = sentinel("--config", config, "train", "--json")
    assert done.returncode == 1, done.stderr  # there is no history yet
    assert sorted(json.loads(done.stdout)) == ["default", "intern", "shop"]
