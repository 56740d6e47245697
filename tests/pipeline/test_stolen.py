"""Stolen sessions, tokens and codes as whole stories: the thief is challenged, the owner is left alone."""

from datetime import timedelta
from typing import Any

import pytest

from sentinel.events.assessment import Assessment
from sentinel.rules.ruleset import RuleSet
from tests.builders import START, Story, found, packaged

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
)
LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
HOME: dict[str, Any] = {
    "device_id": "laptop",
    "user_agent": CHROME.format(140),
    "place": {"country": "DE", "lat": 52.5, "lon": 13.4, "accuracy_km": 20},
    "network": {"asn": 64496, "kind": "residential"},
}
SEEN: dict[str, Any] = {"type": "session_seen", "outcome": None, "session_id": "s"}
ABROAD: dict[str, Any] = {
    "place": {"country": "VN", "lat": 21.0, "lon": 105.8, "accuracy_km": 20},
    "network": {"asn": 65549, "kind": "residential"},
}
RENTED: dict[str, Any] = {"place": {"country": "NL"}, "network": {"asn": 65547, "kind": "hosting"}}


@pytest.fixture
def story() -> Story:
    story = Story(RuleSet(packaged()))
    for day in range(10):
        assert story(time(day), session_id=f"day-{day}", **HOME).decision == "allow"
    story(time(10), session_id="s", **HOME)
    return story


def time(day: float, **more: float) -> str:
    return (START + timedelta(days=day, **more)).isoformat().replace("+00:00", "Z")


def later(story: Story, minutes: float, **fields: Any) -> Assessment:
    return story(time(10, minutes=minutes), **SEEN | fields)


@pytest.mark.parametrize(
    "thief",
    [
        {"device_id": "theirs", "user_agent": LINUX, **ABROAD},
        {"device_id": "theirs", "user_agent": CHROME.format(140), **ABROAD},
        {"device_id": "laptop", "user_agent": CHROME.format(140), **ABROAD},
        {"device_id": "laptop", "user_agent": LINUX, **RENTED},
        {"device_id": "theirs", "user_agent": CHROME.format(140), **RENTED},
        {"device_id": "theirs", "user_agent": LINUX, "network": {"asn": 65546}, "place": HOME["place"]},
    ],
    ids=["abroad", "same agent", "copied cookie", "copied cookie, rented", "rented", "same town"],
)
def test_a_stolen_session_is_challenged(story: Story, thief: dict[str, Any]) -> None:
    answer = later(story, 30, **thief)
    assert answer.decision in ("challenge", "block"), found(answer)
    assert {"session_moved", "agent_mismatch"} & found(answer)
    again = later(story, 40, **HOME)
    assert again.decision == "allow", found(again)


def test_a_thief_does_not_make_the_place_the_sessions_own(story: Story) -> None:
    assert later(story, 30, device_id="laptop", user_agent=CHROME.format(140), **ABROAD).decision == "challenge"
    assert later(story, 31, device_id="laptop", user_agent=CHROME.format(140), **ABROAD).decision == "challenge"


def test_the_owner_moves_about(story: Story) -> None:
    """Wireless to carrier and back, an upgrade, another town by train, a VPN for a while."""
    carrier = {"network": {"asn": 64499, "kind": "mobile"}, "place": HOME["place"]}
    munich = {"place": {"country": "DE", "lat": 48.1, "lon": 11.6, "accuracy_km": 20}, "network": {"asn": 65541}}
    vpn = {"place": {"country": "CH"}, "network": {"asn": 65540, "kind": "relay"}}
    for minutes, where in ((5, carrier), (6, HOME), (300, munich), (310, vpn), (320, munich)):
        for version in (140, 141):
            answer = later(story, minutes, **HOME | where | {"user_agent": CHROME.format(version)})
            assert answer.decision == "allow", (minutes, found(answer))


def test_a_long_session_on_holiday_is_quiet(story: Story) -> None:
    answer = story(time(11), **SEEN | HOME | ABROAD)
    assert found(answer) == {"session_moved"}
    assert answer.decision == "allow"


def test_phishing_through_a_rented_machine(story: Story) -> None:
    """The proxy signs in with the person's words; whoever rented it goes on from home."""
    login = story(time(11), session_id="p", device_id="fresh", user_agent=CHROME.format(140), **RENTED)
    assert login.decision == "challenge"
    used = story(time(11, minutes=3), **SEEN | {"session_id": "p", "device_id": "fresh"} | ABROAD)
    assert "phishing_proxy" in found(used)
    assert used.decision in ("challenge", "block")


def test_a_device_code_confirmed_by_mistake(story: Story) -> None:
    answer = story(time(11), device_id="theirs", auth={"method": "device_code"}, **ABROAD)
    assert answer.decision in ("challenge", "block")
    assert "device_code_login" in found(answer)


def test_a_television_at_home_is_one_notice(story: Story) -> None:
    answer = story(time(11), **HOME | {"device_id": "tv", "user_agent": None, "auth": {"method": "device_code"}})
    assert answer.decision == "notify"
