"""Second factors, recovery and changes of credentials: whole stories under all packaged rules.

A thief's story says at which step the service is told to ask; a person's story says how many mails it costs.
"""

from datetime import datetime
from functools import cache
from typing import Any

import pyotp
import pytest

from sentinel.events.assessment import DECISION_ORDER
from sentinel.pipeline.judge import Judged
from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, at, found, packaged

BERLIN: dict[str, Any] = {"country": "DE", "lat": 52.5, "lon": 13.4}
LAPTOP: dict[str, Any] = {"device_id": "laptop", "network": {"asn": 64500}, "place": BERLIN}
PHONE: dict[str, Any] = LAPTOP | {"device_id": "new-phone"}
THIEF: dict[str, Any] = {"device_id": "thief", "network": {"asn": 64501}, "place": BERLIN}
HOLIDAY: dict[str, Any] = {
    "device_id": "laptop",
    "network": {"asn": 64502},
    "place": {"country": "ES", "lat": 41.4, "lon": 2.2},
}
DESK: dict[str, Any] = {"actor": "admin", "device_id": "desk", "network": {"asn": 64510}}


def factor(method: str, outcome: str | None = "success", device: str | None = None, **more: Any) -> dict[str, Any]:
    given = {"method": method, "outcome": outcome, "device_id": device, **more}
    return {"mfa": {name: value for name, value in given.items() if value is not None}}


APP = factor("totp", device="app")
KEY = factor("webauthn", device="key")
PUSH = factor("push", device="phone")


def challenge(method: str, outcome: str, **more: Any) -> dict[str, Any]:
    """A second factor asked for."""
    ended = "success" if outcome == "success" else "failure"
    return {"type": "mfa_challenge", "outcome": ended, **factor(method, outcome, "phone"), **more}


@cache
def rule_set() -> RuleSet:
    return RuleSet(packaged())


def person(**every: Any) -> Story:
    """An account that has been used from one laptop at home for three weeks."""
    story = Story(rule_set())
    for day in range(8):
        story(at(day - 21), id=f"past-{day}", session_id=f"past-{day}", **(LAPTOP | every))
    return story


def tell(story: Story, *steps: dict[str, Any], start: float = 0, every: float = 60) -> list[Judged]:
    """One step a minute; what each was judged."""
    return [story.judged(at(start, seconds=every * number), **step) for number, step in enumerate(steps)]


def step(time: str) -> int:
    """The time step of 30 seconds, as pyotp has it."""
    return pyotp.TOTP(pyotp.random_base32()).timecode(datetime.fromisoformat(time))


def mails(judged: list[Judged]) -> list[str]:
    return [notice.kind for each in judged for notice in each.notices]


def decisions(judged: list[Judged]) -> list[str]:
    return [each.assessment.decision for each in judged]


def stopped(judged: Judged) -> bool:
    return DECISION_ORDER[judged.assessment.decision] >= DECISION_ORDER["challenge"]


class TestPush:
    def test_bombing_with_one_approval(self) -> None:
        asked = [challenge("push", "denied", **THIEF)] * 3
        judged = tell(person(**PUSH), *asked, challenge("push", "success", **THIEF), THIEF | PUSH)
        assert decisions(judged) == ["notify", "notify", "challenge", "block", "block"]
        assert mails(judged) == ["password_known", "attack", "attack"]
        assert "push" not in judged[-1].assessment.act.methods
        assert judged[-1].assessment.act.end_sessions

    def test_no_push_is_asked_for_on_the_day_after_one_was_refused(self) -> None:
        story = person(**PUSH)
        story(at(-20), id="app", **(LAPTOP | APP))
        tell(story, challenge("push", "denied", **THIEF))
        refused = story(at(0.9), service="imap", type="recovery_used", **THIEF)
        assert refused.act.methods == ["totp"]
        later = story(at(1.1), service="imap", type="mfa_removed", **THIEF)
        assert "push" in later.act.methods

    def test_a_phone_without_network_costs_nothing(self) -> None:
        asked = [challenge("push", "timeout", **LAPTOP)] * 4
        judged = tell(person(**PUSH), *asked, challenge("push", "success", **LAPTOP), LAPTOP | PUSH)
        assert set(decisions(judged)) == {"allow"}
        assert mails(judged) == []

    def test_nobody_is_locked_out_by_asking(self) -> None:
        """The person signs in at home while a thief asks: told, let in."""
        asked = [challenge("push", "denied", **THIEF)] * 3
        judged = tell(person(**PUSH), *asked, challenge("push", "success", **LAPTOP), LAPTOP | PUSH)
        assert decisions(judged[-2:]) == ["notify", "notify"]

    def test_bombing_does_not_reach_beyond_its_hour(self) -> None:
        story = person(**PUSH)
        tell(story, *[challenge("push", "denied", **THIEF)] * 3)
        assert found(story(at(0, hours=3), **(LAPTOP | PUSH))) == set()

    def test_a_report_is_told_whoever_it_is_of(self) -> None:
        (judged,) = tell(person(**PUSH), challenge("push", "fraud_reported", **LAPTOP))
        assert (judged.assessment.decision, mails([judged])) == ("challenge", ["password_known"])


class TestCodes:
    def test_two_mistyped(self) -> None:
        wrong = challenge("totp", "failure", session_id="s", **LAPTOP)
        judged = tell(person(**APP), wrong, wrong, LAPTOP | APP | {"session_id": "s"})
        assert [found(each.assessment) for each in judged] == [set(), set(), set()]

    def test_guessing_in_many_sessions(self) -> None:
        tries = [challenge("totp", "failure", session_id=f"s{number // 2}", **THIEF) for number in range(22)]
        judged = tell(person(**APP), *tries, every=1800)
        first = next(number for number, each in enumerate(judged) if stopped(each))
        assert first == 19
        assert mails(judged) == ["attack"]

    def test_a_clock_that_is_always_two_steps_late(self) -> None:
        story = Story(rule_set())
        fired = [
            "totp_drift" in found(story(time, **LAPTOP, **factor("totp", device="app", counter=step(time) - 2)))
            for time in (at(day, seconds=7 * day) for day in range(30))
        ]
        assert not any(fired)

    def test_a_clock_set_anew_becomes_the_usual_one(self) -> None:
        story = Story(rule_set())
        fired = []
        for day in range(12):
            late = 0 if day < 5 else 4
            code = factor("totp", device="app", counter=step(at(day)) - late)
            fired.append("totp_drift" in found(story(at(day), **LAPTOP, **code)))
        assert fired == [False] * 5 + [True] * 3 + [False] * 4

    def test_a_thief_does_not_make_a_drift_usual(self) -> None:
        story = person(**APP)
        for day in range(-13, -8):
            story(at(day), **LAPTOP, **factor("totp", device="app", counter=step(at(day))))
        for day in range(-8, 0):
            late = factor("totp", device="app", counter=step(at(day)) - 9)
            assert "totp_drift" in found(story(at(day), **THIEF, **late))

    def test_a_code_read_from_the_person_and_used_by_a_thief(self) -> None:
        code = factor("totp", device="app", counter=step(at(0)))
        judged = tell(
            person(**APP),
            {"type": "mfa_challenge", "outcome": "success", "session_id": "a", **LAPTOP, **code},
            {"session_id": "a", **LAPTOP, **code},
            {"session_id": "b", **THIEF, **code},
            every=5,
        )
        assert [stopped(each) for each in judged] == [False, False, True]
        assert "totp" not in judged[-1].assessment.act.methods

    def test_a_pending_login_and_its_end_are_one_use(self) -> None:
        story = person(**APP)
        code = factor("totp", device="app", counter=step(at(0)))
        asked = story(at(0), id="ask", outcome="pending", **LAPTOP, **code)
        ended = story(at(0, seconds=2), id="end", concludes="ask", **LAPTOP, **code)
        assert found(asked) == found(ended) == set()

    def test_a_backup_code_is_always_told(self) -> None:
        (judged,) = tell(person(**APP), LAPTOP | factor("backup_code"))
        assert (judged.assessment.decision, mails([judged])) == ("notify", ["suspicious_sign_in"])

    def test_a_backup_code_on_holiday_is_one_mail_and_no_closed_door(self) -> None:
        code = factor("backup_code")
        asked = {"type": "mfa_challenge", "outcome": "success", "session_id": "s", **HOLIDAY, **code}
        story = person(**APP)
        judged = tell(story, asked, HOLIDAY | code | {"session_id": "s"})
        judged += tell(story, HOLIDAY | code, HOLIDAY | code, start=1, every=86400)
        assert not any(stopped(each) for each in judged)
        assert len(mails(judged)) == 1

    def test_a_backup_code_from_nowhere_known_is_stopped(self) -> None:
        assert stopped(tell(person(**APP), THIEF | factor("backup_code"))[0])


class TestTakeover:
    def test_reset_then_change_of_factor(self) -> None:
        judged = tell(
            person(**APP),
            {"type": "password_reset_requested", **THIEF},
            {"type": "password_changed", **THIEF},
            {"session_id": "s", **THIEF},
            {"type": "mfa_removed", "session_id": "s", **factor("totp", None, "app"), **THIEF},
            {"type": "mfa_enrolled", "session_id": "s", **factor("totp", None, "other-app"), **THIEF},
            {"type": "email_changed", "session_id": "s", **THIEF},
            THIEF | factor("totp", device="other-app"),
        )
        assert [stopped(each) for each in judged] == [False] + [True] * 6
        assert all("recovery_takeover" in found(each.assessment) for each in judged[2:])
        # Every change is told by itself, none is lost in the mail about the login.
        assert mails(judged) == ["credential_change", "suspicious_sign_in", *["credential_change"] * 3]
        held = [each.assessment.act.hold_change for each in judged]
        assert held == [False, True, False, True, True, True, False]
        # Their own app is not asked for, nor what reaches whoever reads the mailbox.
        assert judged[-1].assessment.act.methods == ["webauthn"]

    def test_helpdesk_reset_then_enrolment(self) -> None:
        judged = tell(
            person(**APP),
            DESK | {"type": "mfa_removed", **factor("totp", None, "app")},
            DESK | {"type": "password_changed"},
            {"session_id": "s", **THIEF},
            {"type": "mfa_enrolled", "session_id": "s", **factor("totp", None, "other-app"), **THIEF},
        )
        assert [stopped(each) for each in judged] == [False, False, True, True]
        assert mails(judged) == ["credential_change", "credential_change", "suspicious_sign_in", "credential_change"]
        assert "totp" not in judged[-1].assessment.act.methods or judged[-1].assessment.act.hold_change

    def test_helpdesk_helps_the_person(self) -> None:
        judged = tell(
            person(**APP),
            DESK | {"type": "mfa_removed", **factor("totp", None, "app")},
            {"session_id": "s", **LAPTOP},
            {"type": "mfa_enrolled", "session_id": "s", **factor("totp", None, "app-2"), **LAPTOP},
            LAPTOP | factor("totp", device="app-2"),
        )
        assert set(decisions(judged)) == {"allow"}
        assert mails(judged) == ["credential_change", "credential_change"]

    def test_a_stolen_session_removes_the_factor(self) -> None:
        stolen = {"type": "mfa_removed", "session_id": "past-7", **factor("totp", None, "app")}
        (judged,) = tell(person(**APP), THIEF | stolen)
        assert stopped(judged)
        assert judged.assessment.act.hold_change
        assert mails([judged]) == ["credential_change"]

    def test_with_the_stolen_cookie_of_the_device_too(self) -> None:
        stolen = {"type": "mfa_removed", "session_id": "past-7", **factor("totp", None, "app")}
        (judged,) = tell(person(**APP), THIEF | stolen | {"device_id": "laptop"})
        assert stopped(judged)

    def test_what_a_thief_took_off_is_still_missed(self) -> None:
        story = person(**KEY)
        tell(story, {"type": "mfa_removed", "session_id": "past-7", **factor("webauthn", None, "key"), **THIEF})
        after = story(at(0.1), **(PHONE | factor("sms")))
        assert "second_factor_downgrade" in found(after)

    def test_until_the_service_says_that_it_was_the_person(self) -> None:
        story = person(**KEY)
        tell(story, {"id": "off", "type": "mfa_removed", **factor("webauthn", None, "key"), **THIEF})
        story.answer("off", "legitimate")
        assert "second_factor_downgrade" not in found(story(at(0.1), **(PHONE | factor("sms"))))

    def test_called_compromised_it_counts_as_never_removed(self) -> None:
        story = person(**KEY)
        tell(story, {"id": "off", "type": "mfa_removed", **factor("webauthn", None, "key"), **THIEF})
        story.answer("off", "compromised")
        assert "second_factor_downgrade" in found(story(at(20), **(PHONE | factor("sms"))))

    def test_a_thief_lets_himself_be_enrolled_without_ids(self) -> None:
        """Without an id one app looks like another: the new one does not vouch as the old one did."""
        story = person(**factor("totp"))
        tell(story, {"type": "mfa_enrolled", **factor("totp", None), **THIEF})
        after = story(at(0.1), **(THIEF | factor("totp")))
        risk = {finding.rule: finding.risk for finding in after.findings}
        assert risk["new_device"] == 50
        assert story(at(0.1), type="password_changed", **THIEF).act.methods == ["webauthn"]


class TestWhatIsAskedFor:
    def asked(self, story: Story, time: str, **fields: Any) -> list[str]:
        return story(time, type="password_changed", **(THIEF | fields)).act.methods

    def test_no_code_by_phone_after_the_number_was_changed(self) -> None:
        story = person(**factor("sms"))
        story(at(-12), id="mailed", **(LAPTOP | factor("email")))
        story(at(0), type="phone_changed", **LAPTOP)
        assert self.asked(story, at(0.1)) == ["email"]
        assert self.asked(story, at(29.9)) == ["email"]
        assert self.asked(story, at(30)) == ["sms", "email"]

    def test_no_mail_after_the_address_was_changed(self) -> None:
        story = person(**factor("email"))
        story(at(-12), id="app", **(LAPTOP | APP))
        story(at(0), type="email_changed", **LAPTOP)
        assert self.asked(story, at(0.1)) == ["totp"]

    def test_not_what_a_helpdesk_took_off(self) -> None:
        story = person(**KEY)
        story(at(-12), id="app", **(LAPTOP | APP))
        assert self.asked(story, at(0)) == ["webauthn", "totp"]
        story(at(0.1), **(DESK | {"type": "mfa_removed"} | factor("webauthn", None, "key")))
        assert self.asked(story, at(0.2)) == ["totp"]


class TestOrdinaryLife:
    def test_a_new_phone_enrolled_from_the_usual_laptop(self) -> None:
        story = person(**APP)
        enrol = {"type": "mfa_enrolled", "session_id": "s", **factor("totp", None, "app-2"), **LAPTOP}
        judged = tell(story, LAPTOP | APP | {"session_id": "s"}, enrol)
        judged += tell(story, LAPTOP | factor("totp", device="app-2"), start=1)
        assert mails(judged) == ["credential_change"]
        assert set(decisions(judged)) == {"allow"}
        assert judged[1].notices[0].decision == "allow"

    def test_a_new_phone_that_the_old_factor_lets_in(self) -> None:
        story = person(**APP)
        judged = [story.judged(at(day), **(PHONE | APP)) for day in range(5)]
        judged += [story.judged(at(day), **(PHONE | APP)) for day in (15, 16, 30)]
        assert len(mails(judged)) == 1
        assert not any(stopped(each) for each in judged)

    def test_changing_the_factor_on_that_phone_is_told_and_not_stopped(self) -> None:
        story = person(**APP)
        judged = tell(
            story,
            PHONE | APP | {"session_id": "s"},
            {"type": "mfa_enrolled", "session_id": "s", **factor("totp", None, "app-2"), **PHONE},
        )
        assert mails(judged) == ["new_sign_in", "credential_change"]
        assert not any(stopped(each) for each in judged)

    def test_the_factor_vouches_only_for_the_phone_it_let_in(self) -> None:
        story = person(**APP)
        enrol = {"type": "mfa_enrolled", "session_id": "s", **factor("totp", None, "app-2")}
        judged = tell(story, PHONE | APP | {"session_id": "s"}, enrol | PHONE | {"device_id": "another"})
        assert stopped(judged[1])

    def test_without_a_factor_nothing_vouches_for_a_phone(self) -> None:
        judged = tell(person(), PHONE | {"session_id": "s"}, PHONE | {"type": "email_changed", "session_id": "s"})
        assert [stopped(each) for each in judged] == [False, True]

    def test_a_forgotten_password_at_home(self) -> None:
        judged = tell(
            person(),
            {"type": "password_reset_requested", **LAPTOP},
            {"type": "password_changed", **LAPTOP},
            LAPTOP,
        )
        assert mails(judged) == ["credential_change"]
        assert set(decisions(judged)) == {"allow"}

    def test_an_admin_sets_an_account_up(self) -> None:
        judged = tell(
            Story(rule_set()),
            DESK | {"type": "account_created"},
            DESK | {"type": "password_changed"},
            DESK | {"type": "mfa_enrolled", **factor("totp", None, "app")},
            LAPTOP | APP,
            {"type": "phone_changed", **LAPTOP},
        )
        assert set(decisions(judged)) == {"allow"}
        assert mails(judged) == ["credential_change"] * 3

    def test_a_person_signs_up(self) -> None:
        judged = tell(
            Story(rule_set()),
            {"type": "account_created", **LAPTOP},
            {"type": "mfa_enrolled", **factor("totp", None, "app"), **LAPTOP},
            LAPTOP | APP,
        )
        assert set(decisions(judged)) == {"allow"}
        assert mails(judged) == ["credential_change"]

    def test_an_office_with_private_addresses(self) -> None:
        office = {"device_id": "laptop", "network": {"kind": "private"}}
        story = Story(rule_set())
        for day in range(4):
            story(at(day - 9), id=f"past-{day}", **office)
        (judged,) = tell(story, office | {"type": "password_changed"})
        assert judged.assessment.decision == "allow"

    def test_a_service_that_names_only_devices(self) -> None:
        story = Story(rule_set())
        for day in range(4):
            story(at(day - 9), id=f"past-{day}", device_id="laptop")
        own, other = tell(
            story,
            {"type": "password_changed", "device_id": "laptop"},
            {"type": "password_changed", "device_id": "thief"},
        )
        assert (own.assessment.decision, stopped(other)) == ("allow", True)


class TestOwedNotices:
    CHANGES = ("password_changed", "mfa_enrolled", "mfa_removed", "email_changed", "phone_changed", "recovery_used")

    @pytest.mark.parametrize("change", CHANGES)
    def test_every_change_is_told_and_allowed_at_home(self, change: str) -> None:
        more = factor("totp", None, "app") if change.startswith("mfa_") else {}
        (judged,) = tell(person(**APP), {"type": change, **LAPTOP, **more})
        assert (judged.assessment.level, judged.assessment.decision) == ("low", "allow")
        assert mails([judged]) == ["credential_change"]
        assert judged.assessment.alert is not None

    @pytest.mark.parametrize("change", CHANGES)
    def test_and_held_back_from_nowhere_known(self, change: str) -> None:
        more = factor("totp", None, "app") if change.startswith("mfa_") else {}
        (judged,) = tell(person(**APP), {"type": change, **THIEF, **more})
        assert judged.assessment.level == "high"
        assert judged.assessment.act.hold_change
        assert mails([judged]) == ["credential_change"]

    def test_each_factor_is_a_change_of_its_own(self) -> None:
        keys = [{"type": "mfa_enrolled", **factor("webauthn", None, f"key-{n}"), **LAPTOP} for n in (1, 2)]
        assert len(mails(tell(person(), *keys))) == 2

    def test_each_address_is_a_change_of_its_own(self) -> None:
        assert len(mails(tell(person(), *[{"type": "email_changed", **LAPTOP}] * 2))) == 2

    def test_a_change_by_somebody_else_is_other_news(self) -> None:
        judged = tell(person(), {"type": "password_changed", **LAPTOP}, DESK | {"type": "password_changed"})
        assert len(mails(judged)) == 2

    def test_also_when_neither_names_a_device(self) -> None:
        judged = tell(person(), {"type": "password_changed"}, {"type": "password_changed", "actor": "admin"})
        assert len(mails(judged)) == 2

    def test_the_same_change_again_is_not(self) -> None:
        judged = tell(person(), *[{"type": "password_changed", **LAPTOP}] * 2)
        assert len(mails(judged)) == 1


class TestWhoActed:
    @pytest.fixture
    def story(self) -> Story:
        story = person(**APP)
        for day in range(8):
            desk = {"device_id": "desk", "network": {"asn": 64510}}
            story(at(day - 21), id=f"desk-{day}", account="helpdesk", **desk)
        return story

    def removal(self, **where: Any) -> dict[str, Any]:
        return {
            "type": "mfa_removed",
            "actor": "admin",
            "actor_account": "helpdesk",
            **factor("totp", None, "app"),
            **where,
        }

    def test_a_helpdesk_account_where_it_always_works(self, story: Story) -> None:
        (judged,) = tell(story, self.removal(device_id="desk", network={"asn": 64510}))
        assert judged.assessment.decision == "allow"

    def test_a_helpdesk_account_in_other_hands(self, story: Story) -> None:
        (judged,) = tell(story, self.removal(**THIEF))
        assert stopped(judged)
        assert mails([judged]) == ["credential_change"]

    def test_the_persons_own_device_is_not_the_helpdesks(self, story: Story) -> None:
        assert stopped(tell(story, self.removal(**LAPTOP))[0])

    def test_neither_learns_from_it(self, story: Story) -> None:
        tell(story, self.removal(device_id="desk-2", network={"asn": 64511}))
        for account in ("u-1", "helpdesk"):
            where = {"device_id": "desk-2", "network": {"asn": 64511}}
            assert set(story.trusts(at(1), account, **where).values()) == {False}

    def test_an_account_nothing_is_known_of_is_not_held_against(self) -> None:
        (judged,) = tell(person(**APP), self.removal(**THIEF))
        assert judged.assessment.decision == "allow"
