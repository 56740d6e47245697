"""Bounds of a profile: a flood of new values must not wash out what matters."""

from sentinel.past.profile import (
    MAX_FACTORS,
    MAX_SESSIONS,
    MAX_VALUES,
    Profile,
    TrustPolicy,
    decode_profile,
    encode_profile,
)
from sentinel.past.remember import Verdict, distrust_sighting, remember
from tests.builders import at, sighting

POLICY = TrustPolicy()
FLAGGED = Verdict(flagged=True, level="medium")
SAFE = Verdict(flagged=False, level="low")


def flood(profile: Profile, count: int, verdict: Verdict = FLAGGED) -> None:
    for number in range(count):
        seen = sighting(at(2, minutes=number), device_id=f"other-{number}", session_id=f"s-{number}")
        remember(profile, seen, verdict, POLICY)


def test_a_flood_of_untrusted_devices_leaves_the_trusted_one() -> None:
    profile = Profile()
    own = sighting(at(1), device_id="laptop")
    remember(profile, own, SAFE, POLICY)
    flood(profile, 3 * MAX_VALUES)
    assert len(profile.values["device"]) == MAX_VALUES
    assert profile.trusts("device", own.device_key, own.time, POLICY)


def test_a_flood_does_not_make_anybody_forget_what_was_compromised() -> None:
    profile = Profile()
    stolen = sighting(at(1), device_id="thief", session_id="stolen")
    distrust_sighting(profile, stolen, was_trusted=False)
    flood(profile, 3 * MAX_VALUES)
    again = sighting(at(3), device_id="thief", session_id="fresh")
    assert not remember(profile, again, SAFE, POLICY)
    same_session = sighting(at(3), device_id="clean", session_id="stolen")
    assert not remember(profile, same_session, SAFE, POLICY)


def test_everything_is_bounded() -> None:
    profile = Profile()
    for number in range(300):
        seen = sighting(
            at(number),
            id=f"e-{number}",
            device_id=f"d-{number}",
            session_id=f"s-{number}",
            network={"asn": 64500 + number},
            place={"country": "FR", "lat": 48, "lon": 2},
            mfa={"method": "totp", "device_id": f"f-{number}", "outcome": "success"},
        )
        remember(profile, seen, SAFE, POLICY)
        remember(profile, sighting(at(number), type="mfa_challenge", outcome="failure"), SAFE, POLICY)
        distrust_sighting(profile, sighting(at(number), session_id=f"other-{number}"), was_trusted=False)
    assert len(profile.sessions) <= MAX_SESSIONS
    assert len(profile.factors) <= MAX_FACTORS
    assert all(len(values) <= MAX_VALUES for values in profile.values.values())
    assert len(encode_profile(profile)) < 32_000


def test_a_profile_reads_the_same_again() -> None:
    profile = Profile()
    flood(profile, 5, SAFE)
    assert decode_profile(encode_profile(profile)) == profile
