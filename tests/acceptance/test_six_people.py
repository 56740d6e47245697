"""Issue 3, done when 1: six people with a month of logins from one place; five meet trouble, the fourth does not."""

from datetime import timedelta
from typing import Any

import pytest

from sentinel.events.assessment import Assessment
from sentinel.rules.ruleset import RuleSet
from tests.builders import START, Story, found, packaged

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
HOME: dict[str, Any] = {
    "ip": "192.0.2.7",
    "device_id": "laptop",
    "user_agent": FIREFOX,
    "place": {"country": "FR", "region": "Île-de-France", "lat": 48.9, "lon": 2.4, "accuracy_km": 20},
    "network": {"asn": 64496, "kind": "residential"},
}
TOLD = ("notify", "challenge", "block")


def time(day: float, **more: float) -> str:
    return (START + timedelta(days=day, **more)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def story() -> Story:
    """Six people, 20 daily logins each from one place; nothing of it is told to anybody."""
    story = Story(RuleSet(packaged()))
    for day in range(20):
        for person in range(1, 7):
            seen = story(time(day, minutes=7 * person + day), account=f"person-{person}", **HOME)
            assert seen.decision == "allow", (day, person, found(seen))
    return story


LAST = 19


def test_another_continent_with_a_new_device_ten_minutes_later(story: Story) -> None:
    told = story(
        time(LAST, minutes=36),
        account="person-1",
        ip="203.0.113.9",
        device_id="other",
        user_agent=CHROME,
        place={"country": "JP", "lat": 35.7, "lon": 139.7, "accuracy_km": 20},
        network={"asn": 64500, "kind": "residential"},
    )
    assert told.decision in ("challenge", "block")
    assert {"impossible_travel", "new_country", "new_device"} <= found(told)


def test_thirty_failures_in_five_minutes(story: Story) -> None:
    answers = [
        story(
            time(LAST, hours=2, seconds=10 * number),
            account="person-2",
            ip="203.0.113.9",
            outcome="failure",
            reason="bad_password",
            user_agent=CHROME,
        )
        for number in range(30)
    ]
    assert answers[-1].decision in TOLD
    assert answers[-1].alert is not None
    own = story(time(LAST, hours=3), account="person-2", **HOME)
    assert own.decision == "allow", found(own)


def test_a_tor_exit(story: Story) -> None:
    told = story(
        time(LAST + 1), account="person-3", **HOME | {"ip": "203.0.113.50", "network": {"asn": 64501, "kind": "tor"}}
    )
    assert told.decision in TOLD


def test_nothing_special(story: Story) -> None:
    quiet: list[Assessment] = [story(time(LAST + 1 + day, minutes=40), account="person-4", **HOME) for day in range(10)]
    assert {answer.decision for answer in quiet} == {"allow"}
    assert {answer.alert for answer in quiet} == {None}


def test_a_new_device_only(story: Story) -> None:
    told = story(time(LAST + 1), account="person-5", **HOME | {"device_id": "phone", "user_agent": CHROME})
    assert told.decision == "notify"
    assert found(told) == {"new_device"}


def test_a_new_country_three_days_later(story: Story) -> None:
    told = story(
        time(LAST + 3),
        account="person-6",
        **HOME
        | {
            "ip": "203.0.113.60",
            "place": {"country": "ES", "lat": 40.4, "lon": -3.7, "accuracy_km": 20},
            "network": {"asn": 64502, "kind": "residential"},
        },
    )
    assert told.decision == "notify"
    assert "new_country" in found(told)
    assert "new_device" not in found(told)
