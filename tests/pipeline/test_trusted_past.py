"""CONTRACT §1, "The trusted past", sentence by sentence.

The rules here flag an event by its ``service``, so that each case says what was flagged and how hard.
"""

from pathlib import Path
from typing import Any

import pytest

from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, at, found, rule_text, rules

HOME: dict[str, Any] = {
    "device_id": "laptop",
    "network": {"asn": 64500, "kind": "residential"},
    "place": {"country": "FR", "lat": 48.9, "lon": 2.4},
}
AWAY: dict[str, Any] = {
    "device_id": "other",
    "network": {"asn": 64501, "kind": "mobile"},
    "place": {"country": "JP", "lat": 35.7, "lon": 139.7},
}
MEDIUM = {"service": "medium"}
HIGH = {"service": "high"}
NOTHING = dict.fromkeys(("device", "network", "network_kind", "country"), False)
ALL = dict.fromkeys(NOTHING, True)


@pytest.fixture(scope="module")
def flagging(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    return rules(
        tmp_path_factory.mktemp("rules"),
        medium=rule_text('event.service == "medium"', risk=45),
        high=rule_text('event.service == "high"', risk=65),
        low=rule_text('event.service == "low"', risk=39),
        novelty=rule_text("device.new && !account.warming_up", risk=1),
    )


@pytest.fixture
def story(flagging: RuleSet) -> Story:
    return Story(flagging)


def settled_in(story: Story, *, days: int = 5) -> None:
    for day in range(days):
        story(at(day), id=f"home-{day}", **HOME)


class TestWhatEnters:
    def test_a_login_that_was_allowed_is_trusted_value_by_value(self, story: Story) -> None:
        assert story.trusts(at(), **HOME) == NOTHING
        assert story(at(), **HOME).decision == "allow"
        assert story.trusts(at(1), **HOME) == ALL
        mixed = HOME | {"device_id": "other", "place": AWAY["place"]}
        assert story.trusts(at(1), **mixed) == ALL | {"device": False, "country": False}

    def test_allowed_with_some_risk_is_allowed(self, story: Story) -> None:
        assert (story(at(), service="low", **HOME).risk, story.trusts(at(1), **HOME)) == (39, ALL)

    @pytest.mark.parametrize("flag", [MEDIUM, HIGH])
    def test_a_flagged_login_is_not(self, story: Story, flag: dict[str, str]) -> None:
        assert story(at(), **flag, **HOME).decision != "allow"
        assert story.trusts(at(1), **HOME) == NOTHING

    def test_watching_without_acting_flags_as_well(self, flagging: RuleSet) -> None:
        from sentinel.scoring import Thresholds

        story = Story(flagging, thresholds=Thresholds(mode="observe"))
        assessment = story(at(), **HIGH, **HOME)
        assert (assessment.decision, assessment.would) == ("notify", "challenge")
        assert story.trusts(at(1), **HOME) == NOTHING

    @pytest.mark.parametrize(
        "fields",
        [
            {"outcome": "failure", "reason": "bad_password"},
            {"outcome": "failure", "reason": "interrupted"},
            {"outcome": "failure", "reason": "mfa_failed", "password_ok": True},
            {"outcome": "blocked"},
            {"outcome": "blocked", "password_ok": True},
            {"outcome": "pending"},
            {"actor": "admin"},
            {"actor": "system"},
            {"actor": "admin", "actor_account": "helpdesk-1"},
            {"type": "session_seen"},
            {"type": "password_changed"},
            {"type": "logout"},
        ],
    )
    def test_nothing_but_a_persons_own_successful_login_enters(self, story: Story, fields: dict[str, Any]) -> None:
        for day in range(20):
            story(at(day), **(HOME | fields))
        assert story.trusts(at(20), **HOME) == NOTHING
        assert story.profile().trusted_logins == 0
        assert story.profile().places == []

    def test_an_unknown_part_is_never_known(self, story: Story) -> None:
        story(at())
        assert story.trusts(at(1)) == {}
        assert story.trusts(at(1), **HOME) == NOTHING


class TestConfirmedByAFactor:
    KEY: dict[str, Any] = {"mfa": {"method": "webauthn", "device_id": "key-1", "outcome": "success"}}

    def test_one_used_in_a_trusted_login_seven_days_before(self, story: Story) -> None:
        story(at(), **HOME, **self.KEY)
        story(at(7), **HIGH, **AWAY, **self.KEY)
        assert story.trusts(at(8), **AWAY) == ALL

    def test_not_a_younger_one(self, story: Story) -> None:
        story(at(), **HOME, **self.KEY)
        story(at(7, seconds=-1), **HIGH, **AWAY, **self.KEY)
        assert story.trusts(at(8), **AWAY) == NOTHING

    def test_one_enrolled_in_a_trusted_login(self, story: Story) -> None:
        story(at(), session_id="s-1", **HOME)
        enrolled = {"type": "mfa_enrolled", "mfa": {"method": "webauthn", "device_id": "key-1"}}
        story(at(), session_id="s-1", **enrolled)
        story(at(7), **HIGH, **AWAY, **self.KEY)
        assert story.trusts(at(8), **AWAY) == ALL

    @pytest.mark.parametrize("where", [AWAY, {}, {"session_id": "s-2"}])
    def test_not_one_enrolled_in_a_login_that_was_flagged(self, story: Story, where: dict[str, Any]) -> None:
        settled_in(story, days=3)
        story(at(3), session_id="s-2", **HIGH, **AWAY)
        story(at(3), type="mfa_enrolled", mfa={"method": "webauthn", "device_id": "key-1"}, **where)
        story(at(12), **HIGH, **AWAY, **self.KEY)
        assert story.trusts(at(13), **AWAY) == NOTHING

    def test_not_an_unnamed_one(self, story: Story) -> None:
        unnamed = {"mfa": {"method": "webauthn", "outcome": "success"}}
        story(at(), **HOME, **unnamed)
        story(at(20), **HIGH, **AWAY, **unnamed)
        assert story.trusts(at(21), **AWAY) == NOTHING

    def test_not_another_one(self, story: Story) -> None:
        story(at(), **HOME, **self.KEY)
        other = {"mfa": {"method": "webauthn", "device_id": "key-2", "outcome": "success"}}
        story(at(20), **HIGH, **AWAY, **other)
        assert story.trusts(at(21), **AWAY) == NOTHING

    def test_not_one_that_failed(self, story: Story) -> None:
        story(at(), **HOME, **self.KEY)
        failed = {"mfa": {"method": "webauthn", "device_id": "key-1", "outcome": "failure"}}
        story(at(20), **HIGH, **AWAY, **failed, auth={"phishing_resistant": True})
        assert story.trusts(at(21), **AWAY) == NOTHING

    @pytest.mark.parametrize("method", ["totp", "push", "sms", "voice", "email", "backup_code"])
    def test_never_a_factor_that_can_be_phished_whatever_the_sender_says(self, story: Story, method: str) -> None:
        factor = {"mfa": {"method": method, "device_id": "phone", "outcome": "success"}}
        story(at(), **HOME, **factor)
        story(at(20), **HIGH, **AWAY, **factor)
        story(at(21), **HIGH, **AWAY, **factor, auth={"phishing_resistant": True})
        assert story.trusts(at(22), **AWAY) == NOTHING

    def test_a_passkey_that_is_named(self, story: Story) -> None:
        passkey = {"auth": {"method": "passkey"}, "mfa": {"device_id": "passkey-1"}}
        story(at(), **HOME, **passkey)
        story(at(7), **HIGH, **AWAY, **passkey)
        assert story.trusts(at(8), **AWAY) == ALL

    def test_not_one_that_was_removed(self, story: Story) -> None:
        story(at(), **HOME, **self.KEY)
        story(at(1), type="mfa_removed", mfa={"method": "webauthn", "device_id": "key-1"}, **HOME)
        story(at(20), **HIGH, **AWAY, **self.KEY)
        assert story.trusts(at(21), **AWAY) == NOTHING

    def test_not_one_whose_login_was_compromised(self, story: Story) -> None:
        story(at(), id="bad", session_id="s-1", **HOME, **self.KEY)
        story.answer("bad", "compromised")
        story(at(20), **HIGH, **AWAY, **self.KEY)
        assert story.trusts(at(21), **AWAY) == NOTHING


class TestSettling:
    def flagged_on(self, story: Story, *days: float, flag: dict[str, str] = MEDIUM) -> None:
        for day in days:
            story(at(day), id=f"away-{day}", **flag, **AWAY)

    def test_after_14_days_with_three_separate_days(self, story: Story) -> None:
        self.flagged_on(story, 0, 1, 2)
        assert story.trusts(at(14, seconds=-1), **AWAY) == NOTHING
        assert story.trusts(at(14), **AWAY) == ALL

    def test_not_with_two(self, story: Story) -> None:
        self.flagged_on(story, 0, 5, 5.1, 5.2)
        assert story.trusts(at(40), **AWAY) == NOTHING

    def test_days_are_utc_days(self, story: Story) -> None:
        """START is 09:00 UTC: these are three days in Paris, two in Greenwich."""
        for time in ("2026-01-01T23:30:00+01:00", "2026-01-02T00:15:00+01:00", "2026-01-02T23:00:00Z"):
            story(time, **MEDIUM, **AWAY)
        assert story.trusts(at(40), **AWAY) == NOTHING
        story("2026-01-03T00:00:00Z", **MEDIUM, **AWAY)
        assert story.trusts(at(40), **AWAY) == ALL

    def test_the_third_may_come_late(self, story: Story) -> None:
        self.flagged_on(story, 0, 1, 30)
        assert story.trusts(at(29), **AWAY) == NOTHING
        assert story.trusts(at(30), **AWAY) == ALL

    def test_failures_do_not_settle(self, story: Story) -> None:
        self.flagged_on(story, 0, 1)
        for day in (2, 3, 4):
            story(at(day), outcome="failure", reason="bad_password", **AWAY)
        assert story.trusts(at(40), **AWAY) == NOTHING

    def test_not_when_the_level_was_high(self, story: Story) -> None:
        self.flagged_on(story, 0, 1, 2)
        self.flagged_on(story, 3, flag=HIGH)
        self.flagged_on(story, 4, 5, 6)
        assert story.trusts(at(60), **AWAY) == NOTHING

    @pytest.mark.parametrize(
        "change",
        [
            "password_changed",
            "mfa_enrolled",
            "mfa_removed",
            "email_changed",
            "phone_changed",
            "recovery_used",
        ],
    )
    def test_not_when_a_credential_was_changed_from_it(self, story: Story, change: str) -> None:
        self.flagged_on(story, 0, 1)
        story(at(1.5), type=change, **AWAY)
        self.flagged_on(story, 2, 3, 4)
        assert story.trusts(at(40), **AWAY) == NOTHING

    def test_not_when_the_change_names_only_the_session(self, story: Story) -> None:
        story(at(), session_id="s-1", **MEDIUM, **AWAY)
        story(at(), type="password_changed", session_id="s-1")
        self.flagged_on(story, 1, 2, 3)
        settled = story.trusts(at(40), **AWAY)
        assert (settled["device"], settled["network"], settled["country"]) == (False, False, False)

    def test_a_change_from_elsewhere_or_one_that_failed_does_not_matter(self, story: Story) -> None:
        settled_in(story, days=1)
        self.flagged_on(story, 1, 2)
        story(at(2), type="password_changed", **HOME)
        story(at(2), type="password_changed", outcome="failure", **AWAY)
        story(at(2), type="password_changed", actor="admin", **AWAY)
        self.flagged_on(story, 3)
        assert story.trusts(at(40), **AWAY) == ALL

    def test_a_reset_that_anybody_can_ask_for_does_not_matter(self, story: Story) -> None:
        self.flagged_on(story, 0, 1)
        story(at(1.5), type="password_reset_requested", **AWAY)
        self.flagged_on(story, 2)
        assert story.trusts(at(40), **AWAY) == ALL

    def test_a_change_after_it_has_settled_does_not_matter(self, story: Story) -> None:
        self.flagged_on(story, 0, 1, 2)
        story(at(15), type="password_changed", **AWAY)
        assert story.trusts(at(16), **AWAY) == ALL

    def test_not_after_somebody_said_no(self, story: Story) -> None:
        self.flagged_on(story, 0, 1, 2)
        story.answer("away-1", "compromised")
        assert story.trusts(at(40), **AWAY) == NOTHING

    def test_not_what_came_in_a_compromised_session(self, story: Story) -> None:
        settled_in(story)
        story(at(5), id="bad", session_id="stolen", **HOME)
        story.answer("bad", "compromised")
        for day in range(6, 12):
            story(at(day), session_id="stolen", **AWAY)
        assert story.trusts(at(60), **AWAY) == NOTHING

    def test_it_is_evaluated_at_the_next_events_time(self, story: Story) -> None:
        self.flagged_on(story, 0, 1, 2)
        assert story.trusts(at(14), **AWAY) == ALL
        assert story.trusts(at(13), **AWAY) == NOTHING


class TestAnswers:
    def test_the_service_confirms(self, story: Story) -> None:
        story(at(), id="was-me", **HIGH, **AWAY)
        story.answer("was-me", "legitimate")
        assert story.trusts(at(1), **AWAY) == ALL
        assert story.profile().trusted_logins == 1

    def test_twice_is_once(self, story: Story) -> None:
        story(at(), id="was-me", **HIGH, **AWAY)
        story.answer("was-me", "legitimate")
        story.answer("was-me", "legitimate")
        assert story.profile().trusted_logins == 1
        story.answer("was-me", "compromised")
        assert story.trusts(at(1), **AWAY) == NOTHING

    def test_compromised_takes_out_what_no_other_trusted_login_supports(self, story: Story) -> None:
        settled_in(story)
        story(at(5), id="bad", **(HOME | {"device_id": "other", "place": AWAY["place"]}))
        assert story.trusts(at(6), **(HOME | {"device_id": "other"})) == ALL
        story.answer("bad", "compromised")
        assert story.trusts(at(6), **HOME) == ALL
        assert story.trusts(at(6), **AWAY) == NOTHING
        assert all(place.country != "JP" for place in story.profile().places)

    def test_it_sticks(self, story: Story) -> None:
        story(at(), id="bad", **AWAY)
        story.answer("bad", "compromised")
        for day in range(1, 40):
            story(at(day), **AWAY)
        assert story.trusts(at(60), **AWAY) == NOTHING
        assert story.profile().trusted_logins == 0

    def test_its_session_is_out(self, story: Story) -> None:
        settled_in(story)
        story(at(5), id="bad", session_id="stolen", **HOME)
        story.answer("bad", "compromised")
        before = story.profile().trusted_logins
        assert not story.judged(at(6), session_id="stolen", **AWAY).trusted
        assert not story.judged(at(6), session_id="stolen", **HOME).trusted
        assert story.profile().trusted_logins == before
        assert story.judged(at(7), session_id="fresh", **HOME).trusted

    def test_the_service_lifts_it(self, story: Story) -> None:
        story(at(), id="bad", session_id="s-1", **AWAY)
        story.answer("bad", "compromised")
        story.answer("bad", "legitimate")
        assert story.trusts(at(1), **AWAY) == ALL
        assert story.judged(at(1), session_id="s-1", **AWAY).trusted

    def test_lifting_one_login_lifts_what_was_barred_before(self, story: Story) -> None:
        story(at(), id="was-me", **HIGH, **AWAY)
        story(at(1), id="bad", **HIGH, **AWAY)
        story.answer("bad", "compromised")
        story.answer("was-me", "legitimate")
        assert story.trusts(at(2), **AWAY) == ALL

    def test_saying_yes_to_a_failure_trusts_nothing(self, story: Story) -> None:
        story(at(), id="typo", outcome="failure", reason="bad_password", **HOME)
        story.answer("typo", "legitimate")
        assert story.trusts(at(1), **HOME) == NOTHING

    def test_saying_no_to_a_failure_puts_its_values_out(self, story: Story) -> None:
        story(at(), id="guess", outcome="failure", reason="bad_password", **AWAY)
        story.answer("guess", "compromised")
        assert not story.judged(at(1), **AWAY).trusted


class TestWarmingUp:
    def test_it_ends_with_the_third_trusted_login(self, story: Story) -> None:
        seen = [story(at(0, hours=hour), **HOME).warming_up for hour in range(5)]
        assert seen == [True, True, True, False, False]

    def test_it_ends_14_days_after_the_first(self, story: Story) -> None:
        story(at(), **HOME)
        assert story.warming_up(at(14, seconds=-1))
        assert not story.warming_up(at(14))

    def test_flagged_logins_do_not_count(self, story: Story) -> None:
        for day in range(10):
            story(at(day), **HIGH, **AWAY)
        assert story.warming_up(at(30))

    def test_new_rules_wait_for_it(self, story: Story) -> None:
        assert [found(story(at(day), device_id=f"d-{day}")) for day in range(4)] == [
            set(),
            set(),
            set(),
            {"novelty"},
        ]

    def test_a_compromised_login_was_none_of_the_first(self, story: Story) -> None:
        settled_in(story, days=3)
        assert not story.warming_up(at(4))
        story.answer("home-2", "compromised")
        assert story.warming_up(at(4))


class TestLateEvents:
    def test_judged_against_what_was_first_seen_before_it(self, story: Story) -> None:
        settled_in(story)
        story(at(10), **AWAY)
        assert "novelty" not in found(story(at(11), id="after", **AWAY))
        assert "novelty" in found(story(at(9), id="late", **AWAY))

    def test_and_what_it_shows_holds_from_its_own_time_on(self, story: Story) -> None:
        settled_in(story)
        story(at(10), **AWAY)
        story(at(7), id="late", **AWAY)
        assert story.trusts(at(8), **AWAY) == ALL
        assert story.trusts(at(6), **AWAY) == NOTHING

    def test_order_of_arrival_does_not_change_the_past(self, flagging: RuleSet) -> None:
        days = [0, 3, 1, 6, 2, 5, 4]
        straight, mixed = Story(flagging), Story(flagging)
        for story, order in ((straight, sorted(days)), (mixed, days)):
            for day in order:
                story(at(day), id=f"e-{day}", **HOME)
        assert straight.profile() == mixed.profile()

    def test_travel_is_from_the_login_before(self, tmp_path: Path) -> None:
        story = Story(rules(tmp_path, travel=rule_text("travel.distance_km > 1.0 && travel.hours < 2.0")))
        story(at(0), **HOME)
        story(at(2), **AWAY)
        assert "travel" not in found(story(at(1), id="late", **HOME))
        assert "travel" in found(story(at(2, hours=1), id="soon", **HOME))

    def test_a_late_event_is_no_sign_of_life_of_now(self, story: Story) -> None:
        story(at(10), **HOME)
        last = story.profile().last_seen
        story(at(1), id="late", **HOME)
        assert story.profile().last_seen == last


class TestSignsOfLife:
    @pytest.mark.parametrize(
        ("fields", "counts"),
        [
            ({}, True),
            ({"type": "session_seen"}, True),
            ({"type": "password_reset_requested"}, False),
            ({"type": "role_changed", "actor": "admin"}, False),
            ({"outcome": "failure", "reason": "bad_password"}, False),
            (HIGH, False),
        ],
    )
    def test_only_the_persons_own_doings_count(self, story: Story, fields: dict[str, Any], counts: bool) -> None:
        story(at(), **HOME)
        before = story.profile().last_seen
        story(at(100), **(HOME | fields))
        assert (story.profile().last_seen > before) is counts


def test_what_an_actor_does_for_another_account_touches_nothing_of_theirs(story: Story) -> None:
    settled_in(story)
    before = story.profile().trusted_logins
    story(at(6), type="password_changed", actor="admin", actor_account="helpdesk-1", **AWAY)
    assert story.trusts(at(7), **AWAY) == NOTHING
    assert story.profile().trusted_logins == before
