"""One event after another through judging: what comes out, and what was counted."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.demo.traffic import live, traffic
from sentinel.events.assessment import encode_assessment
from sentinel.events.clock import MINUTE
from sentinel.events.event import TYPES, convert_event
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.replay import Replay, facts_seen
from sentinel.rules.ruleset import RuleSet
from sentinel.scoring import Thresholds
from tests.builders import TENANT, Story, at, event, found, make_enricher, packaged, rule_text, rules

FAILED: dict[str, Any] = {"outcome": "failure", "reason": "bad_password"}
LAPTOP: dict[str, Any] = {"device_id": "laptop", "network": {"asn": 64500}}
OTHER: dict[str, Any] = {"device_id": "other", "network": {"asn": 64501}}

WINDOW = "[windows.{}]\ncount = 'events'\nwhere = '{}'\nby = ['account']\nover = '1h'"
COUNTING = rule_text(
    "windows.seen >= 1",
    risk=1,
    applies_to='["login", "mfa_challenge"]',
    more='[windows.seen]\ncount = "events"\nby = ["account"]\nover = "1h"',
)
TRIES = rule_text(
    "windows.tries >= 1",
    risk=1,
    applies_to='["login", "mfa_challenge"]',
    more=WINDOW.format("tries", "mfa.attempt"),
)


def count(assessment: Any, rule: str) -> int:
    """What the one window of ``rule`` counted."""
    for finding in assessment.findings:
        if finding.rule == rule:
            return int(next(value for name, value in finding.evidence.items() if name.startswith("windows.")))
    return 0


def settled(story: Story, **fields: Any) -> None:
    for day in range(4):
        story(at(day), id=f"home-{day}", **(LAPTOP | fields))


@pytest.fixture(scope="module")
def packaged_rules() -> RuleSet:
    return RuleSet(packaged())


class TestStepUp:
    @pytest.fixture
    def story(self, tmp_path: Path) -> Story:
        return Story(
            rules(
                tmp_path,
                counting=COUNTING,
                new=rule_text("device.new && !account.warming_up", risk=50),
                outcome=rule_text('event.outcome == "success" && event.service == "vpn"', risk=5),
                ops=rule_text('event.outcome == "pending"', risk=45, more="audience = 'operator'"),
                quiet=rule_text('event.outcome == "pending"', risk=44, more="audience = 'none'"),
                novel=rule_text(
                    "windows.novel >= 1",
                    risk=1,
                    more=WINDOW.format("novel", "device.new"),
                ),
            )
        )

    def pending(self, story: Story, **fields: Any) -> Any:
        settled(story)
        return story.judged(at(5), id="ask", outcome="pending", **(OTHER | fields))

    def test_one_login_judged_once_with_the_same_alert(self, story: Story) -> None:
        asked = self.pending(story)
        assert found(asked.assessment) == {"new", "ops", "quiet", "counting", "novel"}
        ended = story.judged(at(5, minutes=14), id="end", concludes="ask", service="vpn", **OTHER)
        assert found(ended.assessment) == found(asked.assessment) | {"outcome"}
        assert ended.assessment.alert == asked.assessment.alert is not None
        assert ended.notices == ()

    def test_findings_stand_and_shares_are_of_all(self, story: Story) -> None:
        asked = self.pending(story).assessment
        ended = story(at(5, minutes=1), id="end", concludes="ask", service="vpn", **OTHER)
        stands = {finding.rule: finding.risk for finding in asked.findings}
        assert {finding.rule: finding.risk for finding in ended.findings if finding.rule in stands} == stands
        assert sum(finding.share for finding in ended.findings) == pytest.approx(1)
        assert ended.risk > asked.risk

    def test_it_is_counted_once(self, story: Story) -> None:
        assert count(self.pending(story).assessment, "counting") == 1
        story(at(5, minutes=1), id="end", concludes="ask", **OTHER)
        assert count(story(at(5, minutes=2), id="next", **OTHER), "counting") == 2

    def test_also_where_counting_asks_the_past(self, story: Story) -> None:
        self.pending(story)
        story(at(5, minutes=1), id="end", concludes="ask", **OTHER)
        assert count(story(at(5, minutes=2), id="next", device_id="third"), "novel") == 2

    def test_the_conclusion_counts_where_only_it_belongs(self, tmp_path: Path) -> None:
        story = Story(
            rules(
                tmp_path,
                failures=rule_text(
                    "windows.f >= 1",
                    more=WINDOW.format("f", "event.attempt"),
                ),
            )
        )
        story(at(), id="ask", outcome="pending")
        assert count(story(at(0, minutes=1), id="end", concludes="ask", **FAILED), "failures") == 1

    def test_who_hears_of_a_finding_is_the_rules_to_say_until_the_end(self, story: Story) -> None:
        self.pending(story)
        told = {notice.kind: notice.reasons for notice in story.seen["ask"][1].notices}
        assert told == {"suspicious_sign_in": ("new", "counting", "novel"), "campaign": ("ops",)}
        ended = story.judged(at(5, minutes=1), id="end", concludes="ask", service="vpn", **OTHER)
        assert [raised.alert.kind for raised in ended.raised] == ["suspicious_sign_in"]
        assert not {"ops", "quiet"} & set(ended.raised[0].alert.rules)

    def test_a_higher_level_at_the_end_is_news(self, tmp_path: Path) -> None:
        worse = rule_text('event.outcome == "success"', risk=70)
        story = Story(rules(tmp_path, asked=rule_text('event.outcome == "pending"', risk=45), worse=worse))
        asked = story.judged(at(), id="ask", outcome="pending")
        ended = story.judged(at(0, minutes=1), id="end", concludes="ask")
        assert [len(asked.notices), len(ended.notices)] == [1, 1]
        assert ended.assessment.alert != asked.assessment.alert

    def test_it_is_one_event_of_its_alert(self, story: Story) -> None:
        self.pending(story)
        ended = story.judged(at(5, minutes=1), id="end", concludes="ask", **OTHER)
        assert (ended.raised[0].alert.events, ended.raised[0].alert.folded) == (1, 0)

    def test_pending_enters_nothing_and_the_end_does(self, story: Story) -> None:
        story(at(), id="ask", outcome="pending", **LAPTOP)
        assert story.profile().trusted_logins == 0
        story(at(0, minutes=1), id="end", concludes="ask", service="web", **LAPTOP)
        assert story.profile().trusted_logins == 0, "flagged by `ops` while pending, so not trusted"

    def test_after_15_minutes_it_is_judged_anew(self, story: Story) -> None:
        self.pending(story)
        in_time = story(at(5, minutes=15), id="end", concludes="ask", **OTHER)
        assert "ops" in found(in_time)
        late = story(at(5, minutes=15, seconds=1), id="late", concludes="ask", **OTHER)
        assert "ops" not in found(late)
        assert count(late, "counting") == 2

    @pytest.mark.parametrize(
        "fields",
        [
            {"account": "u-2"},
            {"concludes": "another"},
            {"concludes": "home-3"},
            {"time": at(4.9)},
        ],
    )
    def test_what_does_not_conclude_it_is_judged_anew(self, story: Story, fields: dict[str, Any]) -> None:
        self.pending(story)
        given = {"id": "end", "concludes": "ask", **OTHER} | fields
        ended = story(given.pop("time", at(5, minutes=1)), **given)
        assert not {"ops", "quiet"} & found(ended)


class TestSecondFactors:
    @pytest.fixture
    def story(self, tmp_path: Path) -> Story:
        return Story(rules(tmp_path, tries=TRIES))

    PUSH: dict[str, Any] = {"mfa": {"method": "push", "device_id": "phone", "outcome": "denied"}}

    def challenge(self, story: Story, time: str, **fields: Any) -> int:
        return count(story(time, **({"type": "mfa_challenge", "outcome": "failure"} | self.PUSH | fields)), "tries")

    def login(self, story: Story, time: str, **fields: Any) -> int:
        failed = {"outcome": "failure", "reason": "mfa_failed", "password_ok": True}
        return count(story(time, **(failed | self.PUSH | fields)), "tries")

    def test_a_login_alone_is_a_try(self, story: Story) -> None:
        assert self.login(story, at()) == 1

    def test_the_login_of_a_challenges_session_is_no_second_try(self, story: Story) -> None:
        assert self.challenge(story, at(), session_id="s-1") == 1
        other = {"mfa": {"method": "push", "device_id": "tablet", "outcome": "denied"}}
        assert self.login(story, at(0, minutes=30), session_id="s-1", **other) == 1
        assert self.login(story, at(0, minutes=31), session_id="s-2", **other) == 2

    @pytest.mark.parametrize(("minutes", "tries"), [(0, 1), (10, 1), (10.02, 2)])
    def test_nor_one_of_the_same_factor_within_ten_minutes(self, story: Story, minutes: float, tries: int) -> None:
        self.challenge(story, at())
        assert self.login(story, at(0, minutes=minutes)) == tries

    @pytest.mark.parametrize(
        "fields",
        [
            {"account": "u-2"},
            {"mfa": {"method": "push", "device_id": "tablet", "outcome": "denied"}},
            {"mfa": {"method": "totp", "device_id": "phone", "outcome": "failure"}},
        ],
    )
    def test_another_account_or_factor_is_a_try_of_its_own(self, story: Story, fields: dict[str, Any]) -> None:
        self.challenge(story, at())
        assert self.login(story, at(0, minutes=1), **fields) == (1 if "account" in fields else 2)

    def test_a_challenge_not_answered_yet_was_no_try(self, story: Story) -> None:
        asked = {"outcome": "pending", "mfa": {"method": "push", "device_id": "phone", "outcome": "pending"}}
        story(at(), type="mfa_challenge", **asked)
        before = count(story(at(0, seconds=1), **FAILED), "tries")
        assert self.login(story, at(0, minutes=1)) == before + 1

    @pytest.mark.parametrize("challenges", [True, False])
    @pytest.mark.parametrize("logins", [True, False])
    def test_push_bombing_counts_each_refusal_once(
        self, packaged_rules: RuleSet, challenges: bool, logins: bool
    ) -> None:
        if not challenges and not logins:
            return
        story = Story(packaged_rules)
        fired = []
        for minute in range(3):
            last = None
            if challenges:
                last = story(at(0, minutes=minute), type="mfa_challenge", outcome="failure", **self.PUSH)
            if logins:
                failed = {"outcome": "failure", "reason": "mfa_failed", "password_ok": True}
                last = story(at(0, minutes=minute, seconds=5), **failed, **self.PUSH)
            assert last is not None
            fired.append("push_bombing" in found(last))
        assert fired == [False, False, True]


class TestDecisions:
    @pytest.fixture
    def by_service(self, tmp_path: Path) -> RuleSet:
        texts = {
            f"r{risk}": rule_text(f'event.service == "r{risk}"', risk=risk) for risk in (39, 40, 59, 60, 89, 90, 100)
        }
        return rules(tmp_path, **texts)

    @pytest.mark.parametrize(
        ("risk", "decision", "level"),
        [
            (39, "allow", "medium"),
            (40, "notify", "medium"),
            (59, "notify", "medium"),
            (60, "challenge", "high"),
            (89, "challenge", "critical"),
            (90, "block", "critical"),
            (100, "block", "critical"),
        ],
    )
    def test_by_config(self, by_service: RuleSet, risk: int, decision: str, level: str) -> None:
        assessment = Story(by_service)(service=f"r{risk}")
        assert (assessment.risk, assessment.decision, assessment.level) == (risk, decision, level)
        assert assessment.would is msgspec.UNSET

    @pytest.mark.parametrize(("risk", "decision"), [(39, "allow"), (60, "notify"), (100, "notify")])
    def test_observing_says_what_it_would_have_been(self, by_service: RuleSet, risk: int, decision: str) -> None:
        enforcing = Story(by_service)(service=f"r{risk}")
        watching = Story(by_service, thresholds=Thresholds(mode="observe"))(service=f"r{risk}")
        assert (watching.decision, watching.would) == (decision, enforcing.decision)
        assert watching.act == enforcing.act

    @pytest.mark.parametrize("outcome", ["failure", "blocked"])
    def test_failures_never_block_the_accounts_own_trusted_context(self, by_service: RuleSet, outcome: str) -> None:
        story = Story(by_service)
        settled(story)
        failed = {"outcome": outcome, "reason": "bad_password", "service": "r100"}
        assert story(at(5), **failed, **LAPTOP).decision == "challenge"
        assert story(at(5), **failed, **OTHER).decision == "block"
        assert story(at(5), **failed, **(LAPTOP | {"device_id": "other"})).decision == "block"
        assert story(at(5), service="r100", **LAPTOP).decision == "block"

    def test_a_shadow_rule_is_shown_and_adds_nothing(self, tmp_path: Path) -> None:
        story = Story(
            rules(
                tmp_path,
                live=rule_text("true", risk=20),
                shadow=rule_text("true", risk=99, more="status='shadow'"),
            )
        )
        assessment = story()
        assert (assessment.risk, assessment.decision, assessment.alert) == (20, "allow", None)
        assert [(finding.rule, finding.status, finding.share) for finding in assessment.findings] == [
            ("live", "live", 1.0),
            ("shadow", "shadow", 0.0),
        ]

    def test_on_failures_the_scope_is_the_source_and_until_when(self, packaged_rules: RuleSet) -> None:
        story = Story(packaged_rules)
        last = None
        for number in range(20):
            last = story(at(0, seconds=number), ip="203.0.113.9", account=f"u-{number % 4}", **FAILED)
        assert last is not None
        assert (last.scope, last.until) == (
            "source",
            at(0, seconds=19 + 10 * 60)
            if last.findings[0].rule == "brute_force_address"
            else at(0, seconds=19 + 30 * 60),
        )
        assert story(at(0, seconds=30), ip="198.51.100.7", account="u-9", **FAILED).scope == "attempt"

    def test_no_push_is_asked_for_during_push_bombing(self, packaged_rules: RuleSet) -> None:
        story = Story(packaged_rules)
        for method in ("push", "totp"):
            story(at(-1), **LAPTOP, mfa={"method": method, "device_id": method, "outcome": "success"})
        refused = {"type": "mfa_challenge", "outcome": "failure"}
        for minute in range(4):
            last = story(
                at(0, minutes=minute),
                **refused,
                mfa={"method": "push", "device_id": "push", "outcome": "denied"},
            )
        assert "push_bombing" in found(last)
        assert last.act.methods == ["totp"]

    def test_no_mail_is_asked_for_after_a_recovery(self, by_service: RuleSet) -> None:
        story = Story(by_service)
        for method in ("email", "totp"):
            story(at(-1), **LAPTOP, mfa={"method": method, "device_id": method, "outcome": "success"})
        assert story(at(0), service="r60").act.methods == ["totp", "email"]
        story(at(1), type="recovery_used")
        assert story(at(30.9), service="r60").act.methods == ["totp"]
        assert story(at(31), service="r60").act.methods == ["totp", "email"]


class TestWhoHears:
    def test_ten_thousand_sprayed_accounts_are_one_campaign(self, packaged_rules: RuleSet) -> None:
        story = Story(packaged_rules)
        notices: list[Any] = []
        for number in range(300):
            address = f"203.0.113.{number % 50 + 1}"
            judged = story.judged(at(0, seconds=5 * number), ip=address, account=f"s-{number}", **FAILED)
            notices += judged.notices
        assert [(notice.kind, notice.account) for notice in notices][:1] == [("campaign", None)]
        assert {notice.kind for notice in notices} == {"campaign"}
        assert len({notice.id for notice in notices}) == len(notices) <= 3

    def test_an_unknown_name_gets_no_mail(self, tmp_path: Path) -> None:
        story = Story(rules(tmp_path, always=rule_text("true", risk=70)))
        judged = story.judged(outcome="failure", reason="unknown_account")
        assert (judged.assessment.decision, judged.assessment.alert, judged.notices) == (
            "challenge",
            None,
            (),
        )
        assert story.profile().values == {}

    def test_a_change_of_credentials_is_told_whatever_the_risk(self, tmp_path: Path) -> None:
        changed = rule_text(
            "true",
            risk=5,
            applies_to='["password_changed", "email_changed"]',
            more="alert = 'credential_change'",
        )
        stronger = rule_text("true", risk=9, applies_to='["password_changed"]', more="alert = 'new_sign_in'")
        story = Story(rules(tmp_path, changed=changed, stronger=stronger))
        first = story.judged(at(), type="password_changed")
        assert [(notice.kind, notice.decision) for notice in first.notices] == [("credential_change", "allow")]
        assert len(story.judged(at(0, minutes=5), type="email_changed").notices) == 1
        assert len(story.judged(at(0, minutes=6), type="password_changed").notices) == 0
        assert len(story.judged(at(3), type="password_changed").notices) == 1

    def test_news_is_told_again_once_it_was_answered(self, tmp_path: Path) -> None:
        story = Story(rules(tmp_path, new=rule_text("device.new && !account.warming_up", risk=50)))
        settled(story)
        assert len(story.judged(at(5), id="first", **OTHER).notices) == 1
        assert len(story.judged(at(6), id="second", **OTHER).notices) == 0
        story.answer("first", "compromised")
        assert len(story.judged(at(7), id="third", **OTHER).notices) == 1


def mixed(enough: int = 200) -> list[dict[str, Any]]:
    """People's past, then logins with attacks among them."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    past = list(traffic(7, start, people=16, days=6))
    now = datetime(2026, 1, 7, 12, tzinfo=UTC)
    return past[-400:] + [given for _, given in islice(live(7, now, people=16), enough)]


def test_two_installations_give_the_same_bytes(packaged_rules: RuleSet) -> None:
    given = mixed()
    outputs = []
    for _ in range(2):
        installation = make_enricher()
        replay = Replay(TenantSettings(rules=RuleSet(packaged())))
        outputs.append(
            [
                encode_assessment(replay.judge(arrive(installation, TENANT, convert_event(value))).assessment)
                for value in given
            ]
        )
    assert outputs[0] == outputs[1]
    assert sum(b'"findings":[{' in line for line in outputs[0]) > 20


def test_evidence_holds_no_address_and_no_keyed_value(packaged_rules: RuleSet) -> None:
    installation = make_enricher()
    replay = Replay(TenantSettings(rules=packaged_rules))
    seen = 0
    for value in mixed():
        come = arrive(installation, TENANT, convert_event(value))
        evidence = [finding.evidence for finding in replay.judge(come).assessment.findings]
        told = {str(item) for facts in evidence for item in facts.values()}
        seen += bool(told)
        sighting = come.sighting
        secrets = {sighting.account, sighting.address, sighting.prefix, sighting.device_key, sighting.agent}
        secrets |= {sighting.session, sighting.factor.key, sighting.key}
        secrets |= {value.get(name) for name in ("id", "ip", "account", "device_id", "user_agent", "session_id")}
        assert not told & secrets
    assert seen > 20


@pytest.mark.parametrize("type", TYPES)
def test_an_event_without_anything_is_judged(packaged_rules: RuleSet, type: str) -> None:
    assessment = Story(packaged_rules)(type=type)
    assert (assessment.event, assessment.scope) == ("e-1", "attempt")
    assert found(assessment) <= {"second_factor_removed", "second_factor_added", "credential_changed"}


def test_a_failure_without_an_account_feeds_address_windows_only(packaged_rules: RuleSet) -> None:
    story = Story(packaged_rules)
    for number in range(20):
        last = story(at(0, seconds=number), account=None, ip="203.0.113.9", **FAILED)
    assert "brute_force_address" in found(last)
    assert (last.account, last.warming_up) == (None, False)


def test_what_cannot_be_judged_says_so(packaged_rules: RuleSet) -> None:
    assessment = Story(packaged_rules)(at())
    unjudged = {entry.rule: entry.missing for entry in assessment.unjudged}
    assert "travel.speed_kmh" in unjudged["impossible_travel"]
    assert "dormant_account" not in unjudged, "an account that warms up is not dormant, whatever is missing"


def test_explain_shows_every_fact_and_hides_keyed_ones(packaged_rules: RuleSet) -> None:
    come = arrive(make_enricher(), TENANT, event(ip="192.0.2.1", device_id="laptop"))
    shown = {
        fact.name: fact.value
        for fact in facts_seen(come.sighting, Story(packaged_rules).profile(), TenantSettings(rules=packaged_rules))
    }
    assert (shown["account"], shown["network.address"], shown["client.ja4"]) == ("(keyed)", "(keyed)", None)
    assert shown["event.type"] == "login"


def test_pending_span_is_the_contracts() -> None:
    from sentinel.pipeline import concluded

    assert concluded.PENDING_SPAN == 15 * MINUTE


@pytest.mark.parametrize(
    ("kind", "named"), [("residential", "Tokyo"), ("hosting", "Tokyo"), ("tor", None), ("vpn", None)]
)
def test_a_mail_names_no_place_that_the_network_hides(kind: str, named: str | None) -> None:
    story = Story(RuleSet(packaged()))
    for day in range(4):
        story.judged(at(day), device_id="laptop")
    abroad = {"country": "JP", "city": "Tokyo", "lat": 35.7, "lon": 139.7}
    judged = story.judged(at(5), device_id="stranger", place=abroad, network={"asn": 64511, "kind": kind})
    assert [notice.place.city for notice in judged.notices] == [named]
