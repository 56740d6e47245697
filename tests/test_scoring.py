from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.assessment import DECISION_ORDER
from sentinel.scoring import Thresholds, at_most, combine, decide

FINDINGS = st.lists(
    st.tuples(st.sampled_from(["place", "device", "network", "guessing"]), st.floats(0, 100)), max_size=8
)


def test_nothing_found_is_no_risk() -> None:
    assert combine([]) == (0.0, [])


def test_independent_findings_add_and_none_is_counted_twice() -> None:
    assert combine([("place", 70), ("device", 50)])[0] == 85
    assert combine([("place", 70), ("place", 50)])[0] == 70
    assert combine([("a", 30), ("b", 30), ("c", 30)])[0] == 65.7


def test_a_certain_finding_is_certain_and_does_not_hide_the_others() -> None:
    risk, shares = combine([("a", 100), ("b", 50)])
    assert risk == 100
    assert shares[0] > 0.9 > shares[1] > 0


def test_a_share_is_of_the_strongest_of_its_group_the_first_of_equals() -> None:
    assert combine([("a", 40), ("a", 40), ("a", 39)])[1] == [1.0, 0.0, 0.0]


def test_findings_without_risk_have_no_share() -> None:
    assert combine([("a", 0), ("b", 0)]) == (0.0, [0.0, 0.0])


@given(FINDINGS)
def test_the_formula_is_the_contracts(findings: list[tuple[str, float]]) -> None:
    strongest = [max(risk for name, risk in findings if name == group) for group, _ in dict(findings).items()]
    expected = 100 * (1 - prod(1 - risk / 100 for risk in strongest))
    assert combine(findings)[0] == pytest.approx(expected, abs=0.0051)


@given(FINDINGS)
def test_shares_are_parts_of_the_whole(findings: list[tuple[str, float]]) -> None:
    risk, shares = combine(findings)
    assert all(0 <= share <= 1 for share in shares)
    assert sum(shares) == pytest.approx(1 if any(value > 1e-9 for _, value in findings) else sum(shares))
    assert 0 <= risk <= 100


@given(FINDINGS, FINDINGS)
def test_each_adds_and_none_lowers(findings: list[tuple[str, float]], more: list[tuple[str, float]]) -> None:
    assert combine(findings + more)[0] >= combine(findings)[0]


@given(FINDINGS, st.randoms())
def test_order_does_not_matter(findings: list[tuple[str, float]], random: object) -> None:
    shuffled = findings[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's own random
    assert combine(shuffled)[0] == combine(findings)[0]


@pytest.mark.parametrize(
    ("risk", "decision"),
    [
        (0, "allow"),
        (39.99, "allow"),
        (40, "notify"),
        (59.99, "notify"),
        (60, "challenge"),
        (89.99, "challenge"),
        (90, "block"),
        (100, "block"),
    ],
)
def test_decisions_begin_where_the_config_says(risk: float, decision: str) -> None:
    assert decide(risk, Thresholds()) == decision


def test_thresholds_may_coincide_or_be_out_of_reach() -> None:
    assert decide(50, Thresholds(notify=50, challenge=50, block=50)) == "block"
    assert decide(100, Thresholds(notify=101, challenge=101, block=101)) == "allow"


@given(st.floats(0, 100), st.floats(0, 100))
def test_more_risk_is_never_a_milder_decision(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert DECISION_ORDER[decide(low, Thresholds())] <= DECISION_ORDER[decide(high, Thresholds())]


def test_the_milder_of_two() -> None:
    assert [at_most(decision, "notify") for decision in DECISION_ORDER] == [
        "allow",
        "notify",
        "notify",
        "notify",
    ]
