"""Simulated traffic is valid, ordered, labelled, repeatable, and peaceful unless asked otherwise."""

import hashlib
import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from sentinel.events.event import decode_event
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.agents import Agents
from sentinel.simulation.attacks import CAMPAIGNS, INTRUDERS, KINDS
from sentinel.simulation.traffic import Wish, simulate
from tests.running import Command

WISH = Wish(accounts=40, days=60, seed=7, quiet_days=20, intruders=4, campaigns=2)
ATTACKED = msgspec.structs.replace(WISH, attackers=KINDS)


@pytest.fixture(scope="module")
def quiet(addresses: Addresses, agents: Agents) -> list[dict[str, Any]]:
    return list(simulate(WISH, addresses, agents))


@pytest.fixture(scope="module")
def attacked(addresses: Addresses, agents: Agents) -> list[dict[str, Any]]:
    return list(simulate(ATTACKED, addresses, agents))


def digest(events: list[dict[str, Any]]) -> str:
    return hashlib.sha256(b"\n".join(map(msgspec.json.encode, events))).hexdigest()


def test_a_seed_gives_the_same_bytes_and_another_seed_others(
    addresses: Addresses, attacked: list[dict[str, Any]]
) -> None:
    assert digest(list(simulate(ATTACKED, addresses, Agents()))) == digest(attacked)
    other = msgspec.structs.replace(ATTACKED, seed=8)
    assert digest(list(simulate(other, addresses, Agents()))) != digest(attacked)


def test_events_are_valid_in_order_and_known_by_their_ids(attacked: list[dict[str, Any]]) -> None:
    for event in attacked:
        decode_event(msgspec.json.encode(event))
    times = [event["time"] for event in attacked]
    assert times == sorted(times)
    assert times[0] >= "2026-01-01"
    assert times[-1] < "2026-03-02"
    assert len({event["id"] for event in attacked}) == len(attacked)


def test_place_and_network_are_left_to_the_daemon(attacked: list[dict[str, Any]]) -> None:
    assert all("place" not in event and "network" not in event for event in attacked)
    assert all("ip" in event for event in attacked if event.get("actor", "self") == "self")


def test_nobody_attacks_unless_asked(quiet: list[dict[str, Any]]) -> None:
    assert {event["label"] for event in quiet} == {"legitimate"}


def test_attackers_are_labelled_and_leave_the_quiet_days_alone(
    quiet: list[dict[str, Any]], attacked: list[dict[str, Any]]
) -> None:
    hostile = [event for event in attacked if event["label"] != "legitimate"]
    assert {event["label"] for event in hostile} == {f"attack:{kind}" for kind in KINDS}
    assert min(event["time"] for event in hostile) >= "2026-01-21"
    episodes = {event["extra"]["episode"]: event["label"].removeprefix("attack:") for event in hostile}
    assert Counter(episodes.values()) == dict.fromkeys(INTRUDERS, 4) | dict.fromkeys(CAMPAIGNS, 2)
    # The people themselves do the same whether attacked or not.
    theirs = [{**event, "id": ""} for event in attacked if event["label"] == "legitimate"]
    assert theirs == [{**event, "id": ""} for event in quiet]


def test_only_some_kinds_on_request(addresses: Addresses, agents: Agents) -> None:
    some = msgspec.structs.replace(WISH, attackers=("naive", "spray"))
    labels = {event["label"] for event in simulate(some, addresses, agents)}
    assert labels == {"legitimate", "attack:naive", "attack:spray"}
    with pytest.raises(ValueError, match="no such attackers: nonsense"):
        list(simulate(msgspec.structs.replace(WISH, attackers=("nonsense",)), addresses, agents))


def test_people_live_as_people_do(quiet: list[dict[str, Any]]) -> None:
    logins = [event for event in quiet if event["type"] == "login"]
    good = [event for event in logins if event["outcome"] == "success"]
    slips = [event for event in logins if event.get("reason") == "bad_password"]
    daily = Counter(event["account"] for event in good)
    active = [number / WISH.days for number in daily.values() if number >= WISH.days]
    assert len(active) > 15
    assert all(1 <= rate <= 4.5 for rate in active)
    assert 1 < sum(active) / len(active) < 3
    assert 0.02 < len(slips) / len(good) < 0.15
    types = Counter(event["type"] for event in quiet)
    assert types["session_seen"] > len(good) / 3
    assert {"password_changed", "password_reset_requested"} <= set(types)
    assert all(event["email"].endswith("@example.org") for event in quiet if "email" in event)


def test_a_code_of_a_second_factor_is_never_used_twice(quiet: list[dict[str, Any]]) -> None:
    used = [
        (event["account"], event["mfa"]["device_id"], event["mfa"]["counter"])
        for event in quiet
        if "counter" in event.get("mfa", {})
    ]
    assert len(used) > 30
    assert len(set(used)) == len(used)


def test_a_new_phone_comes_with_its_second_factor(addresses: Addresses, agents: Agents) -> None:
    long = Wish(accounts=60, days=500, seed=2)
    changes = [event for event in simulate(long, addresses, agents) if event["type"] in ("mfa_enrolled", "mfa_removed")]
    owned: dict[str, set[str]] = {}
    for event in changes:
        owned.setdefault(event["account"], set()).add(event["mfa"]["device_id"])
    assert any(event["type"] == "mfa_removed" and event.get("actor") == "admin" for event in changes)
    assert any(event["type"] == "mfa_removed" and "actor" not in event for event in changes)
    assert max(map(len, owned.values())) > 1


def test_what_is_new_to_a_person_is_said(quiet: list[dict[str, Any]]) -> None:
    first: dict[tuple[str, str], str] = {}
    for event in quiet:
        for key in event.get("extra", {}).get("new", []):
            first.setdefault((event["account"], key), event["time"])
    assert any(key.startswith("device:phone") for _, key in first)
    assert all(key.split(":")[0] in ("device", "country") for _, key in first)
    usual = [event for event in quiet if event["time"] > "2026-02-20" and not event.get("extra", {}).get("new")]
    assert len(usual) > 500


def test_thieves_use_a_session_that_there_is(attacked: list[dict[str, Any]]) -> None:
    made = {
        (event["account"], event["session_id"]): event["time"]
        for event in attacked
        if event["type"] == "login" and event["outcome"] == "success" and event["label"] == "legitimate"
    }
    stolen = [
        event for event in attacked if event["label"] == "attack:stolen_session" and event["type"] == "session_seen"
    ]
    assert stolen
    for event in stolen:
        assert made[event["account"], event["session_id"]] < event["time"]


def test_the_command_writes_the_same_bytes(sentinel: Command) -> None:
    arguments = ("simulate", "--accounts", "12", "--days", "6", "--seed", "3", "--attackers", "naive")
    first, second = sentinel(*arguments), sentinel(*arguments, "--out", "traffic.ndjson")
    assert (first.returncode, first.stderr) == (0, "")
    assert second.returncode == 0
    assert (sentinel.home / "traffic.ndjson").read_text() == first.stdout
    assert {json.loads(line)["label"] for line in first.stdout.splitlines()} == {"legitimate", "attack:naive"}


def test_without_labels_events_can_be_posted(sentinel: Command) -> None:
    done = sentinel("simulate", "--accounts", "8", "--days", "5", "--no-labels")
    lines = done.stdout.splitlines()
    assert len(lines) > 10
    for line in lines:
        decode_event(line.encode(), over_http=True)


def test_unknown_attackers_are_wrong_use(sentinel: Command) -> None:
    done = sentinel("simulate", "--attackers", "naive,ninjas")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such kind: ninjas" in done.stderr
