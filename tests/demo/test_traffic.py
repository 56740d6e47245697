"""The demo's traffic is valid, made up, repeatable, and holds the attacks it promises."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address, ip_network
from itertools import islice, takewhile
from typing import Any

import pytest

from sentinel.demo.agents import BROWSERS, user_agent
from sentinel.demo.traffic import FEWEST, live, traffic
from sentinel.events.event import decode_event

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
DOCUMENTATION = [ip_network(each) for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]


@pytest.fixture(scope="module")
def history() -> list[dict[str, Any]]:
    return list(traffic(7, START))


@pytest.fixture(scope="module")
def minute() -> list[tuple[float, dict[str, Any]]]:
    """The first sixty seconds."""
    end = (START + timedelta(seconds=60)).isoformat()
    return list(takewhile(lambda each: each[1]["time"] < end, live(7, START)))


def is_attack(event: dict[str, Any]) -> bool:
    """Attacks come from address ranges of their own."""
    return event["ip"].startswith(("203.0.113.", "198.51.100.", "2001:db8:a00"))  # type: ignore[no-any-return]  # JSON


def test_every_event_is_taken_as_posted(
    history: list[dict[str, Any]], minute: list[tuple[float, dict[str, Any]]]
) -> None:
    for each in [*history, *(event for _, event in minute)]:
        decode_event(json.dumps(each).encode(), over_http=True)


def test_addresses_mails_and_networks_are_made_up(
    history: list[dict[str, Any]], minute: list[tuple[float, dict[str, Any]]]
) -> None:
    for each in [*history, *(event for _, event in minute)]:
        address = ip_address(each["ip"])
        assert any(address in network for network in DOCUMENTATION if network.version == address.version)
        assert each.get("email", "x@example.org").endswith("@example.org")
        asn = each["network"]["asn"]
        assert 64496 <= asn <= 64511 or 65536 <= asn <= 65551
        assert {"country", "lat", "lon"} <= each["place"].keys()


def test_the_same_seed_repeats_and_another_does_not(history: list[dict[str, Any]]) -> None:
    assert list(traffic(7, START)) == history
    assert list(traffic(8, START)) != history


def test_ids_are_unique_also_between_history_and_live(
    history: list[dict[str, Any]], minute: list[tuple[float, dict[str, Any]]]
) -> None:
    ids = [each["id"] for each in history] + [event["id"] for _, event in minute]
    ids += [event["id"] for _, event in islice(live(7, START + timedelta(days=1)), 50)]
    assert len(set(ids)) == len(ids)


def test_history_is_in_order_and_in_its_time(history: list[dict[str, Any]]) -> None:
    times = [datetime.fromisoformat(each["time"]) for each in history]
    assert times == sorted(times)
    assert times[-1] < START + timedelta(days=20)
    asleep = {each["account"] for each in history if datetime.fromisoformat(each["time"]) < START - timedelta(days=2)}
    assert len(asleep) == 1
    assert max(each["time"] for each in history if each["account"] in asleep) < START.isoformat()


def test_history_is_a_past_to_compare_with(history: list[dict[str, Any]]) -> None:
    logins = [each for each in history if each["type"] == "login"]
    per_account = Counter(each["account"] for each in logins if each["outcome"] == "success")
    assert len(per_account) == 40
    assert min(per_account.values()) >= 10
    failures = sum(each["outcome"] == "failure" for each in logins) / len(logins)
    assert 0.01 < failures < 0.08
    assert {each["mfa"]["method"] for each in logins if "mfa" in each} == {"totp", "webauthn", "push"}
    codes = [(each["account"], each["mfa"]["counter"]) for each in logins if "counter" in each.get("mfa", {})]
    assert len(set(codes)) == len(codes)


def test_nobody_in_the_history_travels_faster_than_an_airliner(history: list[dict[str, Any]]) -> None:
    seen: dict[str, tuple[datetime, str]] = {}
    moves = 0
    for each in history:
        moment, country = datetime.fromisoformat(each["time"]), each["place"]["country"]
        if each["account"] in seen:
            before, where = seen[each["account"]]
            if where != country:
                moves += 1
                assert moment - before > timedelta(hours=15)
        seen[each["account"]] = moment, country
    assert moves >= 6


def test_live_keeps_pace_and_time(minute: list[tuple[float, dict[str, Any]]]) -> None:
    clock = START
    for delay, event in minute:
        assert delay >= 0
        clock += timedelta(seconds=delay)
        assert datetime.fromisoformat(event["time"]) == clock
    attacked = sum(is_attack(each) for _, each in minute)
    assert 3.5 < (len(minute) - attacked) / 60 < 7


def test_ordinary_live_logins_come_from_where_the_person_was_before(
    history: list[dict[str, Any]], minute: list[tuple[float, dict[str, Any]]]
) -> None:
    known = {(each["account"], each["device_id"], each["ip"]) for each in history}
    strangers = [
        each
        for _, each in minute
        if not is_attack(each) and (each["account"], each["device_id"], each["ip"]) not in known
    ]
    assert strangers == []


def test_each_attack_comes_within_forty_seconds(minute: list[tuple[float, dict[str, Any]]]) -> None:
    limit = (START + timedelta(seconds=41)).isoformat()
    bad = [each for _, each in minute if is_attack(each)]
    assert all(each["time"] < limit for each in bad)

    sprayed = [each for each in bad if each["ip"].startswith("203.0.113.")]
    assert len({each["account"] for each in sprayed}) == 30
    assert {each["outcome"] for each in sprayed} == {"failure"}

    forced = [each for each in bad if each["ip"] == "198.51.100.66"]
    assert [each["outcome"] for each in forced] == ["failure"] * 30 + ["success"]
    assert len({each["account"] for each in forced}) == 1

    pushed = [each for each in bad if each.get("mfa", {}).get("method") == "push" and each["type"] != "mfa_removed"]
    assert [each["type"] for each in pushed] == ["mfa_challenge"] * 9 + ["login"]
    assert [each["mfa"]["outcome"] == "success" for each in pushed] == [False] * 8 + [True] * 2

    assert [each["outcome"] for each in bad if each["network"]["kind"] == "tor"] == ["success"]
    assert [each["type"] for each in bad if each["ip"].startswith("2001:db8:a004")] == [
        "login",
        "mfa_removed",
    ]
    assert sum(each.get("mfa", {}).get("method") == "backup_code" for each in bad) == 1
    (far,) = [each for each in bad if each["ip"].startswith("2001:db8:a001")]
    (home,) = [each for _, each in minute if each["account"] == far["account"] and each is not far]
    assert home["place"]["country"] != far["place"]["country"]
    assert home["time"] < far["time"]
    (awake,) = [each for each in bad if each["ip"].startswith("2001:db8:a006")]
    assert awake["account"] in {each["account"] for each in traffic(7, START) if each["time"] < "2026-10"}


def test_attacked_people_and_the_others_are_not_the_same(minute: list[tuple[float, dict[str, Any]]]) -> None:
    in_by_force = {each["account"] for _, each in minute if is_attack(each) and each["outcome"] == "success"}
    after = [each for _, each in minute if each["account"] in in_by_force and not is_attack(each)]
    assert len(in_by_force) == 7
    assert len(after) == 1


def test_any_time_zone_gives_the_same(history: list[dict[str, Any]]) -> None:
    local = START.astimezone(timezone(timedelta(hours=9)))
    assert list(traffic(7, local)) == history
    assert next(live(7, local)) == next(live(7, START))


def test_too_few_people_is_said() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        next(traffic(1, START, people=FEWEST - 1))


@pytest.mark.parametrize("browser", BROWSERS)
def test_agents_are_understood_by_the_parser_we_use(browser: str) -> None:
    from ua_parser import parse

    parsed = parse(user_agent(browser, START))
    assert parsed.user_agent is not None
    assert parsed.os is not None
    assert browser.split("-")[0] in parsed.user_agent.family.lower()
    assert int(parsed.user_agent.major or 0) > 20
