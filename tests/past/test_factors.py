"""What is remembered of second factors and of challenges."""

from datetime import datetime
from typing import Any

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.event import MfaMethod
from sentinel.past.challenges import summed_up
from sentinel.past.factors import (
    MAX_COUNTERS,
    MAX_DRIFTS,
    STRENGTH,
    drift_steps,
    factor_key,
    still_enrolled,
    strongest_enrolled,
    usual_drift,
)
from sentinel.past.profile import KnownFactor, Profile, TrustPolicy
from sentinel.past.remember import Verdict, remember
from tests.builders import at, sighting

POLICY = TrustPolicy()
SAFE, FLAGGED = Verdict(flagged=False, level="low"), Verdict(flagged=True, level="medium")
HOME: dict[str, Any] = {"device_id": "laptop", "network": {"asn": 64500}}
AWAY: dict[str, Any] = {"device_id": "thief", "network": {"asn": 64501}}


def code(counter: int | None = None, **more: Any) -> dict[str, Any]:
    mfa = {"method": "totp", "device_id": "app", "outcome": "success", "counter": counter} | more
    return {"mfa": {name: value for name, value in mfa.items() if value is not None}}


def step(time: str) -> int:
    return pyotp.TOTP(pyotp.random_base32()).timecode(datetime.fromisoformat(time))


def known(profile: Profile) -> KnownFactor:
    (one,) = profile.factors.values()
    return one


def test_every_method_has_a_strength() -> None:
    from typing import get_args

    assert set(STRENGTH) == set(get_args(MfaMethod))


class TestDrift:
    @given(seconds=st.integers(0, 10**8), late=st.integers(-100, 100))
    def test_the_expected_step_is_that_of_pyotp(self, seconds: int, late: int) -> None:
        time = at(seconds=seconds)
        assert drift_steps(sighting(time, **code(step(time) + late))) == late

    @pytest.mark.parametrize(("off", "drift"), [(2880, 2880), (2881, None), (-2880, -2880), (-2881, None)])
    def test_further_off_than_a_day_it_is_no_time(self, off: int, drift: int | None) -> None:
        assert drift_steps(sighting(at(), **code(step(at()) + off))) == drift

    @pytest.mark.parametrize("mfa", [code(), code(5, method="webauthn"), code(outcome="failure", counter=step(at()))])
    def test_others_have_none(self, mfa: dict[str, Any]) -> None:
        assert drift_steps(sighting(at(), **mfa)) is None

    def test_the_usual_one_is_the_middle_of_the_last_five(self) -> None:
        profile = Profile()
        for day, late in enumerate([9, 9, 9, 0, 1, 0, 5, 0]):
            remember(profile, sighting(at(day), id=f"e-{day}", **HOME, **code(step(at(day)) - late)), SAFE, POLICY)
        assert known(profile).drifts == [0, -1, 0, -5, 0]
        assert usual_drift(known(profile)) == 0

    def test_once_is_not_usual(self) -> None:
        profile = Profile()
        remember(profile, sighting(at(), **HOME, **code(step(at()))), SAFE, POLICY)
        assert usual_drift(known(profile)) is None

    def test_what_was_flagged_teaches_nothing_but_its_code_is_used(self) -> None:
        profile = Profile()
        remember(profile, sighting(at(), **AWAY, **code(step(at()))), FLAGGED, POLICY)
        assert (known(profile).drifts, known(profile).counters) == ([], [step(at())])

    def test_the_memory_is_bounded(self) -> None:
        profile = Profile()
        for minute in range(50):
            time = at(minutes=minute)
            remember(profile, sighting(time, id=f"e-{minute}", **HOME, **code(step(time))), SAFE, POLICY)
        assert (len(known(profile).counters), len(known(profile).drifts)) == (MAX_COUNTERS, MAX_DRIFTS)


class TestRemoval:
    def enrolled(self, **mfa: Any) -> Profile:
        profile = Profile()
        given = {"method": "webauthn", "device_id": "key", "outcome": "success"} | mfa
        given = {name: value for name, value in given.items() if value is not None}
        remember(profile, sighting(at(), **HOME, mfa=given), SAFE, POLICY)
        return profile

    def remove(self, profile: Profile, verdict: Verdict = SAFE, **fields: Any) -> None:
        fields = {"mfa": {"method": "webauthn", "device_id": "key"}} | fields
        remember(profile, sighting(at(1), id="off", type="mfa_removed", **fields), verdict, POLICY)

    def strength(self, profile: Profile, days: float = 1) -> int:
        return strongest_enrolled(profile, sighting(at(days)).time, POLICY)

    def test_from_home_it_is_gone(self) -> None:
        profile = self.enrolled()
        self.remove(profile, **HOME)
        assert profile.factors == {}

    @pytest.mark.parametrize(
        ("verdict", "fields"), [(SAFE, AWAY), (FLAGGED, HOME), (SAFE, HOME | {"actor": "admin"}), (SAFE, {})]
    )
    def test_from_elsewhere_it_counts_for_two_weeks_more(self, verdict: Verdict, fields: dict[str, Any]) -> None:
        profile = self.enrolled()
        self.remove(profile, verdict, **fields)
        assert self.strength(profile) == STRENGTH["webauthn"]
        assert self.strength(profile, 14.999) == STRENGTH["webauthn"]
        assert self.strength(profile, 15) == 0

    def test_without_an_id_the_only_one_of_the_method_is_meant(self) -> None:
        profile = self.enrolled()
        self.remove(profile, mfa={"method": "webauthn"}, **HOME)
        assert profile.factors == {}

    def test_and_none_of_several(self) -> None:
        profile = self.enrolled()
        second = {"method": "webauthn", "device_id": "key-2", "outcome": "success"}
        remember(profile, sighting(at(0.5), id="e-2", **HOME, mfa=second), SAFE, POLICY)
        self.remove(profile, mfa={"method": "webauthn"}, **HOME)
        assert len(profile.factors) == 2

    def test_a_factor_known_by_its_method(self) -> None:
        profile = self.enrolled(device_id=None)
        assert list(profile.factors) == ["webauthn"]
        self.remove(profile, mfa={"method": "webauthn"}, **HOME)
        assert profile.factors == {}

    def test_a_trusted_login_with_it_takes_the_removal_back(self) -> None:
        profile = self.enrolled()
        self.remove(profile, **AWAY)
        again = sighting(
            at(2), id="again", **HOME, mfa={"method": "webauthn", "device_id": "key", "outcome": "success"}
        )
        remember(profile, again, SAFE, POLICY)
        assert still_enrolled(known(profile), sighting(at(40)).time, POLICY)

    def test_a_passkey_without_an_id_is_known_as_such(self) -> None:
        assert factor_key(sighting(auth={"method": "passkey"})) == "webauthn"
        assert factor_key(sighting(auth={"method": "passkey"}, mfa={"method": "totp"})) == "totp"
        assert factor_key(sighting(mfa={"method": "none"})) is None


class TestOneLoginSumsUpAChallenge:
    def seen(self, profile: Profile, seconds: int, **fields: Any) -> bool:
        """Whether a login at that second sums up what was seen before; it is remembered."""
        come = sighting(at(seconds=seconds), id=f"login-{seconds}", **(code() | fields))
        summed = summed_up(profile, come)
        remember(profile, come, SAFE, POLICY)
        return summed

    def challenged(self, **fields: Any) -> Profile:
        profile = Profile()
        remember(profile, sighting(at(), id="c", type="mfa_challenge", **(code() | fields)), SAFE, POLICY)
        return profile

    def test_the_next_one_is_a_use_of_its_own(self) -> None:
        profile = self.challenged()
        assert [self.seen(profile, 5, session_id="a"), self.seen(profile, 9, session_id="b")] == [True, False]

    def test_also_when_the_first_was_of_the_same_session(self) -> None:
        profile = self.challenged(session_id="a")
        assert [self.seen(profile, 5, session_id="a"), self.seen(profile, 9, session_id="b")] == [True, False]

    def test_a_session_may_name_it_again(self) -> None:
        profile = self.challenged(session_id="a")
        assert [self.seen(profile, 5, session_id="a"), self.seen(profile, 9, session_id="a")] == [True, True]

    def test_a_session_that_changed_its_name_at_login_is_still_found(self) -> None:
        assert self.seen(self.challenged(session_id="before"), 5, session_id="after")
