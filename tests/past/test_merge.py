"""Two pasts become one: nothing that was denied comes back, and it does not matter which goes into which."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.alerts.policy import MAX_OPEN, MAX_TOLD
from sentinel.events.alert import OpenAlert, ToldMail
from sentinel.events.clock import DAY, HOUR, SECOND
from sentinel.past.factors import MAX_COUNTERS, MAX_DRIFTS
from sentinel.past.habit import HALF_LIFE
from sentinel.past.merge import MAX_ALERTS, merge_profiles
from sentinel.past.merge import MAX_TOLD as MERGED_TOLD
from sentinel.past.profile import (
    MAX_CHALLENGES,
    MAX_COMPROMISED,
    MAX_FACTORS,
    MAX_PLACES,
    MAX_RECOVERIES,
    MAX_RIGHTS,
    MAX_SESSIONS,
    MAX_USUAL,
    MAX_VALUES,
    MAX_WARMUP,
    Challenge,
    Habit,
    KnownFactor,
    Profile,
    Right,
    Seen,
    Session,
    TrustedPlace,
    TrustPolicy,
    UsualPlace,
    Value,
    encode_profile,
)
from sentinel.past.seen import MOST, NOVEL

POLICY = TrustPolicy()
START = 1_790_000_000 * SECOND
LATER = START + 400 * DAY

#: Something in every field of a profile. A new field fails the tests below until it is here and merged.
SAMPLES: dict[str, Any] = {
    "values": {"device": {"d": Value(START, START + 1, START, 2, [20_000], system="Linux")}},
    "places": [TrustedPlace(START, 48.9, 2.4, 20.0, "FR", "event-1")],
    "warmup": [START, START + 1],
    "trusted_logins": 2,
    "last_seen": START,
    "recovered_at": START,
    "compromised": {"event-0": START},
    "sessions": {"s": Session(START, "event-1", "d", trusted=True)},
    "factors": {"f": KnownFactor("totp", START, START + 5)},
    "challenges": [Challenge(START, None, "f", "push")],
    "alerts": [OpenAlert(id="a-1", kind="attack", level="high", risk=61.0, first=START, last=START)],
    "usual": [UsualPlace(48.9, 2.4, 20.0, START, 2)],
    "habit": Habit(bytes([4] * 24), bytes([4] * 7), START, "Europe/Paris"),
    "push_doubt_at": START,
    "phone_changed_at": START,
    "recoveries": [START],
    "helped": [(START, True)],
    "usage_day": 20_000,
    "usage_marks": 1,
    "restricted_at": START,
    "objected_at": START,
    "rights": [Right(START, "restricted", "service")],
    "rights_count": 1,
    "told": [ToldMail(START, "attack", "high")],
    "seen": {"address": {"": Seen(1, 20_000), "a": Seen(2, 20_000)}},
}

TIMES = st.integers(START, LATER)
MAYBE = st.just(0) | TIMES
FEW = st.sampled_from("abcd")
#: Enough to go beyond every bound, and some that both are likely to have.
NAMES = FEW | st.sampled_from([f"n{number}" for number in range(90)])


def sorted_by(items: st.SearchStrategy[Any], time: Callable[[Any], Any], most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=most).map(lambda found: sorted(found, key=time))


@st.composite
def values(draw: st.DrawFn) -> Value:
    first = draw(TIMES)
    compromised = draw(st.booleans())
    return Value(
        first=first,
        last=first + draw(st.integers(0, 30)) * DAY,
        trusted_at=0 if compromised else draw(MAYBE),
        support=0 if compromised else draw(st.integers(0, 5)),
        days=sorted(draw(st.sets(st.integers(20_700, 20_710), max_size=3))),
        barred=draw(st.booleans()),
        compromised=compromised,
        system=draw(st.sampled_from(["", "Linux", "Windows"])),
    )


SESSIONS = st.builds(
    Session, TIMES, FEW, trusted=st.booleans(), vouched=st.booleans(), seen=st.integers(0, 500)
) | st.builds(Session, TIMES, FEW, compromised=st.just(True))
FACTORS = st.builds(
    KnownFactor,
    st.sampled_from(["totp", "push", "webauthn"]),
    MAYBE,
    MAYBE,
    st.none() | FEW,
    MAYBE,
    st.lists(st.integers(0, 10**8), max_size=MAX_COUNTERS, unique=True),
    st.lists(st.integers(-9, 9), max_size=MAX_DRIFTS),
    MAYBE,
)
HABITS = st.builds(
    Habit,
    st.binary(min_size=24, max_size=24),
    st.binary(min_size=7, max_size=7),
    TIMES,
    st.sampled_from(["", "lon", "Europe/Paris", "Asia/Tokyo"]),
)
ALERTS = st.builds(
    OpenAlert, id=NAMES, kind=st.just("attack"), level=st.just("high"), risk=st.just(61.0), first=TIMES, last=TIMES
)
#: Spots of one account are far apart.
USUAL = st.lists(
    st.builds(
        UsualPlace, st.integers(-8, 8).map(lambda n: n * 10.0), st.just(2.4), st.just(20.0), TIMES, st.integers(1, 9)
    ),
    max_size=MAX_USUAL,
    unique_by=lambda spot: spot.lat,
)
SEEN = st.fixed_dictionaries(
    {},
    optional={
        kind: st.dictionaries(
            st.just(NOVEL) | NAMES, st.builds(Seen, st.integers(1, 9), st.integers(20_700, 20_710)), max_size=most
        )
        for kind, most in MOST.items()
    },
)
PROFILES = st.builds(
    Profile,
    values=st.dictionaries(
        st.sampled_from(["device", "network"]), st.dictionaries(NAMES, values(), max_size=MAX_VALUES), max_size=2
    ),
    places=sorted_by(
        st.builds(TrustedPlace, TIMES, st.just(1.0), st.just(2.0), st.just(3.0), st.just("FR"), NAMES),
        lambda place: place.time,
        MAX_PLACES,
    ),
    warmup=sorted_by(TIMES, lambda time: time, MAX_WARMUP),
    trusted_logins=st.integers(0, 100),
    last_seen=MAYBE,
    recovered_at=MAYBE,
    compromised=st.dictionaries(NAMES, TIMES, max_size=MAX_COMPROMISED),
    sessions=st.dictionaries(NAMES, SESSIONS, max_size=MAX_SESSIONS),
    factors=st.dictionaries(NAMES, FACTORS, max_size=MAX_FACTORS),
    challenges=sorted_by(
        st.builds(Challenge, TIMES, st.none(), FEW, st.just("push")), lambda challenge: challenge.time, MAX_CHALLENGES
    ),
    alerts=st.lists(ALERTS, max_size=MAX_OPEN, unique_by=lambda alert: alert.id).map(
        lambda alerts: sorted(alerts, key=lambda alert: alert.first)
    ),
    usual=USUAL,
    habit=st.none() | HABITS,
    push_doubt_at=MAYBE,
    phone_changed_at=MAYBE,
    recoveries=sorted_by(TIMES, lambda time: time, MAX_RECOVERIES),
    helped=sorted_by(st.tuples(TIMES, st.booleans()), lambda entry: entry, MAX_RECOVERIES),
    usage_day=st.integers(20_700, 20_702),
    usage_marks=st.integers(0, 3),
    restricted_at=MAYBE,
    objected_at=MAYBE,
    seen=SEEN,
    told=sorted_by(st.builds(ToldMail, TIMES, NAMES, st.just("high")), lambda mail: mail.time, MAX_TOLD),
    rights=sorted_by(
        st.builds(Right, TIMES, st.sampled_from(["restricted", "lifted"]), FEW), lambda right: right.time, MAX_RIGHTS
    ),
)


@pytest.mark.parametrize("field", Profile.__struct_fields__)
def test_every_field_is_carried_over(field: str) -> None:
    profile = Profile(**{field: SAMPLES[field]})
    assert profile != Profile()
    assert merge_profiles(Profile(), profile) == profile
    assert merge_profiles(profile, Profile()) == profile


#: By field of a struct that both accounts may have: what the careful answer is when the other one says so.
VALUE_FIELDS: dict[str, Any] = {
    "first": START - DAY, "last": LATER, "trusted_at": START - DAY, "support": 3, "days": [20_001], "barred": True,
    "compromised": True, "system": "Linux",
}  # fmt: skip
FACTOR_FIELDS: dict[str, Any] = {
    "method": "sms", "trusted_at": 0, "last": LATER, "session": "a", "removed_at": START, "counters": [7],
    "drifts": [2], "doubt_at": START,
}  # fmt: skip
SESSION_FIELDS: dict[str, Any] = {"trusted": False, "compromised": True, "exposed": True, "uses": 1}


@pytest.mark.parametrize("field", Value.__struct_fields__)
def test_every_field_of_a_value_counts(field: str) -> None:
    plain = Value(START, START, START, 1)
    told = msgspec.structs.replace(plain, **{field: VALUE_FIELDS[field]})
    merged, without = (
        merge_profiles(Profile(values={"device": {"d": plain}}), Profile(values={"device": {"d": other}}))
        for other in (told, plain)
    )
    assert merged != without


@pytest.mark.parametrize("field", KnownFactor.__struct_fields__)
def test_every_field_of_a_factor_counts(field: str) -> None:
    plain = KnownFactor("totp", START, START, "b")
    told = msgspec.structs.replace(plain, **{field: FACTOR_FIELDS[field]})
    if field == "drifts":
        told.last = LATER  # those of the device that was used last
    merged = merge_profiles(Profile(factors={"f": plain}), Profile(factors={"f": told})).factors["f"]
    assert getattr(merged, field) == FACTOR_FIELDS[field]


@pytest.mark.parametrize("field", SESSION_FIELDS)
def test_a_session_of_both_is_vouched_for_by_both(field: str) -> None:
    plain = Session(START, "event-1", trusted=True)
    told = msgspec.structs.replace(plain, **{field: SESSION_FIELDS[field]})
    merged = merge_profiles(Profile(sessions={"s": plain}), Profile(sessions={"s": told})).sessions["s"]
    assert getattr(merged, field) == SESSION_FIELDS[field]


def test_the_open_alerts_are_bounded_as_where_they_are_raised() -> None:
    assert (MAX_ALERTS, MERGED_TOLD) == (MAX_OPEN, MAX_TOLD)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PROFILES)
def test_an_empty_past_changes_nothing(profile: Profile) -> None:
    if not profile.usage_day:
        profile.usage_marks = 0
    assert merge_profiles(profile, Profile()) == merge_profiles(Profile(), profile) == profile


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PROFILES, PROFILES)
def test_it_does_not_matter_which_goes_into_which(one: Profile, other: Profile) -> None:
    before = encode_profile(one), encode_profile(other)
    assert merge_profiles(one, other) == merge_profiles(other, one)
    assert (encode_profile(one), encode_profile(other)) == before


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PROFILES, PROFILES)
def test_nothing_denied_becomes_trusted(one: Profile, other: Profile) -> None:
    merged = merge_profiles(one, other)
    for past in (one, other):
        for kind, known in past.values.items():
            for key, value in known.items():
                if value.compromised:
                    assert not merged.trusts(kind, key, LATER + 100 * DAY, POLICY)
                if value.barred and (kept := merged.values[kind].get(key)) is not None:
                    assert kept.barred
        for name, session in past.sessions.items():
            if session.compromised and (found := merged.sessions.get(name)) is not None:
                assert (found.compromised, found.trusted) == (True, False)
        for name, factor in past.factors.items():
            if (kept_factor := merged.factors.get(name)) is not None:
                assert factor.trusted_at or not kept_factor.trusted_at
                assert not factor.removed_at or 0 < kept_factor.removed_at <= factor.removed_at
        assert not past.restricted or merged.restricted
        assert not past.objected_at or merged.objected_at


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PROFILES, PROFILES)
def test_nobody_is_trusted_whom_neither_trusted(one: Profile, other: Profile) -> None:
    merged = merge_profiles(one, other)
    for kind, known in merged.values.items():
        for key, value in known.items():
            both = [past.values[kind][key] for past in (one, other) if key in past.values.get(kind, {})]
            assert not value.trusted_at or value.trusted_at in [each.trusted_at for each in both]
    for name, session in merged.sessions.items():
        assert not session.trusted or all(past.sessions[name].trusted for past in (one, other) if name in past.sessions)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PROFILES, PROFILES)
def test_bounds_and_order_are_kept(one: Profile, other: Profile) -> None:
    merged = merge_profiles(one, other)
    assert all(len(known) <= MAX_VALUES for known in merged.values.values())
    assert len(merged.places) <= MAX_PLACES
    assert len(merged.warmup) <= MAX_WARMUP
    assert len(merged.compromised) <= MAX_COMPROMISED
    assert len(merged.sessions) <= MAX_SESSIONS
    assert len(merged.factors) <= MAX_FACTORS
    assert len(merged.challenges) <= MAX_CHALLENGES
    assert len(merged.alerts) <= MAX_OPEN
    assert len(merged.usual) <= MAX_USUAL
    assert len(merged.recoveries) <= MAX_RECOVERIES
    assert len(merged.helped) <= MAX_RECOVERIES
    assert len(merged.rights) <= MAX_RIGHTS
    assert len(merged.told) <= MAX_TOLD
    assert all(len(factor.counters) <= MAX_COUNTERS for factor in merged.factors.values())
    times: list[list[Any]] = [
        [place.time for place in merged.places], merged.warmup, [each.time for each in merged.challenges],
        [each.first for each in merged.alerts], merged.recoveries, merged.helped,
        [right.time for right in merged.rights], [mail.time for mail in merged.told],
    ]  # fmt: skip
    assert all(found == sorted(found) for found in times)


def test_what_is_remembered_from_now_on_does_not_change_what_was() -> None:
    other = Profile(**SAMPLES)
    before = encode_profile(other)
    merged = merge_profiles(Profile(), other)
    merged.values["device"]["d"].support += 1
    merged.sessions["s"].compromised = True
    merged.factors["f"].counters.append(1)
    merged.alerts[0].events += 1
    assert encode_profile(other) == before


def test_sessions_keep_the_order_they_were_used_in() -> None:
    # "old" was made first and used last: it must not be the first to go.
    one = Profile(sessions={"new": Session(START + 2, "e"), "old": Session(START, "e")})
    other = Profile(sessions={"other": Session(START + 1, "e")})
    assert list(merge_profiles(one, other).sessions) == ["other", "new", "old"]


def test_the_first_answer_and_the_last_ones_stay() -> None:
    one = Profile(compromised={"first": START})
    other = Profile(compromised={f"e{number}": START + 1 + number for number in range(MAX_COMPROMISED)})
    merged = merge_profiles(one, other).compromised
    assert (len(merged), "first" in merged, "e0" in merged) == (MAX_COMPROMISED, True, False)


def test_habits_are_added_aged_and_in_one_zone() -> None:
    june = 1_780_300_800 * SECOND
    morning = Habit(bytes([*[0] * 8, 40, *[0] * 15]), bytes([40, *[0] * 6]), june, "Europe/Paris")
    # Nine in the evening in Tokyo is two in the afternoon in Paris in June, and half as much by now.
    evening = Habit(bytes([*[0] * 21, 8, 0, 0]), bytes([0, 8, *[0] * 5]), june - HALF_LIFE, "Asia/Tokyo")
    merged = merge_profiles(Profile(habit=evening), Profile(habit=morning)).habit
    assert merged is not None
    assert {hour: weight for hour, weight in enumerate(merged.hours) if weight} == {8: 40, 14: 4}
    assert list(merged.weekdays[:2]) == [40, 4]
    assert (merged.since, merged.zone) == (june, "Europe/Paris")


def test_habits_of_much_use_stay_in_a_byte() -> None:
    much = Habit(bytes([250] + [8] * 23), bytes([250] + [8] * 6), START, "Europe/Paris")
    merged = merge_profiles(Profile(habit=much), Profile(habit=much)).habit
    assert merged is not None
    assert (merged.hours[0], merged.hours[1], merged.weekdays[0]) == (250, 8, 250)


def test_spots_near_each_other_are_one() -> None:
    one = Profile(usual=[UsualPlace(48.9, 2.4, 30.0, START, 5)])
    other = Profile(usual=[UsualPlace(48.8, 2.3, 20.0, START + HOUR, 2), UsualPlace(35.7, 139.7, 20.0, START)])
    assert merge_profiles(one, other).usual == [
        UsualPlace(48.9, 2.4, 20.0, START + HOUR, 7),
        UsualPlace(35.7, 139.7, 20.0, START),
    ]
