"""Likelihood by counting: the recursion is what its formula says, and who is used to change is not told by a change."""

from math import exp, isclose, log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.sighting import Sighting
from sentinel.facts.look import Look
from sentinel.models.likelihood import Likeness, Rung, likeness, log_ratio
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile, TrustPolicy
from sentinel.past.remember import Verdict, remember
from sentinel.past.seen import fresh_values, note_common
from tests.builders import at, sighting
from tests.pipeline.installation import AWAY, HOME

FOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Mobile Safari/537.36"
)
#: A network of the same country that the account was never in.
NEIGHBOUR = {"ip": "198.51.100.1", "network": {"asn": 64499, "organisation": "Other", "kind": "residential"}}
BOUND = 12.0


@st.composite
def rungs(draw: st.DrawFn) -> tuple[tuple[Rung, ...], int]:
    """Levels from fine to coarse as they may be: a coarser one is never rarer, here or there."""
    logins = draw(st.integers(1, 50))
    number = draw(st.integers(1, 4))
    own = sorted(draw(st.lists(st.integers(0, logins), min_size=number, max_size=number)))
    novel = sorted(draw(st.lists(st.integers(1, logins), min_size=number, max_size=number)), reverse=True)
    common = sorted(draw(st.lists(st.floats(1e-4, 1.0), min_size=number, max_size=number)))
    return tuple(Rung(f"l{at}", own[at], novel[at], common[at]) for at in range(number)), logins


def interpolated(rungs: tuple[Rung, ...], logins: int) -> float:
    """The account's own probability of the finest value (Witten-Bell), computed as probabilities: what it does not
    know of a level, it shares out among the values of the coarser one as everybody does."""
    own, common = 1.0, 1.0
    for rung in reversed(rungs):
        among_its_parents = own * rung.common / common
        own = (rung.own + rung.novel * among_its_parents) / (logins + rung.novel)
        common = rung.common
    return own


@given(rungs())
def test_the_recursion_is_the_ratio_of_the_interpolated_probability_to_everybodys(given: Any) -> None:
    levels, logins = given
    ratio = interpolated(levels, logins) / levels[0].common
    assert isclose(log_ratio(levels, logins), max(-BOUND, min(BOUND, log(ratio))), rel_tol=1e-9, abs_tol=1e-9)


@given(rungs(), st.integers(1, 30))
def test_more_logins_with_the_same_values_never_speak_against_the_person(given: Any, more: int) -> None:
    levels, logins = given
    later = tuple(Rung(rung.level, rung.own + more, rung.novel, rung.common) for rung in levels)
    assert log_ratio(later, logins + more) >= log_ratio(levels, logins) - 1e-9


@given(rungs(), st.integers(1, 30))
def test_logins_with_other_values_never_speak_for_it(given: Any, more: int) -> None:
    levels, logins = given
    strange = tuple(Rung(rung.level, 0, rung.novel, rung.common) for rung in levels)
    assert log_ratio(strange, logins + more) <= log_ratio(strange, logins) + 1e-9


@given(rungs())
def test_one_feature_does_not_outweigh_all(given: Any) -> None:
    levels, logins = given
    assert -BOUND <= log_ratio(levels, logins) <= BOUND


def test_nothing_known_says_nothing() -> None:
    assert log_ratio((), 9) == 0.0


# Over a life


class Life:
    """An account's trusted logins, and everybody's counts of them."""

    def __init__(self, commons: Commons | None = None) -> None:
        self.profile = Profile()
        self.commons = commons or Commons(b"")

    def login(self, day: float, **fields: Any) -> "Life":
        seen = come(day, **fields)
        fresh = fresh_values(self.profile, seen)
        if remember(self.profile, seen, Verdict(flagged=False, level="low"), TrustPolicy()):
            note_common(self.commons, fresh)
        return self

    def like(self, day: float, **fields: Any) -> Likeness:
        found = likeness(Look(come(day, **fields), self.profile, TrustPolicy(), commons=self.commons))
        assert found is not None
        return found


def come(day: float, **fields: Any) -> Sighting:
    return sighting(at(day), **{**HOME, "user_agent": FOX, "auth": {"method": "password"}} | fields)


def crowd(accounts: int = 200) -> Commons:
    """Other people, at home in a few networks of the same country."""
    commons = Commons(b"")
    for number in range(accounts):
        network = {"asn": 64496 + number % 8, "organisation": "Example", "kind": "residential"}
        Life(commons).login(0, ip=f"198.51.{number % 100}.{number}", network=network, account=f"v-{number}")
    return commons


def home(days: int = 10, **fields: Any) -> Life:
    life = Life(crowd())
    for day in range(days):
        life.login(day, **fields)
    return life


def test_without_a_past_there_is_nothing_to_say() -> None:
    assert likeness(Look(come(0), Profile(), TrustPolicy())) is None


def test_it_works_from_the_second_login_on() -> None:
    life = Life(crowd()).login(0)
    assert life.like(1).total < -3
    assert life.like(1, **AWAY).total > 0
    # A new address in the network is the person rather than somebody else.
    assert life.like(1).total < life.like(1, ip="192.0.2.99").total < life.like(1, **AWAY).total


def test_back_off_goes_from_the_finest_to_the_coarsest() -> None:
    like = home().like(11)
    assert [rung.level for rung in like.network] == ["address", "prefix", "network", "country"]
    assert [rung.level for rung in like.agent] == ["agent", "device_class", "system", "device_type"]
    assert [rung.own for rung in (*like.network, *like.agent)] == [10] * 8
    assert {rung.novel for rung in (*like.network, *like.agent)} == {1}
    assert like.method_log > 0
    shares = [rung.common for rung in like.network]
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({"ip": "192.0.2.99"}, [0, 10, 10, 10]),
        ({"ip": "198.51.100.1"}, [0, 0, 10, 10]),
        (
            NEIGHBOUR,
            [0, 0, 0, 10],
        ),
        (AWAY, [0, 0, 0, 0]),
    ],
)
def test_the_more_that_is_the_same_the_more_it_is_the_person(fields: dict[str, Any], known: list[int]) -> None:
    assert [rung.own for rung in home().like(11, **fields).network] == known


def test_each_step_away_is_less_like_the_person() -> None:
    life = home()
    steps = [
        {},
        {"ip": "192.0.2.99"},
        {"ip": "198.51.100.1"},
        NEIGHBOUR,
        AWAY,
    ]
    logs = [life.like(11, **step).network_log for step in steps]
    assert logs == sorted(logs, reverse=True)
    agents = [life.like(11, user_agent=agent).agent_log for agent in (FOX, FOX.replace("128", "129"), CHROME, PHONE)]
    assert agents == sorted(agents, reverse=True)
    assert len(set(agents)) == 4


def test_parts_of_the_device_are_counted_over_its_classes() -> None:
    life = Life(crowd()).login(0).login(1, user_agent=CHROME).login(2, user_agent=PHONE)
    own = {rung.level: (rung.own, rung.novel) for rung in life.like(3).agent}
    assert own == {"agent": (1, 3), "device_class": (1, 3), "system": (2, 2), "device_type": (2, 2)}


def test_an_unknown_address_or_agent_leaves_its_feature_out() -> None:
    life = home()
    bare = life.like(11, ip=None, place=None, network=None, user_agent=None)
    assert (bare.network, bare.agent, bare.network_log, bare.agent_log) == ((), (), 0.0, 0.0)


def test_who_always_changes_address_is_not_told_from_others_by_a_new_one() -> None:
    roaming = Life(crowd())
    for day in range(20):
        roaming.login(day, ip=f"192.0.2.{100 + day}")
    settled = home(20)
    fresh = {"ip": "192.0.2.99"}
    # Its network alone would say as much, but for the half that its known addresses still have.
    roaming_log, network_alone = (
        roaming.like(21, **fresh).network_log,
        log_ratio(roaming.like(21, **fresh).network[1:], 20),
    )
    assert network_alone - roaming_log <= log(2) + 1e-9
    settled_alone = log_ratio(settled.like(21, **fresh).network[1:], 20)
    assert settled_alone - settled.like(21, **fresh).network_log == pytest.approx(log(21))


def test_a_second_factor_of_its_own_speaks_for_the_person() -> None:
    proved = {"mfa": {"method": "totp", "outcome": "success"}}
    life = home(10, **proved)
    assert life.like(11, **proved).method_log > 1 > 0 > life.like(11).method_log


def test_hours_count_where_they_are_learned() -> None:
    life = Life()
    for day in range(10):
        life.login(day)
    usual, odd = life.like(11).hour_log, life.like(11.5).hour_log
    assert usual is not None
    assert odd is not None
    assert usual > 0 > odd
    life.profile.habit = None
    like = life.like(11)
    assert like.hour_log is None
    assert like.total == -(like.network_log + like.agent_log + like.method_log)


def test_a_common_context_says_less_than_a_rare_one() -> None:
    """The same past, in a world where everybody is there and in one where nobody else is."""
    there = Commons(b"")
    for number in range(200):
        Life(there).login(0, ip="192.0.2.7", account=f"v-{number}")
    crowded, alone = Life(there), Life(crowd())
    for day in range(5):
        crowded.login(day)
        alone.login(day)
    assert exp(alone.like(6).network_log) > 10 * exp(crowded.like(6).network_log)


def test_an_app_may_have_a_bar_in_its_name() -> None:
    odd = {"user_agent": "Sample|App/1.0 CFNetwork/1.0 Darwin/20.0"}
    life = home(**odd)
    assert [rung.own for rung in life.like(11, **odd).agent] == [10, 10, 10, 10]
    assert [rung.own for rung in life.like(11).agent] == [0, 0, 0, 0]
