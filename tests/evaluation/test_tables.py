"""The tables against counting by hand and by brute force."""

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from sentinel.evaluation.scores import Run, Scored
from sentinel.evaluation.tables import asked_again, caught_at, compared, friction_of, prices, report_of, separation
from sentinel.scoring import Thresholds


def row(label: str, risk: float, reference: float | None = 1.0, *, account: str = "u", earlier: int = 1,
        type: str = "login") -> Scored:  # fmt: skip
    return Scored(account, 0, type, earlier, label, (risk, reference))


def people(*risks: float, account: str = "u", reference: float = 1.0) -> list[Scored]:
    return [row("legitimate", risk, reference, account=account, earlier=n) for n, risk in enumerate(risks)]


def test_what_has_no_past_is_compared_with_nothing() -> None:
    over = compared([row("legitimate", 0, None, earlier=0), row("vpn", 90, None), row("vpn", 70), row("legitimate", 5)])
    assert ([each.scores[0] for each in over.people], over.of("vpn", 0)) == ([5], [70])
    rows = [row("vpn", 90, None), row("vpn", 70), *people(5)]
    report = report_of(Run(rows=rows), Thresholds())
    assert (report.compared, report.attackers, report.strangers) == (1, {"vpn": 1}, 1)


def test_sessions_count_where_a_kind_has_no_logins() -> None:
    rows = [row("theft", 50, type="session_seen"), row("vpn", 70), row("vpn", 10, type="session_seen"), *people(0)]
    over = compared(rows)
    assert (over.sessions, over.of("theft", 0), over.of("vpn", 0)) == ({"theft"}, [50], [70])
    assert {each.kind for each in separation(over)} == {each.kind for each in prices(over)} == {"vpn"}
    assert {each.kind for each in caught_at(over)} == {"theft", "vpn"}


def test_the_reference_may_bother_as_many_people_as_the_risk_does_and_ties_count_against_it() -> None:
    ours = [row("legitimate", risk, score) for risk, score in ((70, 1.0), (10, 5.0), (10, 3.0), (10, 3.0))]
    theirs = [row("vpn", 80, score) for score in (6.0, 5.0, 3.0, 2.0)]
    found = {(each.score, each.risk): each for each in caught_at(compared([*ours, *theirs]), [60, 75])}
    assert (found["rules", 60].bothered, found["rules", 60].caught.number) == (1, 4)
    # One of ours may be bothered: those above 3 (a 5 of ours is), not those at 3, which are two more of ours.
    assert found["reference", 60].caught.number == 2
    # Nobody may be bothered: only what is above all of ours.
    assert (found["reference", 75].bothered, found["reference", 75].caught.number) == (0, 1)


def test_re_authentications_of_the_first_logins() -> None:
    rows = [*people(99, 60, 10, 60), *people(60, 60, account="v"), *people(0, 0, 0, account="w")]
    assert asked_again(rows, 0, 60, 2) == [2, 2, 0]
    assert asked_again(rows, 0, 60, 3) == [2, 0]
    assert asked_again(rows, 0, 60, 4) == [3]
    assert asked_again(rows, 0, 61, 4) == [1]
    assert asked_again(rows, 0, 60, 5) == []


def test_a_price_without_people_who_log_in_so_often_has_no_median() -> None:
    found = prices(compared([*people(*[10.0] * 13), row("vpn", 10)]), [0.98], [12, 39])[0]
    assert found.within == {12: 12, 39: None}
    assert found.accounts == {12: 1, 39: 0}
    assert (found.threshold, found.per_1000) == (10, 1000)


ROWS = st.lists(
    st.builds(
        Scored,
        st.sampled_from("uvw"), st.just(0), st.just("login"), st.integers(0, 6), st.sampled_from(["legitimate", "vpn"]),
        st.tuples(st.sampled_from([0.0, 30.0, 60.0, 85.0]), st.sampled_from([None, 0.5, 1.0, 2.0])),
    ),
    max_size=40,
)  # fmt: skip


@given(ROWS, st.sampled_from([0.5, 0.98]), st.integers(1, 7))
def test_prices_are_what_counting_says(rows: list[Scored], rate: float, span: int) -> None:
    usable = [each for each in rows if each.scores[1] is not None]
    ours, theirs = [e for e in usable if e.legitimate], [e for e in usable if not e.legitimate]
    found = prices(compared(rows), [rate], [span])
    assert len(found) == (2 if ours and theirs else 0)
    for number, each in enumerate(found):
        scores = [float(e.scores[number] or 0) for e in theirs]
        reaching = [s for s in scores if sum(other >= s for other in scores) >= rate * len(scores) - 1e-9]
        assert each.threshold == max(reaching)
        again = [e for e in ours if float(e.scores[number] or 0) >= each.threshold]
        assert each.per_1000 == 1000 * len(again) / len(ours)
        frequent = {e.account for e in ours if e.earlier + 1 >= span}
        counts = [sum(e.account == name and e.earlier < span for e in again) for name in frequent]
        assert each.within[span] == (median(counts) if counts else None)


def test_friction_counts_all_logins_of_people_at_the_configured_thresholds() -> None:
    rows = [*people(99, 60, 59.9, 40), row("legitimate", 0, None, account="v", earlier=0), row("vpn", 99)]
    found = friction_of(Run(rows=rows, mails=3), Thresholds(challenge=59.9, block=90))
    assert (found.logins, found.accounts, found.mails_per_1000) == (5, 2, 600)
    shares = [each.number for each in (found.notified, found.challenged, found.blocked) if each]
    assert shares == [4, 3, 1]


def test_a_report_of_nothing() -> None:
    report = report_of(Run(), Thresholds())
    assert (report.attackers, report.caught, report.prices, report.friction.challenged) == ({}, [], [], None)
