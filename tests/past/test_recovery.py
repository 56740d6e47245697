"""Ways back into an account: which are remembered, and for how long."""

from typing import Any

import pytest

from sentinel.past.profile import MAX_RECOVERIES, Profile, TrustPolicy
from sentinel.past.recovery import hours_since
from sentinel.past.remember import Verdict, remember
from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, at, found, packaged, sighting

SAFE = Verdict(flagged=False, level="low")
HOME: dict[str, Any] = {"device_id": "laptop", "network": {"asn": 64500}}
AWAY: dict[str, Any] = {"device_id": "thief", "network": {"asn": 64501}}


def past(*events: dict[str, Any]) -> Profile:
    profile = Profile()
    for number, fields in enumerate([HOME, *events]):
        remember(profile, sighting(at(number), id=f"e-{number}", **fields), SAFE, TrustPolicy())
    return profile


@pytest.mark.parametrize(
    ("fields", "recoveries", "helped"),
    [
        ({"type": "recovery_used", **AWAY}, 1, 0),
        ({"type": "password_reset_requested"}, 1, 0),
        ({"type": "recovery_used", **HOME}, 0, 0),
        ({"type": "recovery_used", "outcome": "failure", **AWAY}, 0, 0),
        ({"type": "password_changed", **AWAY}, 0, 0),
        ({"type": "password_changed", "actor": "admin"}, 0, 1),
        ({"type": "password_reset_requested", "actor": "system"}, 0, 1),
        ({"type": "mfa_removed", "actor": "admin", **HOME}, 0, 1),
        ({"type": "mfa_enrolled", "actor": "admin"}, 0, 0),
        ({"type": "email_changed", "actor": "admin"}, 0, 0),
    ],
)
def test_what_counts(fields: dict[str, Any], recoveries: int, helped: int) -> None:
    profile = past(fields)
    assert (len(profile.recoveries), len(profile.helped)) == (recoveries, helped)


def test_the_latest_are_kept_in_order_whatever_order_they_come_in() -> None:
    profile = Profile()
    for day in (5, 1, 3, 2, 4, 0):
        asked = sighting(at(day), id=f"e-{day}", type="password_reset_requested")
        remember(profile, asked, SAFE, TrustPolicy())
    assert profile.recoveries == [sighting(at(day)).time for day in (2, 3, 4, 5)]
    assert len(profile.recoveries) == MAX_RECOVERIES


def test_a_late_event_is_judged_by_what_was_before_it() -> None:
    times = [sighting(at(day)).time for day in (0, 1, 3)]
    assert hours_since(times, sighting(at(2)).time) == 24
    assert hours_since(times[1:], sighting(at(0.5)).time) is None
    assert hours_since(times[:1], sighting(at(7)).time) == 168
    assert hours_since(times[:1], sighting(at(7, seconds=1)).time) is None


def test_the_service_says_that_it_was_the_person() -> None:
    story = Story(RuleSet(packaged()))
    for day in range(4):
        story(at(day), id=f"home-{day}", **HOME)
    story(at(5), id="asked", type="password_reset_requested", **AWAY)
    assert "recovery_takeover" in found(story(at(5, minutes=5), **AWAY))
    story.answer("asked", "legitimate")
    assert "recovery_takeover" not in found(story(at(5, minutes=9), **AWAY))
