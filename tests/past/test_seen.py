"""What an account is seen with: bounded, shortened, of trusted logins only; and when it counts for everybody."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.clock import utc_day
from sentinel.events.sighting import Sighting
from sentinel.past.commons import PERIOD, Commons
from sentinel.past.forget import forget
from sentinel.past.profile import Profile, Seen, TrustPolicy, encode_profile
from sentinel.past.remember import Verdict, remember
from sentinel.past.seen import (
    MOST,
    NOVEL,
    forget_seen,
    fresh_values,
    merge_seen,
    method_of,
    note_common,
    note_seen,
    seen_values,
    shortened,
)
from sentinel.rules.ruleset import RuleSet
from tests.builders import START, Story, at, common_rows, packaged, sighting
from tests.pipeline.installation import AWAY, HOME

FOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
#: The first day of a period of 91 days, as days after the builders' start; the middle of a day.
PERIODS_DAY = (-utc_day(int(START.timestamp() * 1_000_000))) % PERIOD
FINE = Verdict(flagged=False, level="low")


def come(day: float = 0, **fields: Any) -> Sighting:
    return sighting(at(PERIODS_DAY + day), **{**HOME, "user_agent": FOX, "device_id": "laptop"} | fields)


def address(number: int) -> dict[str, Any]:
    """One address of a network of its own."""
    return {"ip": f"198.51.{number}.7"}


def noted(*sightings: Sighting) -> Profile:
    profile = Profile()
    for each in sightings:
        note_seen(profile, each)
    return profile


def test_values_are_counted_with_their_last_day() -> None:
    profile = noted(come(0), come(3), come(3, ip="192.0.2.8"), come(1))
    day = utc_day(come(0).time)
    key = shortened(come().address or "")
    assert profile.seen["address"] == {
        NOVEL: Seen(2, day + 3),
        key: Seen(3, day + 3),
        shortened(come(ip="192.0.2.8").address or ""): Seen(1, day + 3),
    }
    assert profile.seen["prefix"][NOVEL].logins == 1
    assert profile.seen["method"] == {NOVEL: Seen(1, day), "none": Seen(4, day + 3)}


def test_only_the_beginning_of_a_pseudonym_is_kept() -> None:
    packed = encode_profile(noted(come()))
    for key in (come().address, come().prefix, come().agent):
        assert key is not None
        assert key.encode() not in packed
        assert key[:8].encode() in packed
        assert key[:9].encode() not in packed


def test_what_is_not_known_is_not_seen() -> None:
    bare = sighting(at())
    assert seen_values(bare) == [("method", "none")]


@pytest.mark.parametrize(
    ("fields", "method"),
    [
        ({}, "none"),
        ({"auth": {"method": "passkey"}}, "passkey"),
        ({"auth": {"method": "password"}, "mfa": {"method": "totp", "outcome": "success"}}, "totp"),
    ],
)
def test_the_method_of_a_login(fields: dict[str, Any], method: str) -> None:
    assert method_of(come(**fields)) == method


def test_of_each_kind_the_last_ones_are_kept() -> None:
    many = 3 * MOST["address"]
    profile = noted(*(come(number, **address(number), user_agent=f"Sample/{number}") for number in range(many)))
    for kind in ("address", "prefix", "agent"):
        held = profile.seen[kind]
        assert len(held) == MOST[kind] + 1
        assert held[NOVEL].logins == many
        assert {value.day for key, value in held.items() if key != NOVEL} == {
            utc_day(come(number).time) for number in range(many - MOST[kind], many)
        }


def test_of_one_day_the_first_ones_go_whatever_their_names_are() -> None:
    """Names are keyed: two installations would keep others, and say another thing of the next login."""
    logins = [come(0, ip=f"198.51.100.{number}") for number in range(2 * MOST["address"])]
    kept = [shortened(each.address or "") for each in logins[-MOST["address"] :]]
    assert [key for key in noted(*logins).seen["address"] if key != NOVEL] == kept


def test_one_that_comes_again_is_not_the_oldest() -> None:
    logins = [come(number, **address(number)) for number in range(MOST["address"])]
    profile = noted(*logins, come(50, **address(0)), come(51, **address(99)))
    keys = profile.seen["address"]
    assert shortened(logins[0].address or "") in keys
    assert shortened(logins[1].address or "") not in keys


def test_what_was_taken_out_was_never_there() -> None:
    profile = noted(come(0), come(0))
    forget_seen(profile, come(0))
    held = profile.seen["address"]
    assert {key: each.logins for key, each in held.items()} == {NOVEL: 1, shortened(come().address or ""): 1}
    forget_seen(profile, come(0))
    assert profile.seen == {}
    forget_seen(profile, come(0))
    assert profile.seen == {}


#: Logins by address and agent, and which of them are taken out, in which order: fewer than are kept of each.
TAKEN = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=12).flatmap(
    lambda logins: st.tuples(st.just(logins), st.lists(st.sampled_from(range(len(logins))), unique=True))
)


@given(TAKEN)
def test_as_many_logins_brought_something_new_as_there_are_values_that_count(taken: Any) -> None:
    logins, out = taken
    seen = [come(day, **address(number), user_agent=f"Sample/{agent}") for day, (number, agent) in enumerate(logins)]
    profile = noted(*seen)
    for place in out:
        forget_seen(profile, seen[place])
    left = noted(*(each for place, each in enumerate(seen) if place not in out))

    def number(of: Profile) -> dict[str, dict[str, int]]:
        return {kind: {key: each.logins for key, each in held.items()} for kind, held in of.seen.items()}

    assert number(profile) == number(left)
    assert all(held[NOVEL].logins == len(held) - 1 for held in profile.seen.values())


def test_only_what_joins_the_trusted_past_is_seen() -> None:
    profile = Profile()
    strange = come(1, **AWAY)
    for day in range(5):
        remember(profile, come(day / 10), FINE, TrustPolicy())
    remember(profile, strange, Verdict(flagged=True, level="high"), TrustPolicy())
    assert shortened(strange.address or "") not in profile.seen["address"]
    remember(profile, come(2, outcome="failure", reason="bad_password", **AWAY), FINE, TrustPolicy())
    assert set(profile.seen["address"]) == {NOVEL, shortened(come().address or "")}


def test_a_login_called_compromised_is_taken_out_and_one_called_legitimate_comes_in() -> None:
    story = Story(RuleSet(packaged()))
    for day in range(5):
        story(at(day), **HOME, device_id="laptop", user_agent=FOX)
    story(at(6), **AWAY, user_agent="Sample/1.0")
    strange = shortened(story.seen["e-6"][0].sighting.address or "")
    home = shortened(story.seen["e-1"][0].sighting.address or "")
    assert strange not in story.profile().seen["address"]
    story.answer("e-6", "legitimate")
    assert story.profile().seen["address"][strange].logins == 1
    story.answer("e-6", "compromised")
    assert strange not in story.profile().seen["address"]
    assert story.profile().seen["address"][home].logins == 5


def test_it_is_forgotten_a_year_after_it_was_seen() -> None:
    profile = noted(come(0), come(10, ip="192.0.2.8"))
    forget(profile, come(5).time)
    assert set(profile.seen["address"]) == {NOVEL, shortened(come(ip="192.0.2.8").address or "")}
    forget(profile, come(11).time)
    assert profile.seen == {}


HELD = st.dictionaries(
    st.sampled_from(sorted(MOST)),
    st.dictionaries(
        st.sampled_from([NOVEL, *(f"k{number:02}" for number in range(20))]),
        st.builds(Seen, st.integers(1, 9), st.integers(0, 5)),
        min_size=1,
        max_size=8,
    ),
)


@given(HELD, HELD)
def test_of_two_accounts_the_counts_add_up_whichever_goes_first(one: Any, other: Any) -> None:
    merged = merge_seen(one, other)
    assert merged == merge_seen(other, one)
    assert encode_profile(Profile(seen=merged)) == encode_profile(Profile(seen=merge_seen(one, other)))
    for kind, held in merged.items():
        assert len(held) - (NOVEL in held) <= MOST[kind]
        for key, value in held.items():
            both = [past[kind][key] for past in (one, other) if key in past.get(kind, {})]
            assert value == Seen(sum(each.logins for each in both), max(each.day for each in both))
    for past in (one, other):
        for kind, held in past.items():
            gone = set(held) - set(merged[kind])
            assert NOVEL not in gone
            assert all(held[key].day <= min(v.day for k, v in merged[kind].items() if k != NOVEL) for key in gone)


# When everybody's counts learn of it


def fresh(profile: Profile, seen: Sighting, **more: Any) -> set[str]:
    """Enter a login; what it was counted for."""
    found = fresh_values(profile, seen, **more)
    remember(profile, seen, FINE, TrustPolicy())
    assert found.day == utc_day(seen.time)
    return {level for level, _ in found.values}


ALL = {"address", "prefix", "network", "country", "agent", "device_class", "system", "device_type", "method", "hour"}


def test_an_account_counts_once_for_a_value_and_period() -> None:
    profile = Profile()
    assert fresh(profile, come(0)) == {*ALL, "account"}
    assert fresh(profile, come(0.01)) == set()
    assert fresh(profile, come(50)) == set()
    assert fresh(profile, come(PERIOD - 1)) == set()
    # Hours are not counted by period: who keeps them was counted for them.
    assert fresh(profile, come(PERIOD)) == {*ALL, "account"} - {"hour"}
    assert fresh(profile, come(PERIOD + 1)) == set()


def test_only_what_is_new_counts() -> None:
    profile = Profile()
    fresh(profile, come(0))
    assert fresh(profile, come(1, ip="192.0.2.8")) == {"address"}
    assert fresh(profile, come(2, user_agent=CHROME)) == {"agent", "device_class"}
    assert fresh(profile, come(2 + 0.25)) == {"hour"}
    assert fresh(profile, come(3, **AWAY, user_agent=FOX)) == {"address", "prefix", "network", "country"}


def test_a_late_login_counts_only_for_what_was_not_seen_since() -> None:
    profile = Profile()
    fresh(profile, come(PERIOD + 3))
    assert fresh(profile, come(5)) == set()
    assert fresh(profile, come(6, ip="192.0.2.8")) == {"address"}


def test_hours_that_are_not_learned_are_not_counted() -> None:
    profile, policy = Profile(), TrustPolicy(hours=False)
    for day in range(3):
        found = fresh_values(profile, come(day), hours=policy.hours)
        remember(profile, come(day), FINE, policy)
        assert "hour" not in {level for level, _ in found.values}
    assert profile.habit is None


def test_what_is_noted_is_what_was_fresh() -> None:
    commons = Commons(b"")
    seen = come(0)
    note_common(commons, fresh_values(Profile(), seen))
    assert commons.number("account", "") == 1
    assert commons.number("country", "FR") == 1
    assert commons.number("address", shortened(seen.address or "")) == 1
    assert sum(sum(row.counts) for row in common_rows(commons)) == len(ALL) + 1


def test_a_session_that_goes_on_into_a_period_does_not_count_in_the_logins_stead() -> None:
    """Or accounts would count less and less beside their own values."""
    profile = Profile()
    fresh(profile, come(0, session_id="s-1"))
    later = come(PERIOD, session_id="s-1", type="session_seen", outcome=None)
    remember(profile, later, FINE, TrustPolicy())
    assert profile.last_seen == later.time
    assert "account" in fresh(profile, come(PERIOD + 1))
    assert "account" not in fresh(profile, come(PERIOD + 2))


#: An app that names its browser so. ua-parser takes the name from the agent.
ODD = "Sample|App/1.0 CFNetwork/1.0 Darwin/20.0"


def test_an_app_may_have_a_bar_in_its_name() -> None:
    profile, odd = Profile(), come(0, user_agent=ODD)
    assert (odd.device_class or "").count("|") > 2
    assert fresh(profile, odd) == {*ALL, "account"}
    assert fresh(profile, come(1, user_agent=ODD.replace("Sample", "Other"))) == {"agent", "device_class"}
