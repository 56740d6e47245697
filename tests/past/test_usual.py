"""Usual places, and where a session was last."""

from typing import Any

import msgspec
import pytest

from sentinel.events.place import Network
from sentinel.past.profile import MAX_SESSIONS, MAX_USUAL, Profile, TrustPolicy
from sentinel.past.remember import Verdict, distrust_sighting, remember
from sentinel.past.usual import has_place, note_place, usual_km
from tests.builders import at, sighting

POLICY = TrustPolicy()
SAFE = Verdict(flagged=False, level="low")
FLAGGED = Verdict(flagged=True, level="medium")
PARIS: dict[str, Any] = {"country": "FR", "lat": 48.9, "lon": 2.4}
LYON: dict[str, Any] = {"country": "FR", "lat": 45.8, "lon": 4.8}
TOKYO: dict[str, Any] = {"country": "JP", "lat": 35.7, "lon": 139.7}


def test_near_logins_are_one_spot_and_far_ones_two() -> None:
    profile = Profile()
    for lat in (48.9, 49.0, 48.2, 45.8):
        note_place(profile, sighting(at(), place={"country": "FR", "lat": lat, "lon": 2.4}))
    assert [spot.logins for spot in profile.usual] == [3, 1]


def test_distance_is_from_the_nearest_with_both_radii_subtracted() -> None:
    profile = Profile()
    note_place(profile, sighting(at(), place=PARIS | {"accuracy_km": 30}))
    note_place(profile, sighting(at(), place=TOKYO))
    km = usual_km(profile, sighting(at(1), place=LYON | {"accuracy_km": 40}))
    assert km == pytest.approx(390 - 70, abs=5)
    assert usual_km(profile, sighting(at(1), place=PARIS)) == 0


def test_spots_are_bounded_and_those_unused_longest_go_first() -> None:
    profile = Profile()
    for number in range(MAX_USUAL + 3):
        note_place(profile, sighting(at(number), place={"country": "US", "lat": 40, "lon": -120 + 4 * number}))
    assert len(profile.usual) == MAX_USUAL
    assert min(spot.lon for spot in profile.usual) == -108


def test_a_spot_left_for_more_than_a_year_is_not_usual() -> None:
    profile = Profile()
    note_place(profile, sighting(at(), place=PARIS))
    assert usual_km(profile, sighting(at(365), place=LYON)) is not None
    assert usual_km(profile, sighting(at(366), place=LYON)) is None


@pytest.mark.parametrize("kind", ["vpn", "proxy", "tor", "relay", "hosting", "satellite"])
def test_what_hides_the_person_is_no_place_and_never_remembered(kind: str) -> None:
    hidden = sighting(at(), place=TOKYO, network={"kind": kind})
    assert not has_place(hidden)
    profile = Profile()
    remember(profile, hidden, SAFE, POLICY)
    assert profile.trusted_logins == 1
    assert profile.usual == profile.places == []


@pytest.mark.parametrize("ip", ["10.0.0.1", "127.0.0.1", "100.64.0.1", "192.0.2.1", "2001:db8::1", "fd00::1"])
def test_reserved_addresses_have_no_place(ip: str) -> None:
    assert not has_place(sighting(at(), ip=ip))


def test_a_companys_own_exit_is_no_place() -> None:
    seen = sighting(at(), place=PARIS, network={"asn": 64500})
    assert has_place(seen)
    assert not has_place(msgspec.structs.replace(seen, network=Network(asn=64500, office=True)))


def test_a_flagged_login_does_not_freshen_a_country_left_long_ago() -> None:
    profile = Profile()
    own = sighting(at(), id="a", place=PARIS)
    remember(profile, own, SAFE, POLICY)
    remember(profile, sighting(at(40), id="b", place=PARIS, device_id="theirs"), FLAGGED, POLICY)
    assert profile.values["country"]["FR"].last == own.time


def test_flagged_logins_leave_no_spot_and_taken_back_ones_none_either() -> None:
    profile = Profile()
    remember(profile, sighting(at(), id="a", place=TOKYO), FLAGGED, POLICY)
    assert profile.usual == []
    wrong = sighting(at(1), id="b", place=TOKYO)
    remember(profile, wrong, SAFE, POLICY)
    assert len(profile.usual) == 1
    distrust_sighting(profile, wrong, was_trusted=True)
    assert profile.usual == []
    assert profile.habit is not None
    assert not any(profile.habit.hours)


def test_a_session_is_where_it_was_last_judged_safe() -> None:
    profile = Profile()
    remember(profile, sighting(at(), id="a", session_id="s", place=PARIS), SAFE, POLICY)
    (session,) = profile.sessions.values()
    use = sighting(at(1), id="b", type="session_seen", outcome=None, session_id="s", place=LYON)
    remember(profile, use, SAFE, POLICY)
    moved = sighting(at(2), id="c", type="session_seen", outcome=None, session_id="s", place=TOKYO)
    remember(profile, moved, FLAGGED, POLICY)
    assert session.place is not None
    assert (session.place.lat, session.place.lon, session.place.time) == (45.8, 4.8, use.time)
    late = sighting(at(0, hours=1), id="d", type="session_seen", outcome=None, session_id="s", place=PARIS)
    remember(profile, late, SAFE, POLICY)
    assert session.place is not None
    assert session.place.lat == 45.8, "an event that comes late does not move it back"


def test_a_session_in_use_outlives_newer_ones() -> None:
    profile = Profile()
    remember(profile, sighting(at(), id="a", session_id="used"), SAFE, POLICY)
    used = sighting(at(), session_id="used").session
    for number in range(MAX_SESSIONS - 1):
        remember(profile, sighting(at(1 + number), id=f"b{number}", session_id=f"s-{number}"), SAFE, POLICY)
    remember(profile, sighting(at(30), id="c", type="session_seen", outcome=None, session_id="used"), SAFE, POLICY)
    for number in range(3):
        remember(profile, sighting(at(40 + number), id=f"d{number}", session_id=f"t-{number}"), SAFE, POLICY)
    assert len(profile.sessions) == MAX_SESSIONS
    assert used in profile.sessions
