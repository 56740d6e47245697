"""What a profile loses after a year, and what it keeps."""

from copy import deepcopy
from typing import Any

import pytest

from sentinel.events.alert import OpenAlert, ToldMail
from sentinel.events.clock import DAY, MINUTE, SECOND, utc_day
from sentinel.past.forget import forget, is_empty
from sentinel.past.profile import (
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

BEFORE = 20_000 * DAY
OLD, FRESH = BEFORE - 1, BEFORE


def profile(time: int) -> Profile:
    """Something in every field that a year takes, as of ``time``."""
    return Profile(
        values={"device": {"d": Value(time - DAY, time, time, 1, [utc_day(time)])}, "country": {"FR": Value(0, time)}},
        places=[TrustedPlace(time, 48.9, 2.4, 20.0, "FR", "e-1")],
        warmup=[time, time],
        trusted_logins=2,
        last_seen=time,
        recovered_at=time,
        compromised={"e-0": time},
        sessions={"s": Session(time - 5 * MINUTE, "e-1", seen=5)},
        factors={"f": KnownFactor("totp", time, time)},
        challenges=[Challenge(time, None, None, "push")],
        alerts=[OpenAlert(id="a", kind="attack", level="low", risk=1.0, first=0, last=time)],
        told=[ToldMail(time, "attack", "low")],
        usual=[UsualPlace(48.9, 2.4, 20.0, time)],
        habit=Habit(bytes(24), bytes(7), BEFORE - 300 * DAY),
        push_doubt_at=time,
        phone_changed_at=time,
        recoveries=[time],
        helped=[(time, True)],
        usage_day=utc_day(time),
        usage_marks=3,
        rights=[Right(time, "lifted", "person")],
        seen={"address": {"": Seen(1, utc_day(time)), "a": Seen(2, utc_day(time))}},
    )  # fmt: skip


def test_every_field_is_thought_of() -> None:
    """A new field of the profile must be forgotten as well: give it something in :func:`profile`."""
    bare = Profile()
    standing = {"restricted_at", "objected_at", "rights_count"}  # below; a bare count says nothing
    untouched = [name for name in Profile.__struct_fields__ if getattr(profile(OLD), name) == getattr(bare, name)]
    assert set(untouched) == standing


def test_of_an_account_not_seen_for_a_year_nothing_is_left() -> None:
    past = profile(OLD)
    assert forget(past, BEFORE)
    assert past == Profile()
    assert is_empty(past)
    past.rights_count = 3
    assert is_empty(past)
    assert not forget(past, BEFORE)


def test_what_was_seen_stays_bit_for_bit() -> None:
    past = profile(FRESH)
    packed = encode_profile(past)
    assert not forget(past, BEFORE)
    assert encode_profile(past) == packed


@pytest.mark.parametrize(
    "name", [name for name in Profile.__struct_fields__ if name not in ("restricted_at", "objected_at")]
)
def test_each_goes_by_its_own_age(name: str) -> None:
    """One old field in a profile that is fresh otherwise."""
    past, old = profile(FRESH), profile(OLD)
    setattr(past, name, deepcopy(getattr(old, name)))
    forget(past, BEFORE)
    left: dict[str, Any] = {"warmup": [0, 0], "trusted_logins": 2, "usage_marks": 3, "habit": past.habit}
    with_it = {"usage_day": "usage_marks", "last_seen": "habit"}
    assert getattr(past, name) == left.get(name, getattr(Profile(), name))
    for other in Profile.__struct_fields__:
        if other not in (name, with_it.get(name)):
            assert getattr(past, other) == getattr(profile(FRESH), other)


def test_an_account_that_is_still_used_does_not_warm_up_again() -> None:
    policy, now = TrustPolicy(), BEFORE + 100 * DAY
    past = Profile(warmup=[OLD - 2, OLD - 1, OLD], trusted_logins=9, last_seen=now)
    assert forget(past, BEFORE)
    assert not any(time > 0 for time in past.warmup)
    assert (past.trusted_logins, past.warming_up(now, policy)) == (9, False)


def test_a_factor_whose_codes_only_count_goes_with_the_rest() -> None:
    counted = KnownFactor("totp", counters=[57, 58])
    past = Profile(factors={"hotp": counted}, last_seen=FRESH)
    assert not forget(past, BEFORE)
    past.last_seen = OLD
    assert forget(past, BEFORE)
    assert is_empty(past)


def test_time_steps_tell_when_a_code_was_used() -> None:
    step = BEFORE // (30 * SECOND)
    past = Profile(
        factors={"old": KnownFactor("totp", counters=[step - 1]), "new": KnownFactor("totp", counters=[step])}
    )
    assert forget(past, BEFORE)
    assert list(past.factors) == ["new"]


@pytest.mark.parametrize("name", ["restricted_at", "objected_at"])
def test_what_a_person_forbade_stays_forbidden(name: str) -> None:
    past = profile(OLD)
    setattr(past, name, OLD)
    past.rights.append(Right(OLD, "objected", "person"))
    assert forget(past, BEFORE)
    assert past.restricted
    assert [right.what for right in past.rights] == ["lifted", "objected"]
    assert not is_empty(past)
    assert not past.values
