"""Real agents of today are never called made up, programs are called programs; over public collections."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from sentinel.enrich.device import describe
from sentinel.events.clock import to_micros
from sentinel.events.sighting import Sighting
from sentinel.facts import FACTS, Look
from sentinel.facts.releases import major_of, newest_possible
from sentinel.past.profile import Profile, TrustPolicy
from tests.shared_data import shared

#: A month after the youngest collection was made.
NOW = to_micros(datetime(2026, 11, 1, tzinfo=UTC))


def flags(agent: str, at: int = NOW) -> tuple[bool, bool]:
    """Whether the agent is a program, and whether it cannot be."""
    seen = Sighting(tenant="default", key="k", time=at, type="login", outcome="success", device=describe(agent))
    look = Look(seen, Profile(), TrustPolicy())
    return bool(FACTS["device.automated"].compute(look)), bool(FACTS["device.impossible"].compute(look))


@pytest.mark.parametrize("kind", ["desktop", "mobile"])
def test_the_most_common_agents_are_people(kind: str) -> None:
    agents = json.loads(shared("user-agents", f"top-user-agents_{kind}.json").read_text())
    assert len(agents) > 10
    assert [agent for agent in agents if flags(agent) != (False, False)] == []


def test_seven_thousand_agents_of_people() -> None:
    with gzip.open(shared("user-agents", "fake_useragent_browsers.jsonl.gz"), "rt") as lines:
        agents = [json.loads(line)["useragent"] for line in lines]
    assert len(agents) > 6000
    wrong = [agent for agent in agents if flags(agent) != (False, False)]
    assert len(wrong) <= len(agents) // 1000, wrong


def test_crawlers_are_programs() -> None:
    crawlers = json.loads(shared("user-agents", "crawler-user-agents.json").read_text())
    agents = [agent for crawler in crawlers for agent in crawler.get("instances", [])]
    known = sum(flags(agent)[0] for agent in agents)
    assert len(agents) > 2000
    assert known / len(agents) > 0.6, "most say so by a name that ua-parser knows"


def test_old_agents_were_possible_in_their_time() -> None:
    windows = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
    )
    for version, day in ((51, (2016, 6, 1)), (80, (2020, 2, 5)), (100, (2022, 3, 30)), (140, (2025, 9, 3))):
        assert not flags(windows.format(version), to_micros(datetime(*day, tzinfo=UTC)))[1], version


@pytest.mark.parametrize(
    ("family", "version", "released"),
    [
        ("Chrome", 60, "2017-07-25"), ("Chrome", 94, "2021-09-21"), ("Chrome", 110, "2023-02-07"),
        ("Chrome", 131, "2024-11-12"), ("Chrome", 153, "2026-09-08"), ("Chrome", 154, "2026-09-22"),
        ("Firefox", 60, "2018-05-09"), ("Firefox", 78, "2020-06-30"), ("Firefox", 110, "2023-02-14"),
        ("Firefox", 128, "2024-07-09"), ("Firefox", 158, "2026-10-13"),
        ("Safari", 15, "2021-09-20"), ("Safari", 17, "2023-09-18"), ("Mobile Safari", 26, "2025-09-15"),
    ],
)  # fmt: skip
def test_releases_were_possible_on_the_day_they_came_out(family: str, version: int, released: str) -> None:
    day = to_micros(datetime.fromisoformat(released).replace(tzinfo=UTC))
    newest = newest_possible(family, day)
    assert newest is not None
    assert version <= newest <= version + 12, "nor is the bound so wide that it says nothing"


@pytest.mark.parametrize(
    ("text", "major"), [("128.0", 128), ("7", 7), ("", None), (None, None), ("x.1", None), ("9" * 40, None)]
)
def test_major_versions(text: str | None, major: int | None) -> None:
    assert major_of(text) == major
