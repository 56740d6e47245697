"""The tables against counting by hand and by brute force."""

from array import array
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.evaluation.prices import AskedAgain, prices
from sentinel.evaluation.rows import NAMES, Rows, Scored
from sentinel.evaluation.scores import Run
from sentinel.evaluation.tables import (
    caught_at,
    friction_of,
    one_for_all,
    report_of,
    separation,
)
from sentinel.scoring import Thresholds
from tests.evaluation.rows import legitimate, over, people, row, score_of


def test_rows_are_kept_as_they_were() -> None:
    given = [row("legitimate", 1, None), row("theft", 2, 3.5, type="session_seen", account="v", earlier=7, time=9)]
    rows = Rows(given)
    assert list(rows) == given
    assert rows.names == ("rules", "reference")
    assert list(rows.since(9)) == given[1:]


def test_what_has_no_past_is_compared_with_nothing() -> None:
    rows = [row("legitimate", 0, None, earlier=0), row("vpn", 90, None, earlier=0), row("vpn", 70)]
    found = over([*rows, row("legitimate", 5)])
    assert (list(found.ours["rules"]), list(found.kinds["vpn"]["rules"])) == ([5], [70])
    # Where nobody has a past, there is nothing to compare.
    assert report_of(Run(rows=Rows([row("legitimate", 0, None), row("vpn", 90, None)])), Thresholds()).compared == 0
    rows = [row("vpn", 90, None, earlier=0), row("vpn", 70), *people(5)]
    report = report_of(Run(rows=Rows(rows)), Thresholds())
    assert (report.compared, report.attackers, report.strangers) == (1, {"vpn": 1}, 1)


def test_a_score_that_is_absent_for_a_whole_run_is_not_told_of() -> None:
    report = report_of(Run(rows=Rows([*people(5, 6), row("vpn", 70)])), Thresholds())
    assert report.scores == ("rules", "reference")
    told = [*report.caught, *report.separation, *report.prices, *report.one_for_all]
    assert {each.score for each in told} == {"rules", "reference"}
    both = {"impostor": 0.5, "combined": 50.0}
    rows = [row("legitimate", 0, **both), row("vpn", 70, **both), row("vpn", 70)]
    report = report_of(Run(rows=Rows(rows)), Thresholds())
    assert report.scores == ("combined", "rules", "impostor", "reference")
    # The model said nothing of one attacker: nobody is compared over that one.
    assert (report.attackers, report.left_out) == ({"vpn": 1}, {"combined": 1, "impostor": 1})


def test_sessions_count_where_a_kind_has_no_logins() -> None:
    rows = [row("theft", 50, type="session_seen"), row("vpn", 70), row("vpn", 10, type="session_seen"), *people(0)]
    found = over(rows)
    assert (found.sessions, list(found.kinds["theft"]["rules"]), list(found.kinds["vpn"]["rules"])) == (
        {"theft"},
        [50],
        [70],
    )
    assert {each.kind for each in separation(found)} == {each.kind for each in prices(found)} == {"vpn"}
    assert {each.kind for each in caught_at(found)} == {"theft", "vpn"}


def test_the_reference_may_bother_as_many_people_as_the_risk_does_and_ties_count_against_it() -> None:
    ours = [row("legitimate", risk, score) for risk, score in ((70, 1.0), (10, 5.0), (10, 3.0), (10, 3.0))]
    theirs = [row("vpn", 80, score) for score in (6.0, 5.0, 3.0, 2.0)]
    found = {(each.score, each.risk): each for each in caught_at(over([*ours, *theirs]), [60, 75])}
    assert (found["rules", 60].bothered, found["rules", 60].caught.number) == (1, 4)
    # One of ours may be bothered: those above 3 (a 5 of ours is), not those at 3, which are two more of ours.
    assert found["reference", 60].caught.number == 2
    # Nobody may be bothered: only what is above all of ours.
    assert (found["reference", 75].bothered, found["reference", 75].caught.number) == (0, 1)


def test_the_first_score_there_is_says_how_many_may_be_bothered() -> None:
    ours = [row("legitimate", 0, combined=combined, impostor=0.1) for combined in (70, 70, 0)]
    theirs = [row("vpn", 10, combined=90, impostor=0.9)]
    found = {each.score: each for each in caught_at(over([*ours, *theirs]), [60])}
    assert {each.bothered for each in found.values()} == {2}
    assert found["rules"].caught.number == 1


def test_one_threshold_for_all_is_the_lowest_that_challenges_no_more() -> None:
    # Of 2,000 logins, 3 of 1,000 are 6: seven are at 50 or above, so the threshold is above 50.
    ours = [row("legitimate", risk) for risk in [90.0, 80, *[50.0] * 5, *[10.0] * 1993]]
    theirs = [row("vpn", 50), row("vpn", 51), row("naive", 95), row("theft", 70, type="session_seen")]
    found = {each.score: each for each in one_for_all(over([*ours, *theirs]), 3)}
    assert found["rules"].above == 50
    assert found["rules"].people is not None
    assert found["rules"].people.number == 2
    assert {kind: each.share for kind, each in found["rules"].caught.items()} == {"naive": 1, "vpn": 0.5, "theft": 1}
    # The reference gives everybody the same: no threshold challenges few.
    assert {each.number for each in found["reference"].caught.values()} == {0}
    seven = one_for_all(over([*ours, *theirs]), 3.5)[0]
    assert (seven.above, seven.caught["vpn"].share) == (10, 1)
    everybody = one_for_all(over([*ours, *theirs]), 1000)[0]
    assert everybody.above is None


def asked_again(rows: list[Scored], score: str, threshold: float, span: int) -> list[int]:
    # With other thresholds above and below: each is counted by itself.
    return dict(AskedAgain(over(rows), [span]).counts(score, [threshold + 5, 0, threshold]))[threshold][span]


def test_re_authentications_of_the_first_logins() -> None:
    rows = [*people(99, 60, 10, 60), *people(60, 60, account="v"), *people(0, 0, 0, account="w")]
    assert asked_again(rows, "rules", 60, 2) == [2, 2, 0]
    assert asked_again(rows, "rules", 60, 3) == [2, 0]
    assert asked_again(rows, "rules", 60, 4) == [3]
    assert asked_again(rows, "rules", 61, 4) == [1]
    assert asked_again(rows, "rules", 60, 5) == []


def test_of_a_hold_out_the_first_login_that_counts_is_the_first() -> None:
    late = people(*[0.0] * 40, 60, 60, 0)[40:]
    assert asked_again(late, "rules", 60, 3) == [2]
    assert asked_again(late, "rules", 60, 4) == []


def test_a_price_without_people_who_log_in_so_often_has_no_median() -> None:
    found = prices(over([*people(*[10.0] * 13), row("vpn", 10)]), [0.98], [12, 39])[0]
    assert found.within == {12: 12, 39: None}
    assert found.accounts == {12: 1, 39: 0}
    assert (found.threshold, found.per_1000) == (10, 1000)


ROWS = st.lists(
    st.builds(
        lambda account, earlier, label, risk, reference: row(label, risk, reference, account=account, earlier=earlier),
        st.sampled_from("uvw"), st.integers(0, 6), st.sampled_from(["legitimate", "vpn"]),
        st.sampled_from([0.0, 30.0, 60.0, 85.0]), st.sampled_from([None, 0.5, 1.0, 2.0]),
    ),
    max_size=40,
)  # fmt: skip


@given(ROWS, st.sampled_from([0.5, 0.98]), st.integers(1, 7))
def test_prices_are_what_counting_says(rows: list[Scored], rate: float, span: int) -> None:
    rows = [*rows, *[row("legitimate", 0, None, account=name, earlier=0) for name in "uvw"], row("vpn", 0)]
    usable = [each for each in rows if score_of(each, "reference") is not None]
    ours, theirs = [e for e in usable if legitimate(e)], [e for e in usable if not legitimate(e)]
    found = prices(over(rows), [rate], [span])
    assert [each.score for each in found] == (["rules", "reference"] if ours and theirs else [])
    for each in found:
        scores = [float(score_of(e, each.score) or 0) for e in theirs]
        reaching = [s for s in scores if sum(other >= s for other in scores) >= rate * len(scores) - 1e-9]
        assert each.threshold == max(reaching)
        again = [e for e in ours if float(score_of(e, each.score) or 0) >= each.threshold]
        assert each.per_1000 == 1000 * len(again) / len(ours)
        frequent = {e.account for e in ours if e.earlier + 1 >= span}
        counts = [sum(e.account == name and e.earlier < span for e in again) for name in frequent]
        assert each.within[span] == (median(counts) if counts else None)


def test_friction_counts_all_logins_of_people_at_the_configured_thresholds() -> None:
    rows = [*people(99, 60, 59.9, 40), row("legitimate", 0, None, account="v", earlier=0), row("vpn", 99)]
    found = friction_of(Run(rows=Rows(rows), mails=array("q", [1, 2, 3])), Thresholds(challenge=59.9, block=90))
    assert (found.logins, found.accounts, found.mails_per_1000) == (5, 2, 600)
    shares = [each.number for each in (found.notified, found.challenged, found.blocked) if each]
    assert shares == [4, 3, 1]


def test_friction_is_that_of_rules_and_impostor_together_where_there_is_one() -> None:
    rows = [row("legitimate", 10, combined=70, impostor=0.7), row("legitimate", 65)]
    found = friction_of(Run(rows=Rows(rows)), Thresholds())
    assert found.challenged is not None
    assert found.challenged.number == 2


def test_what_came_before_a_day_is_not_counted() -> None:
    times = array("q", [1, 5, 9])
    rows = Rows([row("legitimate", 0, time=at) for at in times])
    run = Run(rows=rows, mails=times, failed=times, other_challenges=times, events=3).since(5)
    assert (len(run.rows), list(run.mails), list(run.failed), list(run.other_challenges)) == (2, [5, 9], [5, 9], [5, 9])


def test_a_report_of_nothing() -> None:
    report = report_of(Run(), Thresholds())
    assert (report.attackers, report.caught, report.prices, report.friction.challenged) == ({}, [], [], None)
    assert (report.one_for_all, report.calibration, report.scores) == ([], None, ())


@pytest.mark.parametrize("rows", [people(1, 2), [row("vpn", 3)]])
def test_a_report_of_one_side_only(rows: Any) -> None:
    report = report_of(Run(rows=Rows(rows)), Thresholds())
    assert (report.one_for_all, report.prices, report.calibration) == ([], [], None)


def test_names_are_in_their_order() -> None:
    assert NAMES == ("combined", "rules", "impostor", "likelihood", "novelty", "reference")
