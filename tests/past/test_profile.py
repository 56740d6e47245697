"""Bounds of a profile: a flood of new values must not wash out what matters."""

import pytest

from sentinel.events.sighting import Sighting
from sentinel.past.profile import (
    MAX_COMPROMISED,
    MAX_FACTORS,
    MAX_SESSIONS,
    MAX_VALUES,
    Profile,
    Right,
    TrustPolicy,
    decode_profile,
    encode_profile,
    objection_of,
)
from sentinel.past.remember import Verdict, distrust_sighting, remember
from sentinel.pipeline.answers import apply_answer
from sentinel.store.protocol import Record
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


def test_strange_logins_leave_the_sessions_of_trusted_ones() -> None:
    profile = Profile()
    kept = [sighting(at(1, minutes=number), id=f"own-{number}", session_id=f"own-{number}") for number in range(8)]
    for own in kept:
        remember(profile, own, SAFE, POLICY)
    flood(profile, 3 * MAX_SESSIONS)
    assert len(profile.sessions) == MAX_SESSIONS
    assert {own.session for own in kept} <= profile.sessions.keys()


def test_answers_to_an_attack_leave_the_trusted_device_and_a_bounded_profile() -> None:
    profile = Profile()
    own = sighting(at(1), device_id="laptop")
    remember(profile, own, SAFE, POLICY)
    tries = [sighting(at(2, minutes=n), id=f"t-{n}", outcome="failure", device_id=f"bot-{n}") for n in range(300)]
    for tried in tries:
        apply_answer(profile, tried, _record(tried), "compromised")
    assert profile.trusts("device", own.device_key, own.time, POLICY)
    assert len(profile.values["device"]) == MAX_VALUES
    assert len(profile.compromised) == MAX_COMPROMISED
    assert min(profile.compromised.values()) == tries[0].time, "it still says since when"
    assert tries[-1].key in profile.compromised


def test_trusted_devices_leave_those_that_somebody_said_no_to() -> None:
    """Someone whose browser forgets its id each time has hundreds of them."""
    profile = Profile()
    thief = sighting(at(1), id="thief", device_id="thief")
    distrust_sighting(profile, thief, was_trusted=False)
    flood(profile, 3 * MAX_VALUES, SAFE)
    assert not remember(profile, sighting(at(3), id="again", device_id="thief"), SAFE, POLICY)


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


def _record(seen: Sighting) -> Record:
    return Record(
        key=seen.key, tenant="default", account=seen.account, time=seen.time, type=seen.type, body=b"",
        sighting=b"", windows=b"", assessment=b"",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("objected_at", "said", "stands"),
    [
        (0, [], None),
        (0, ["restricted", "lifted"], None),
        (1, ["objected"], "open"),
        (1, ["objected", "upheld"], "upheld"),
        (0, ["objected", "rejected"], "rejected"),
        (3, ["objected", "rejected", "objected"], "open"),
        # Of two accounts that became one: the one's rejection does not answer the other's objection.
        (1, ["objected", "objected", "rejected"], "open"),
        (1, ["objected", "upheld", "objected", "rejected"], "upheld"),
        # So often asked for something else since that the objection is not among the newest.
        (1, ["restricted"] * 64, "open"),
    ],
)
def test_how_an_objection_stands(objected_at: int, said: list[str], stands: str | None) -> None:
    rights = [Right(time, what, "person") for time, what in enumerate(said, 1)]
    assert objection_of(Profile(objected_at=objected_at, rights=rights)) == stands
