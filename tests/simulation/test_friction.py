"""Which mails were owed: one for each thing truly new, one for each change; the rest was not."""

from typing import Any

from sentinel.events.alert import Notice
from sentinel.events.assessment import Assessment, Finding
from sentinel.pipeline.judge import Judged
from sentinel.simulation.friction import Friction
from tests.builders import at, event


def judged(decision: str = "notify", *, kind: str | None = "new_sign_in", account: str | None = "key") -> Judged:
    finding = Finding(rule="some_rule", title="…", status="live", group="g", risk=45)
    assessment = Assessment(
        event="e-1", account="u-1", time=at(), risk=45, level="medium", decision=decision, findings=[finding]
    )
    notice = Notice(
        id="a-1", kind=kind or "", tenant="default", event="k", account=account, time=0, risk=45, level="medium",
        decision=decision,
    )  # fmt: skip
    return Judged(assessment, {}, False, (), (notice,) if kind else ())


def note(friction: Friction, new: list[str], answer: Judged, **fields: Any) -> tuple[int, int, int]:
    friction.note(event(**fields), answer, new)
    return friction.owed_new, friction.owed_changes, friction.others


def test_the_second_mail_about_one_device_is_not_owed() -> None:
    friction = Friction()
    assert note(friction, ["device:phone:1"], judged()) == (1, 0, 0)
    assert note(friction, ["device:phone:1"], judged()) == (1, 0, 1)
    assert note(friction, ["device:phone:1", "country:JP"], judged()) == (2, 0, 1)
    assert note(friction, ["device:phone:1"], judged(), account="u-2") == (3, 0, 1)
    assert note(friction, [], judged()) == (3, 0, 2)
    assert friction.new == 3


def test_what_is_first_seen_in_a_session_is_new_all_the_same() -> None:
    friction = Friction()
    note(friction, ["country:JP"], judged(kind=None), type="session_seen", outcome=None)
    note(friction, ["country:JP"], judged())
    assert (friction.new, friction.owed_new) == (1, 1)


def test_what_was_told_before_the_measured_time_is_not_owed_again() -> None:
    friction = Friction()
    friction.before(event(), judged(), ["device:phone:1"])
    assert note(friction, ["device:phone:1"], judged()) == (0, 0, 1)
    assert friction.new == 0


def test_a_change_is_owed_a_notice_but_not_another_mail() -> None:
    friction = Friction()
    changed = {"type": "password_changed", "outcome": None}
    assert note(friction, [], judged(kind="credential_change"), **changed) == (0, 1, 0)
    assert note(friction, [], judged(kind="suspicious_sign_in"), **changed) == (0, 1, 1)
    assert (friction.changes, friction.logins) == (2, 0)


def test_failed_tries_and_operators_are_counted_apart() -> None:
    friction = Friction()
    note(friction, [], judged("challenge", kind=None))
    note(friction, [], judged("challenge", kind=None), outcome="failure", reason="bad_password")
    note(friction, [], judged("allow", kind="campaign", account=None), outcome="failure", reason="bad_password")
    assert (friction.logins, friction.challenges, friction.challenged_tries) == (1, 1, 1)
    assert (friction.operator_alerts, friction.others) == (1, 0)
    assert friction.challenges_per_1000 == 1000
    assert friction.challenges_by == {"some_rule": 1}
