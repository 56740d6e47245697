"""All rules together: shared windows, what is not judged, evidence."""

from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, at, found, rule_text, rules

WINDOW = "[windows.{name}]\n{what}\nwhere = '{where}'\nby = ['account']\nover = '{over}'\n"


def counting(name: str, *, what: str = "count = 'events'", where: str = "event.attempt", over: str = "10m") -> str:
    more = WINDOW.format(name=name, what=what, where=where, over=over)
    return rule_text(f"windows.{name} >= 1", risk=1, more=more)


def test_windows_of_the_same_stream_share_a_series(tmp_path: Path) -> None:
    shared = rules(
        tmp_path,
        one=counting("a"),
        two=counting("b", over="1h"),
        three=counting("c", what="distinct = 'network.address'"),
        other=counting("d", where="!event.attempt"),
    )
    assert len(shared.series) == 2
    series = next(entry for entry in shared.series if entry.where and entry.where.text == "event.attempt")
    assert series.members == ("network.address",)
    story = Story(shared)
    failed = {"outcome": "failure", "reason": "bad_password"}
    for minute in range(4):
        last = story(at(0, minutes=minute * 9), ip=f"192.0.2.{minute % 2}", **failed)
    evidence = {finding.rule: finding.evidence for finding in last.findings}
    assert evidence == {"one": {"windows.a": 2}, "two": {"windows.b": 4}, "three": {"windows.c": 2}}


def test_sharing_does_not_change_what_is_counted(tmp_path: Path) -> None:
    texts = {
        "one": counting("a"),
        "two": counting("a", over="1h"),
        "three": counting("a", what="distinct = 'network.prefix'", over="30m"),
    }
    together = Story(rules(tmp_path / "all", **texts))
    alone = {name: Story(rules(tmp_path / name, **{name: text})) for name, text in texts.items()}
    for number in range(60):
        fields: dict[str, Any] = {
            "ip": f"192.0.{number % 7}.1",
            "outcome": "failure" if number % 3 else "success",
            "reason": "bad_password" if number % 3 else None,
        }
        # Up to one span late; of later ones the longest window of a stream decides how much is still seen.
        time = at(0, minutes=2 * number - number * 7 % 10)
        evidence = {finding.rule: finding.evidence for finding in together(time, **fields).findings}
        for name, story in alone.items():
            only = {finding.rule: finding.evidence for finding in story(time, **fields).findings}
            assert only.get(name) == evidence.get(name)


def test_an_absent_measure_is_not_judged_and_listed(tmp_path: Path) -> None:
    story = Story(
        rules(
            tmp_path,
            fast=rule_text("travel.speed_kmh > 900.0"),
            never=rule_text("false && travel.speed_kmh > 900.0"),
            always=rule_text("true || travel.speed_kmh > 900.0", risk=10),
            risky=rule_text("true", risk="'event.rtt_ms'"),
            by_address=rule_text(
                "windows.n >= 1", more="[windows.n]\ncount = 'events'\nby = ['network.address']\nover = '1h'"
            ),
        )
    )
    assessment = story()
    assert found(assessment) == {"always"}
    assert {entry.rule: entry.missing for entry in assessment.unjudged} == {
        "fast": ["travel.speed_kmh"],
        "risky": ["event.rtt_ms"],
        "by_address": ["windows.n"],
    }
    assert assessment.risk == 10
    told = found(story(ip="192.0.2.1", rtt_ms=20))
    assert told == {"always", "risky", "by_address"}


def test_rules_about_the_past_do_not_apply_to_what_is_not_judged(tmp_path: Path) -> None:
    story = Story(rules(tmp_path, new=rule_text("device.new", risk=50), any=rule_text("true", risk=1)))
    fields: dict[str, Any] = {"device_id": "other"}
    assert found(story(**fields)) == {"new", "any"}
    failed = story(outcome="failure", reason="bad_password", **fields)
    assert (found(failed), failed.unjudged) == ({"any"}, [])
    assert found(story(outcome="failure", reason="mfa_failed", password_ok=True, **fields)) == {"new", "any"}


def test_a_rule_applies_to_its_types_only(tmp_path: Path) -> None:
    story = Story(rules(tmp_path, only=rule_text("true", applies_to='["password_changed"]')))
    assert found(story()) == set()
    assert found(story(type="password_changed")) == {"only"}


@pytest.mark.parametrize(
    ("risk", "result"),
    [("'150.0'", 100), ("'-5'", 0), ("12.345", 12.35), ("'1.0 / 3.0 * 100.0'", 33.33), ("'params.n'", 7)],
)
def test_a_risk_is_from_0_to_100_with_two_decimals(tmp_path: Path, risk: str, result: float) -> None:
    story = Story(rules(tmp_path, one=rule_text("true", risk=risk, more="params = { n = 7 }")))
    assert [finding.risk for finding in story().findings] == [result]


def test_a_risk_that_turns_out_to_be_no_number_is_not_judged(tmp_path: Path) -> None:
    nan = rule_text("true", risk="'0.0 / (event.rtt_ms - 1.0)'")
    assessment = Story(rules(tmp_path, nan=nan))(rtt_ms=1)
    assert found(assessment) == set()
    assert {entry.rule for entry in assessment.unjudged} == {"nan"}


def test_evidence_is_what_the_rule_read_without_keyed_values(tmp_path: Path) -> None:
    text = rule_text(
        "account != '' && network.address != '' && event.service == 'web' && 'admin' in account.tags",
        risk="'event.rtt_ms'",
    )
    assessment = Story(rules(tmp_path, one=text))(ip="192.0.2.1", service="web", account_tags=["admin"], rtt_ms=5)
    assert assessment.findings[0].evidence == {
        "event.service": "web",
        "account.tags": ["admin"],
        "event.rtt_ms": 5.0,
    }


def test_what_was_remembered_is_never_another_events(tmp_path: Path) -> None:
    """Events that look alike to the rules share their verdicts, others never do."""
    texts = {
        "device": rule_text("device.new", risk="'event.rtt_ms'"),
        "tries": counting("n", where="event.attempt"),
        "keyed": rule_text("account == network.address || event.password_breached"),
    }
    remembering = Story(rules(tmp_path, **texts))
    for number in range(120):
        fields: dict[str, Any] = {
            "device_id": f"d-{number % 5}",
            "rtt_ms": number % 3,
            "outcome": ["success", "failure"][number % 2],
            "password_ok": number % 4 == 1,
            "password_breached": number % 7 == 0,
        }
        fresh = Story(RuleSet(remembering.replay.settings.rules.files))
        fresh.replay.profiles = msgspec.msgpack.decode(
            msgspec.msgpack.encode(remembering.replay.profiles), type=type_of_profiles()
        )
        for key, track in remembering.replay.tracks.items():
            fresh.replay.tracks[key] = type(track)(track.entries())
        given = {"id": f"x-{number}"} | fields
        time = at(0, minutes=number)
        assert fresh(time, **given) == remembering(time, **given)


def type_of_profiles() -> Any:
    from sentinel.past.profile import Profile

    return dict[str, Profile]


GATED = [
    "event.attempt && windows.n >= 2",
    "windows.n >= 2 && event.attempt // only tries",
    "windows.n >= 2 && // ( [ && ||\n event.attempt && event.service != 'a && b || c'",
    "event.attempt || windows.n >= 2",
    "event.attempt && windows.n >= 2 || event.password_ok",
    "event.attempt && windows.n >= 2 ? event.password_ok : windows.n >= 5",
    "event.attempt ? windows.n >= 2 : windows.n >= 3",
    "(event.attempt || event.password_ok) && windows.n >= 2 && event.rtt_ms > 5.0",
    "!(event.attempt && windows.n < 2) && account.tags.exists(tag, tag == 'a' || tag == 'b')",
    "windows.n >= 2",
]


@pytest.mark.parametrize("when", GATED)
def test_counting_only_when_it_matters_changes_no_verdict(tmp_path: Path, when: str) -> None:
    more = "[windows.n]\ncount = 'events'\nby = ['account']\nover = '1h'"
    compiled = rules(tmp_path, one=rule_text(when, more=more))
    (rule,) = (file.compiled for file in compiled.files)
    for attempt, breached, rtt, tags, number in product(
        (True, False), (True, False), (None, 1.0, 9.0), ((), ("a",)), (None, 0, 2, 5)
    ):
        facts: dict[str, Any] = {
            "event.attempt": attempt,
            "event.password_ok": breached,
            "event.rtt_ms": rtt,
            "account.tags": tags,
            "event.service": "web",
        }
        plan = compiled.plan("login", True, facts)
        verdicts = compiled.evaluate(plan, dict(facts), lambda *_, number=number: number)
        expected = rule.when.evaluate(facts | {"windows.n": number})
        assert (len(verdicts.held), len(verdicts.skipped)) == (expected is True, expected is None)


def test_windows_of_one_name_in_two_rules_are_not_mixed_up(tmp_path: Path) -> None:
    """Also where a rule is looked at before all of its windows are counted."""
    more = (
        "[windows.n]\ncount = 'events'\nwhere = 'event.attempt'\nby = ['account']\nover = '1h'\n"
        "[windows.m]\ncount = 'events'\nby = ['{}']\nover = '1h'"
    )
    story = Story(
        rules(
            tmp_path,
            all=rule_text("windows.n >= 1 && windows.m >= 3", more=more.format("network.prefix")),
            own=rule_text("windows.n >= 1 && windows.m < 3", more=more.format("account")),
        )
    )
    for number in range(4):
        story(account=f"other-{number}", ip="192.0.2.1")
    assert found(story(ip="192.0.2.1", outcome="failure", reason="bad_password")) == {"all", "own"}
