"""What is counted as bothering people and as stopping attackers, with rules whose answers are known."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.pipeline.item import TenantSettings
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.agents import Agents
from sentinel.simulation.attacks import CAMPAIGNS, INTRUDERS, KINDS
from sentinel.simulation.measure import Figures, enricher, measure
from sentinel.simulation.report import as_json, causes, lines
from sentinel.simulation.traffic import Wish, simulate
from tests.builders import rule_text, rules

WISH = Wish(accounts=20, days=40, seed=3, quiet_days=15, attackers=KINDS, intruders=4, campaigns=1)


@pytest.fixture(scope="module")
def events(addresses: Addresses, agents: Agents) -> list[dict[str, Any]]:
    return list(simulate(WISH, addresses, agents))


@pytest.fixture
def judged(events: list[dict[str, Any]], unpacked: Path, tmp_path: Path) -> Any:
    def run(**texts: str) -> Figures:
        start = int((WISH.start + timedelta(days=WISH.quiet_days)).timestamp() * 1e6)
        return measure(events, TenantSettings(rules=rules(tmp_path, **texts)), enricher(unpacked.parent), start)

    return run


def test_rules_that_never_hold_bother_nobody_and_stop_nobody(judged: Any) -> None:
    figures = judged(silent=rule_text("false"))
    friction = figures.friction
    assert friction.logins > 200
    assert (friction.challenges, friction.others, friction.owed_new, friction.owed_changes) == (0, 0, 0, 0)
    assert len(friction.known) > 20
    for kind in INTRUDERS:
        assert figures.outcomes.challenged(kind) == 0
        assert [each.lost for each in figures.outcomes.of(kind)] == [1] * 4
        assert figures.outcomes.missed(kind) == {"(none)": 4}
    assert not any(each.found for kind in CAMPAIGNS for each in figures.outcomes.of(kind))


def test_a_rule_that_always_holds_stops_everybody_at_the_door(judged: Any) -> None:
    figures = judged(loud=rule_text("true", risk=70, applies_to='["login", "session_seen"]'))
    friction = figures.friction
    assert friction.challenges >= friction.logins
    assert friction.challenges_by == {"loud": friction.challenges}
    assert figures.outcomes.challenged("naive") == figures.outcomes.challenged("stolen_session") == 100
    assert {each.stopped for kind in INTRUDERS for each in figures.outcomes.of(kind)} == {"in"}
    # Whoever is stopped goes no further.
    assert {each.steps for kind in INTRUDERS for each in figures.outcomes.of(kind)} == {1}
    assert all(each.found for kind in ("spray", "stuffing", "slow_spray") for each in figures.outcomes.of(kind))


def test_a_challenge_at_the_goal_counts_and_is_told_apart(judged: Any) -> None:
    figures = judged(late=rule_text('event.type == "mfa_enrolled"', risk=70, applies_to='["mfa_enrolled"]'))
    stopped = [each.stopped for kind in INTRUDERS for each in figures.outcomes.of(kind)]
    assert {*stopped} == {None, "goal"}


def test_the_first_mail_about_a_new_device_is_owed_and_the_next_is_not(judged: Any) -> None:
    more = 'alert = "new_sign_in"\naudience = "account"'
    figures = judged(news=rule_text("true", risk=45, more=more))
    friction = figures.friction
    assert friction.owed_new > 0
    assert friction.others > friction.owed_new, "the same rule mails again and again about nothing new"
    assert friction.challenges == 0
    assert sum(friction.others_by.values()) == friction.others
    assert friction.mails_per_1000 == pytest.approx(
        1000 * (friction.owed_new + friction.others) / friction.logins, abs=0.01
    )


def test_mails_about_attackers_count_as_well_and_an_account_gets_few_in_a_day(judged: Any) -> None:
    more = 'alert = "suspicious_sign_in"\naudience = "account"'
    every = '["login", "session_seen", "mfa_enrolled", "password_changed", "mfa_challenge"]'
    figures = judged(loud=rule_text("true", risk=45, more=more, applies_to=every))
    friction, mails = figures.friction, figures.mails
    own = friction.owed_new + friction.owed_changes + friction.others
    assert mails.sent > own
    assert mails.per_1000 == pytest.approx(1000 * mails.sent / friction.logins, abs=0.01)
    assert (mails.most, sum(mails.most_of.values())) == (3, 3)
    assert mails.most_of["summary"] >= 1


def test_notices_of_changes_are_owed(judged: Any) -> None:
    changes = '["password_changed", "email_changed", "phone_changed", "mfa_enrolled", "mfa_removed"]'
    more = 'alert = "credential_change"\naudience = "account"'
    figures = judged(changed=rule_text("true", risk=5, applies_to=changes, more=more))
    friction = figures.friction
    assert 0 < friction.owed_changes <= friction.changes
    assert friction.others == 0


def test_the_report_says_what_is_met_and_which_rule_is_loud(judged: Any) -> None:
    loud = judged(loud=rule_text("true", risk=70), calm=rule_text("true", risk=5))
    table = list(lines(loud, loud))
    by_name = {line.name: line for line in table}
    assert not by_name["challenges per 1,000 logins"].met
    assert by_name["challenged: naive"].met
    assert by_name["challenged: naive"].value.startswith("100 % of 4")
    assert {name for name in by_name if name.startswith("found: ")} == {f"found: {kind}" for kind in CAMPAIGNS}
    first, *_ = causes(loud)
    assert first[0] == "loud"
    assert first[2] == loud.friction.challenges
    told = msgspec.json.decode(msgspec.json.encode(as_json(loud, loud, {"seed": 3})))
    assert told["quiet"]["challenges"] == loud.friction.challenges
    assert len(told["quiet"]["examples"]["challenge: loud"]) == 5
