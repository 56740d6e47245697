"""What the rule about impostors makes of a model's probability."""

import pytest

from sentinel.facts import Look
from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, at, packaged

FOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
)
PLACE = {"country": "FR", "region": "IDF", "lat": 48.9, "lon": 2.4}
HOME = {"ip": "203.0.113.7", "network": {"asn": 64500, "kind": "residential"}, "place": PLACE}
CARRIER = {"ip": "198.51.100.9", "network": {"asn": 64501, "kind": "mobile"}, "place": PLACE}


class Saying:
    """A model that says the same of every login."""

    def __init__(self, probability: float) -> None:
        self.probability = probability
        self.versions = {"impostor": "2026-01-01"}

    def impostor(self, look: Look) -> float | None:
        return self.probability

    def likelihood(self, look: Look) -> float | None:
        return None

    def novelty(self, look: Look) -> float | None:
        return None

    def reasons(self, look: Look, kind: str) -> list[str]:
        return []


def at_home(probability: float) -> Story:
    """An account that came every day for three weeks, always from home."""
    story = Story(RuleSet(packaged()), scorer=Saying(probability))
    for day in range(20):
        story.judged(at(day), device_id="laptop", user_agent=FOX, **HOME)
    return story


@pytest.mark.parametrize("probability", [0.0, 0.39, 0.4, 0.5, 0.9, 0.99, 1.0])
def test_attackers_are_ten_times_rarer_than_in_training(probability: float) -> None:
    assessment = at_home(probability).judged(at(20), device_id="phone", user_agent=PHONE, **CARRIER).assessment
    found = [finding.risk for finding in assessment.findings if finding.rule == "model_impostor"]
    if probability < 0.4:
        assert found == []
    elif probability == 1:
        assert found == [60]
    else:
        odds = probability / (1 - probability) / 10
        assert found == [pytest.approx(60 * odds / (1 + odds), abs=0.01)]


def test_an_even_chance_keeps_nobody_from_a_first_phone() -> None:
    story = at_home(0.5)
    first = story.judged(at(20), device_id="phone", user_agent=PHONE, **CARRIER)
    assert {"model_impostor", "new_device", "new_network"} <= {each.rule for each in first.assessment.findings}
    assert (first.assessment.level, first.assessment.decision, first.trusted) == ("medium", "notify", False)
    for day in range(21, 40):
        last = story.judged(at(day), device_id="phone", user_agent=PHONE, **CARRIER)
    assert (last.assessment.findings, last.trusted) == ([], True)


def test_near_certainty_challenges_a_new_device_on_a_new_network() -> None:
    sure = at_home(0.99).judged(at(20), device_id="phone", user_agent=PHONE, **CARRIER)
    assert (sure.assessment.level, sure.assessment.decision) == ("high", "challenge")
