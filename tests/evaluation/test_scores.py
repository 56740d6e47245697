"""What is scored, and the two kinds of leak: labels and the future."""

from random import Random
from typing import Any

import pytest

from sentinel.errors import SourceError
from sentinel.evaluation.compared import compared
from sentinel.evaluation.curves import roc_auc
from sentinel.evaluation.labelled import Labelled
from sentinel.evaluation.scores import Run
from sentinel.events.event import Feedback, convert_event, decode_feedback
from sentinel.pipeline.item import TenantSettings
from tests.builders import at, event, make_enricher, rule_text, rules
from tests.evaluation.conftest import Score
from tests.evaluation.rows import legitimate, score_of
from tests.running import AWAY, login

Events = list[dict[str, Any]]


@pytest.fixture
def scoring(tmp_path: Any) -> Labelled:
    always = rule_text("true", risk=70, applies_to='["login", "session_seen"]')
    return Labelled(TenantSettings(rules=rules(tmp_path, always=always)), make_enricher(), "default")


def feed(scoring: Labelled, *events: dict[str, Any]) -> Run:
    for number, fields in enumerate(events):
        scoring.event(event(**{"time": at(number), "id": f"e-{number}", "label": "legitimate"} | fields))
    return scoring.run


def test_logins_are_scored_with_what_came_before(scoring: Labelled) -> None:
    run = feed(scoring, {}, {}, {"account": "u-2"}, {"label": "attack:vpn"}, {})
    assert [(row.earlier, row.label, score_of(row, "reference") is not None) for row in run.rows] == [
        (0, "legitimate", False),
        (1, "legitimate", True),
        (0, "legitimate", False),
        (2, "vpn", True),
        (2, "legitimate", True),
    ]
    assert {score_of(row, "rules") for row in run.rows} == {70}
    assert len({row.account for row in run.rows}) == 2
    assert "u-2" not in {row.account for row in run.rows}


def test_failed_tries_are_not_scored_unless_the_password_was_right(scoring: Labelled) -> None:
    failed = {"outcome": "failure", "label": "attack:spray"}
    run = feed(scoring, {}, failed, failed | {"reason": "mfa_failed", "password_ok": True})
    assert [row.label for row in run.rows] == ["legitimate", "spray"]
    assert len(run.failed) == 1


def test_a_failed_try_teaches_the_reference_nothing(scoring: Labelled) -> None:
    failed = {"outcome": "failure", "reason": "mfa_failed", "password_ok": True}
    assert [score_of(row, "reference") for row in feed(scoring, failed, {}).rows] == [None, None]


def test_a_pending_login_and_what_concludes_it_are_one(scoring: Labelled) -> None:
    run = feed(scoring, {}, {"outcome": "pending"}, {"concludes": "e-1", "time": at(1, minutes=1)}, {})
    assert [row.earlier for row in run.rows] == [0, 1, 2]


def test_sessions_are_scored_for_attackers_when_first_seen(scoring: Labelled) -> None:
    seen = {"type": "session_seen", "session_id": "s"}
    theft = seen | {"label": "attack:stolen_session"}
    run = feed(scoring, {}, seen, theft, theft, theft | {"session_id": "t"})
    assert [row.type for row in run.rows] == ["login", "session_seen", "session_seen"]
    assert len(run.other_challenges) == 1


def test_an_event_that_comes_twice_counts_once(scoring: Labelled) -> None:
    run = feed(scoring, {}, {"id": "e-0"})
    assert (len(run.rows), run.events, run.repeated) == (1, 1, 1)


def test_an_event_without_a_label_is_refused_with_what_to_do(scoring: Labelled) -> None:
    with pytest.raises(SourceError, match=r"label: missing.*sentinel simulate --attackers all"):
        feed(scoring, {"label": None})


def test_answers_are_applied_where_they_stand(scoring: Labelled) -> None:
    feed(scoring, {})
    told: Feedback = decode_feedback(
        b'{"type": "feedback", "time": "2026-01-02T00:00:00Z", "event": "e-0", "verdict": "compromised"}'
    )
    assert scoring.answer(told)
    missing = b'{"type": "feedback", "time": "2026-01-02T00:00:00Z", "event": "e-9", "verdict": "legitimate"}'
    assert not scoring.answer(decode_feedback(missing))


def test_every_kind_that_gets_in_is_scored(scored: Run, events: Events) -> None:
    over = compared(scored.rows)
    assert {"naive", "vpn", "targeted", "stolen_session"} <= over.kinds.keys()
    assert over.sessions == {"stolen_session"}
    for kind in ("naive", "vpn", "targeted", "stolen_session"):
        names = {each["extra"]["episode"] for each in events if each["label"] == f"attack:{kind}"}
        strangers = sum(
            row.label == kind and row.type == "login" and score_of(row, "reference") is None for row in scored.rows
        )
        assert over.number(kind) + strangers == len(names)
    assert scored.events == len(events)
    assert len(scored.failed) == sum(
        each["label"] != "legitimate" and each.get("outcome") == "failure" and not each.get("password_ok")
        for each in events
    )


@pytest.mark.parametrize("answered", [False, True])
def test_scores_do_not_change_when_the_tail_is_cut_off(events: Events, score: Score, answered: bool) -> None:
    everything = list(score(events, answered=answered).rows)
    for length in (len(events) // 3, len(events) * 2 // 3):
        head = list(score(events[:length], answered=answered).rows)
        assert head == everything[: len(head)]
        assert len(head) > 100


def test_scores_do_not_depend_on_labels(events: Events, score: Score, scored: Run) -> None:
    labels = [each["label"] for each in events]
    Random(1).shuffle(labels)
    shuffled = score([each | {"label": label} for each, label in zip(events, labels, strict=True)])
    plain = {(row.account, row.time): row.scores for row in scored.rows if row.type == "login"}
    other = {(row.account, row.time): row.scores for row in shuffled.rows if row.type == "login"}
    assert plain == other


def test_shuffled_labels_are_worth_nothing(scored: Run) -> None:
    over = compared(scored.rows)
    found = []
    for seed in range(200):
        # A hundred of people's own logins, called attackers.
        chosen = {*Random(seed).sample(list(over.people), 100)}
        ours = [number for number in over.people if number not in chosen]
        scores = [scored.rows.scores[name] for name in over.names]
        found.append([roc_auc(sorted(each[n] for n in chosen), sorted(each[n] for n in ours)) for each in scores])
    for each in zip(*found, strict=True):
        areas = [area for area in each if area is not None]
        # 200 areas with a standard deviation of about .03 each: their mean is .002 off, give or take.
        assert sum(areas) / len(areas) == pytest.approx(0.5, abs=0.008)
        assert all(0.35 < area < 0.65 for area in areas)


def test_whoever_is_challenged_and_proves_it_is_not_asked_again(events: Events, score: Score, scored: Run) -> None:
    def asked(run: Run) -> int:
        return sum(legitimate(row) and (score_of(row, "rules") or 0) >= 60 for row in run.rows)

    answered = score(events, answered=True)
    assert 0 < asked(answered) < asked(scored)
    assert [score_of(row, "reference") for row in answered.rows] == [score_of(row, "reference") for row in scored.rows]


def test_an_attacker_who_is_challenged_fails_and_gains_no_trust(score: Score) -> None:
    past = [login(f"e-{n}", at(n), label="legitimate") for n in range(8)]
    stranger = {"label": "attack:vpn"} | AWAY
    tries = [login(f"x-{n}", at(20 + n), **stranger) for n in range(3)]
    risks = [score_of(row, "rules") for row in list(score([*past, *tries], answered=True).rows)[8:]]
    assert min(risk or 0.0 for risk in risks) >= 60
    # Somebody who proved to be the person is let in from there.
    moved = [each | {"label": "legitimate"} for each in tries]
    first, *later = [score_of(row, "rules") or 0.0 for row in list(score([*past, *moved], answered=True).rows)[8:]]
    assert first >= 60 > max(later)


def test_labels_of_the_simulation_are_labels(events: Events) -> None:
    assert convert_event(events[0]).label == "legitimate"
