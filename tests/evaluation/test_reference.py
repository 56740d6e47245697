"""The published formula: cases counted by hand, and what must hold whatever the counts."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.evaluation.reference import ADDRESS, AGENT, FEATURES, Reference, Values, values_of
from tests.builders import sighting

ONE = ((0.6, 0.3, 0.1),)
HOME: Values = (("h", 1, "FR"),)
WORK: Values = (("w", 2, "FR"),)
CAFE: Values = (("c", 1, "FR"),)
FAR: Values = (("f", 9, "JP"),)


def learned(*logins: tuple[str, Values], weights: tuple[tuple[float, ...], ...] = ONE) -> Reference:
    model = Reference(weights)
    for account, values in logins:
        model.learn(account, values)
    return model


def score(model: Reference, account: str, values: Values) -> float:
    found = model.score(account, values)
    assert found is not None
    return found


def test_weights_are_the_published_ones() -> None:
    assert FEATURES == ((0.6, 0.3, 0.1), (0.5387, 0.2680, 0.1882, 0.0051)) == (ADDRESS, AGENT)
    assert [round(sum(weights), 9) for weights in FEATURES] == [1, 1]


def test_an_account_without_a_past_has_no_score() -> None:
    assert Reference(ONE).score("u", HOME) is None
    assert learned(("v", HOME)).score("u", HOME) is None


def test_a_value_known_at_every_level() -> None:
    # n = 4, of u 3; two accounts. m = 1 + 2 ASNs + 1 country = 4.
    model = learned(("u", HOME), ("u", HOME), ("u", WORK), ("v", WORK))
    common = 0.6 * 2 / (4 + 4) + 0.3 * 2 / 4 + 0.1 * 4 / 4
    usual = 0.6 * 2 / 3 + 0.3 * 2 / 3 + 0.1 * 3 / 3
    assert isclose(score(model, "u", HOME), common / usual * (1 / 2) / (3 / 4))


def test_a_new_address_in_a_known_network() -> None:
    # Smoothed for everybody: 1 / (n + m); of the account the network and the country count.
    model = learned(("u", HOME), ("u", WORK), ("v", HOME))
    common = 0.6 * 1 / (3 + 4) + 0.3 * 2 / 3 + 0.1 * 3 / 3
    usual = 0.3 * 1 / 2 + 0.1 * 2 / 2
    assert isclose(score(model, "u", CAFE), common / usual * (1 / 2) / (2 / 3))


def test_what_the_account_never_had_at_any_level_is_four_times_as_risky_as_what_all_have_alike() -> None:
    # The edge case of the published code: p(FV | u) = p(FV) / 4, however rare the value is.
    model = learned(("u", HOME), ("v", FAR), ("v", FAR))
    expected = 4 * (1 / 2) / (1 / 3)
    assert isclose(score(model, "u", FAR), expected)
    assert isclose(score(model, "u", (("x", 77, "BR"),)), expected)


def test_two_features_multiply() -> None:
    weights = ((0.6, 0.3, 0.1), (1.0,))
    firefox: tuple[str] = ("firefox",)
    model = learned(
        ("u", (*HOME, firefox)), ("u", (*HOME, firefox)), ("v", (*WORK, ("opera",))), weights=weights
    )  # fmt: skip
    address = (0.6 * 2 / (3 + 4) + 0.3 * 2 / 3 + 0.1) / 1
    agent = 2 / (3 + 1) / 1
    assert isclose(score(model, "u", (*HOME, firefox)), address * agent * (1 / 2) / (2 / 3))


def test_a_sighting_gives_what_the_published_data_set_has() -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    seen = sighting(
        ip="192.0.2.7", user_agent=agent, place={"country": "FR"}, network={"asn": 64496}, device_id="d", rtt_ms=20.0
    )
    address, browser = values_of(seen)
    assert address == (seen.address, 64496, "FR")
    assert browser == (seen.agent, "Firefox 128.0", "Linux ", "desktop")
    # No device id and no round-trip time: the reference sees what the reference saw.
    other = sighting(ip="192.0.2.7", user_agent=agent, place={"country": "FR"}, network={"asn": 64496})
    assert values_of(other) == (address, browser)


NAMES = st.sampled_from(["u", "v", "w"])
LEVELS = st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 1))
LOGIN = st.tuples(NAMES, st.tuples(LEVELS, st.tuples(st.integers(0, 3))))
TWO = ((0.6, 0.3, 0.1), (1.0,))


@given(st.lists(LOGIN, min_size=1, max_size=25), LOGIN)
def test_the_order_of_features_and_of_the_past_does_not_matter(
    past: list[tuple[str, Values]], one: tuple[str, Values]
) -> None:
    forward = learned(*past, weights=TWO)
    turned = learned(*((name, values[::-1]) for name, values in reversed(past)), weights=TWO[::-1])
    found, other = forward.score(*one), turned.score(one[0], one[1][::-1])
    assert (found is None) == (other is None)
    assert found is None or isclose(found, other or 0.0, rel_tol=1e-9)


@given(st.lists(LOGIN, min_size=1, max_size=25), LOGIN)
def test_scores_are_positive_and_only_learning_changes_them(
    past: list[tuple[str, Values]], one: tuple[str, Values]
) -> None:
    model = learned(*past, weights=TWO)
    first = model.score(*one)
    assert first == model.score(*one)
    assert first is None or first > 0
    assert (first is None) == (one[0] not in {name for name, _ in past})


@given(st.integers(1, 20), st.integers(1, 20))
def test_usual_for_the_account_and_rare_for_all_lowers(mine: int, theirs: int) -> None:
    past = [("u", HOME)] * mine + [("v", FAR)] * theirs
    model = learned(*past)
    assert score(model, "u", HOME) < score(model, "u", CAFE) < score(model, "u", FAR)
    # The more others have it, the less it says that it is the person's.
    common = learned(*past, *[("v", HOME)] * 5)
    rare = learned(*past, *[("v", FAR)] * 5)
    assert score(rare, "u", HOME) < score(common, "u", HOME)


@pytest.mark.parametrize("times", [2, 10, 100])
def test_the_same_history_many_times_over_tends_to_its_shares(times: int) -> None:
    # Without smoothing: (.6 · 2/3 + .3 · 2/3 + .1) / 1 · (1/2) / (2/3)
    shares = (0.6 * 2 / 3 + 0.3 * 2 / 3 + 0.1) * 0.75
    model = learned(*[("u", HOME), ("u", HOME), ("v", WORK)] * times)
    assert shares * (1 - 2 / times) < score(model, "u", HOME) < shares
