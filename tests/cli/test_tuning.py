"""What is tuned, as the command line shows and uses it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.running import Command, login

CONFIG = """
rules.directory = "local"
rules.allow_directory = "allow"

[[tuning]]
service = "imap"
rules.impossible_travel.params.max_speed_kmh = 1500
rules.new_device.status = "shadow"

[[tuning]]
service = "imap"
tag = "admin"
rules.new_device.status = "live"
decision = { notify = 20, challenge = 30 }

[mute.rollout]
rules = ["hosting_network"]
until = 2026-01-31
reason = "ticket 123"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for folder in ("local", "allow"):
        (tmp_path / folder).mkdir()
    (tmp_path / "local" / "impossible_travel.toml").write_text("[params]\nmin_distance_km = 700\n")
    (tmp_path / "allow" / "house.toml").write_text(
        '[office]\nreason = "our own exits"\nnetworks = ["198.51.100.0/24"]\n'
    )
    path = tmp_path / "sentinel.toml"
    path.write_text(CONFIG)
    return path


def good(done: Any) -> str:
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_rules_show_says_where_each_key_comes_from(sentinel: Command, config: Path) -> None:
    def lines(*words: str) -> dict[str, str]:
        text = good(sentinel("--config", config, "rules", "show", *words))
        return dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line and line[0].isalpha())

    plain, imap = lines("impossible_travel"), lines("impossible_travel", "--service", "imap")
    assert plain["params.max_speed_kmh"].startswith("900    # /")
    assert plain["params.max_speed_kmh"].endswith("rules/impossible_travel.toml")
    assert imap["params.max_speed_kmh"] == f"1500    # {config} [[tuning]] 1"
    assert imap["params.min_distance_km"] == f"700    # {config.parent}/local/impossible_travel.toml"
    assert imap["title"] == plain["title"]
    assert lines("new_device", "--service", "imap")["status"] == f'"shadow"    # {config} [[tuning]] 1'
    both = lines("new_device", "--service", "imap", "--tag", "admin", "--tag", "x")
    assert both["status"] == f'"live"    # {config} [[tuning]] 2'
    found = json.loads(good(sentinel("--config", config, "rules", "show", "hosting_network", "--json")))
    assert found["exempt"] == [
        "muted by rollout until 2026-02-01T00:00:00Z: ticket 123",
        "allowed by office: our own exits",
    ]
    assert sentinel("--config", config, "rules", "show", "no_such").returncode == 1


def test_rules_list_shows_what_is_muted(sentinel: Command, config: Path) -> None:
    text = good(sentinel("--config", config, "rules", "list")).splitlines()
    at = next(number for number, line in enumerate(text) if line.startswith("hosting_network"))
    assert "muted by rollout until 2026-02-01T00:00:00Z: ticket 123" in text[at + 1]
    found = json.loads(good(sentinel("--config", config, "rules", "list", "--json")))
    assert [rule["id"] for rule in found if rule["muted"]] == ["hosting_network"]


def test_check_config_refuses_what_does_not_fit_the_rules(sentinel: Command, config: Path) -> None:
    good(sentinel("check-config", "--config", config))
    config.write_text(CONFIG.replace("max_speed_kmh", "max_speed"))
    done = sentinel("check-config", "--config", config)
    assert done.returncode == 1
    assert "sentinel.toml:7:32: tuning[0].rules.impossible_travel.params.max_speed" in done.stderr
    config.write_text(CONFIG)
    (config.parent / "allow" / "house.toml").write_text("[office]\n")
    done = sentinel("check-config", "--config", config)
    assert (done.returncode, "house.toml:1:2: office.reason" in done.stderr) == (1, True)


def test_assess_judges_by_service_tag_and_address(sentinel: Command, config: Path, tmp_path: Path) -> None:
    past = [login(f"past-{day}", f"2026-01-0{day}T09:00:00Z") for day in range(1, 5)]
    new = {"time": "2026-01-05T09:00:00Z", "device_id": "other", "ip": "203.0.113.9"}
    tried = {
        "web": login("e-1", **new),
        "imap": login("e-2", **new, service="imap"),
        "admin": login("e-3", **new, service="imap", account_tags=["admin"]),
        "office": login("e-4", **{**new, "ip": "198.51.100.1"}),
    }
    risks = {}
    for name, event in tried.items():
        file = tmp_path / "events.ndjson"
        file.write_text("".join(json.dumps(each) + "\n" for each in [*past, event]))
        said = [json.loads(line) for line in good(sentinel("--config", config, "assess", file)).splitlines()][-1]
        found = {finding["rule"]: finding["status"] for finding in said["findings"]}
        risks[name] = (found["new_device"], said["risk"] > 0, said["decision"])
    assert risks == {
        "web": ("live", True, "notify"),
        "imap": ("shadow", False, "allow"),
        "admin": ("live", True, "challenge"),
        "office": ("shadow", False, "allow"),
    }
