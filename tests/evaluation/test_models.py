"""Scores of models beside those of rules, and what counts."""

from typing import Any

import pytest

from sentinel.evaluation.labelled import FileReplay, Labelled
from sentinel.evaluation.reference import Reference, values_of
from sentinel.evaluation.scores import Run
from sentinel.facts import Look
from sentinel.pipeline.holdout import Part, held_out
from sentinel.pipeline.item import TenantSettings
from tests.builders import arrival, at, event, make_enricher, rule_text, rules, sighting
from tests.evaluation.rows import score_of
from tests.running import AWAY, HOME

Events = list[dict[str, Any]]


class Trusting:
    """Probability by whether the device is trusted; silent on first logins. Notes what it was shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def impostor(self, look: Look) -> float | None:
        self.seen.append((look.sighting.time, look.profile.trusted_logins))
        if not look.profile.trusted_logins:
            return None
        return 0.1 if look.device_trusted else 0.9

    def likelihood(self, look: Look) -> float | None:
        return 3.0

    def novelty(self, look: Look) -> float | None:
        return None


def run(tmp_path: Any, events: Events, scorer: Any = None, **options: Any) -> Run:
    # Low enough to flag nothing: what is seen is trusted.
    some = rule_text("!device.trusted && device.identified", risk=30, applies_to='["login", "session_seen"]')
    settings = TenantSettings(rules=rules(tmp_path, some=some))
    scoring = Labelled(settings, make_enricher(), "default", scorer, **options)
    for number, fields in enumerate(events):
        scoring.event(event(**{"time": at(number), "id": f"e-{number}", "label": "legitimate"} | fields))
    scoring.close()
    return scoring.run


def test_models_are_asked_before_the_login_is_remembered(tmp_path: Any) -> None:
    scorer = Trusting()
    rows = run(tmp_path, [HOME, HOME, AWAY], scorer).rows
    assert [trusted for _, trusted in scorer.seen] == [0, 1, 2]
    assert rows.names == ("combined", "rules", "impostor", "likelihood", "reference")
    assert [score_of(row, "likelihood") for row in rows] == [3.0] * 3
    last = rows[2]
    assert (score_of(last, "rules"), score_of(last, "impostor"), score_of(last, "novelty")) == (30, 0.9, None)
    assert score_of(last, "combined") == pytest.approx(100 * (1 - 0.7 * 0.1))


def test_without_an_impostor_score_nothing_is_combined(tmp_path: Any) -> None:
    first = run(tmp_path, [HOME], Trusting()).rows[0]
    assert (score_of(first, "impostor"), score_of(first, "combined")) == (None, None)


def test_models_decide_with_the_rules_whom_a_service_challenges(tmp_path: Any) -> None:
    seen = {"type": "session_seen", "session_id": "s"}
    events = [HOME, HOME, HOME | seen, AWAY | seen]
    assert len(run(tmp_path, events).other_challenges) == 0
    assert len(run(tmp_path, events, Trusting()).other_challenges) == 1
    theft = run(tmp_path, [*events[:3], AWAY | seen | {"label": "attack:theft"}], Trusting()).rows[2]
    assert score_of(theft, "combined") == pytest.approx(93)


def test_a_rule_that_reads_a_model_is_not_counted_among_the_rules(tmp_path: Any) -> None:
    known = rule_text("true", risk=80)
    settings = TenantSettings(rules=rules(tmp_path, model_impostor=known, plain=rule_text("true", risk=30)))
    scoring = Labelled(settings, make_enricher(), "default")
    scoring.event(event(label="legitimate", **HOME))
    assert score_of(scoring.run.rows[0], "rules") == 30


def test_fields_are_dropped_from_every_event(tmp_path: Any) -> None:
    events = [HOME, HOME, HOME | {"device_id": "new", "rtt_ms": 20, "label": "attack:vpn"}]
    with_id = score_of(run(tmp_path, events).rows[2], "rules")
    without = run(tmp_path, events, without=("device_id", "rtt_ms")).rows
    assert (with_id, score_of(without[2], "rules")) == (30, 0)
    reference = [score_of(row, "reference") for row in run(tmp_path, events).rows]
    assert [score_of(row, "reference") for row in without] == reference


def test_of_a_cold_start_only_the_first_logins_count(tmp_path: Any) -> None:
    rows = run(tmp_path, [HOME] * 6, part=Part(least=1, most=3)).rows
    assert [row.earlier for row in rows] == [1, 2, 3]


def test_of_held_out_accounts_all_is_scored_as_among_everybody(tmp_path: Any) -> None:
    names = [f"u-{number}" for number in range(20)]
    events = [HOME | {"account": name} for name in names * 2]
    rows = run(tmp_path, events, part=Part(parts=4)).rows
    kept = [name for name in names if held_out(name, 4)]
    assert 0 < len(kept) < 20
    assert len(rows) == 2 * len(kept)
    everybody = {(row.time, row.scores) for row in run(tmp_path, events).rows}
    assert {(row.time, row.scores) for row in rows} <= everybody


def test_every_part_keeps_its_share() -> None:
    names = [f"account-{number}" for number in range(3000)]
    for parts in (2, 3, 10):
        assert sum(held_out(name, parts) for name in names) == pytest.approx(3000 / parts, rel=0.15)
    assert all(held_out(name, 1) for name in names)


def test_the_reference_in_little_memory_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = Reference(accounts=3), Reference()
    for number in range(200):
        one = sighting(account=f"u-{number % 17}", **(HOME if number % 3 else AWAY))
        assert one.account is not None
        values = values_of(one)
        assert small.score(one.account, values) == large.score(one.account, values)
        small.learn(one.account, values)
        large.learn(one.account, values)
    assert small._own.in_memory <= 3
    small.close()
    large.close()


def test_what_was_judged_long_ago_is_still_known_and_answered(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.evaluation.labelled.ANSWERABLE", 4)
    replay = FileReplay(TenantSettings(rules=rules(tmp_path, some=rule_text("true", risk=50))))
    arrivals = [arrival(id=f"e-{number}", account=f"u-{number}", **HOME) for number in range(30)]
    for each in arrivals:
        assert not replay.knows(each.sighting.key)
        replay.judge(each)
    assert replay._all.in_memory <= 4
    first = arrivals[0].sighting
    assert replay.knows(first.key)
    assert not replay.profile(first.account).trusts("country", "FR", first.time + 1, replay.settings.trust)
    assert replay.answer(first.key, "legitimate")
    assert replay.profile(first.account).trusts("country", "FR", first.time + 1, replay.settings.trust)
    assert not replay.answer("no such key", "legitimate")
    replay.close()
