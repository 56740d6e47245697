"""Issue 2, done when 2: real sshd logs and the risk-based-authentication data set, through the command line."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.sources.rba import COLUMNS
from tests.running import Command
from tests.shared_data import shared

RULES = Path(__file__).parent / "rules"
GUESSING = {"brute_force_account", "brute_force_address", "password_spray"}
SSHD = (
    "ssh-bf__ssh-bf.log",
    "ssh-generic-test__ssh-generic-test.log",
    "ssh-slow-bf__ssh-slow-bf.log",
    "ssh-time-based-bf__ssh-time-based-bf.log",
    "sshd-impossible-travel-user__sshd-success-logs.log",
    "sshd-impossible-travel__sshd-success-logs.log",
    "sshd-invalid-bf__sshd-invalid-bf.log",
)


def assess(sentinel: Command, path: Path, *more: str | Path) -> dict[str, set[str]]:
    """The rules that held, by event; every line must be an event."""
    done = sentinel("assess", "--from", "sshd", "--year", "2026", path, *more)
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == sum(bool(line.strip()) for line in path.read_bytes().splitlines())
    return {each["event"]: {finding["rule"] for finding in each["findings"]} for each in answers}


def addresses(sentinel: Command, path: Path) -> dict[str, str]:
    """The address of each event; `import --print` gives the same ids."""
    done = sentinel("import", "--print", "--from", "sshd", "--year", "2026", path)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {event["id"]: event["ip"] for event in events}


@pytest.mark.parametrize("name", SSHD)
def test_with_default_params_the_guessing_rules_fire_in_the_slow_attack_only(sentinel: Command, name: str) -> None:
    held = assess(sentinel, shared("service-logs", name))
    guessed = set().union(*held.values()) & GUESSING
    assert bool(guessed) == name.startswith("ssh-slow-bf"), guessed


@pytest.mark.parametrize(("test", "rule"), [("ssh-bf", "ssh_burst"), ("ssh-time-based-bf", "ssh_slow_burst")])
def test_with_rules_of_one_s_own_they_fire_for_exactly_the_sources_that_are_expected(
    sentinel: Command, write_config: Callable[..., Path], test: str, rule: str
) -> None:
    config = write_config()
    config.write_text(config.read_text().replace(f'directory = "{config.parent}/rules"', f'directory = "{RULES}"'))
    lines = shared("service-logs", "expected.jsonl").read_text().splitlines()
    (expected,) = [each for line in lines if (each := json.loads(line))["test"] == test]
    sources = {source for overflow in expected["overflows"] for source in overflow["sources"]}
    path = shared("service-logs", expected["log"])
    held, where = assess(sentinel, path, "--config", config), addresses(sentinel, path)
    assert held.keys() == where.keys()
    assert {where[event] for event, rules in held.items() if rules & {"ssh_burst", "ssh_slow_burst"}} == sources
    assert any(rule in rules for rules in held.values())


def test_the_rules_of_this_test_pass_their_own(sentinel: Command) -> None:
    done = sentinel("rules", "test", RULES)
    assert (done.returncode, done.stdout) == (0, "2 rules, 4 tests, 0 failed\n"), done.stderr


def test_every_exact_row_of_the_data_set_is_scored(sentinel: Command) -> None:
    path = shared("rba-dataset-2000", "rba_exact_rows_0_18.csv")
    done = sentinel("assess", "--from", "rba", path)
    assert (done.returncode, done.stderr) == (0, "")
    with path.open(newline="") as rows:
        assert len(done.stdout.splitlines()) == len(list(csv.DictReader(rows))) == 19


def test_all_2000_rebuilt_rows_are_scored(sentinel: Command, tmp_path: Path) -> None:
    lines = shared("rba-dataset-2000", "rba_first2000_timestamps_rebuilt.jsonl").read_text().splitlines()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in map(json.loads, lines):
        values = {
            "Login Timestamp": row["ts"].replace("T", " ").removesuffix("Z"),
            "User ID": row["user"].removeprefix("rba:"),
            "Round-Trip Time [ms]": row["rtt_ms"],
            "IP Address": row["ip"],
            "Country": row["country"],
            "Region": row["region"] or "-",
            "City": row["city"] or "-",
            "ASN": row["asn"],
            "User Agent String": row["user_agent"],
            "Login Successful": row["success"],
            "Is Attack IP": row["is_attack_ip"],
            "Is Account Takeover": row["is_account_takeover"],
        }
        writer.writerow([values[name] for name in COLUMNS])
    path = tmp_path / "rba.csv"
    path.write_text(text.getvalue())
    done = sentinel("assess", "--from", "rba", path)
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len({each["event"] for each in answers}) == 2000
    assert not any("duplicate" in each for each in answers)
