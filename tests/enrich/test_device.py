"""The device is told from any agent string, and told as the user-agents library tells it."""

import gzip
import json

import pytest
import user_agents
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.enrich.device import CACHE, MAX_WORD, describe, parse
from sentinel.events.sighting import Device
from tests.shared_data import shared

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"
)
PIXEL = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0.6613.40 Mobile Safari/537.36"
)
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/128.0.6613.92 Mobile/15E148 Safari/604.1"
)
GOOGLEBOT = (
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like "
    "Gecko) Chrome/128.0.6613.84 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
    "+http://www.google.com/bot.html)"
)


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (CHROME, Device("Chrome", "128.0.0", "Windows", "10", "desktop")),
        (PIXEL, Device("Chrome Mobile", "128.0.6613", "Android", "14", "mobile")),
        (IPAD, Device("Chrome Mobile iOS", "128.0.6613", "iOS", "17.5", "tablet")),
        (GOOGLEBOT, Device("Googlebot", "2.1", "Android", "6.0.1", "bot")),
        ("curl/8.5.0", Device("curl", "8.5.0", None, None, "other")),
        ("no such thing", Device(type="other")),
        (
            "alice@example.org/1.0 CFNetwork/1.0 Darwin/20.1.0",
            Device(None, "1.0", "iOS", "14", "mobile"),
        ),
        (None, Device()),
        ("", Device()),
        ("  \t", Device()),
    ],
)
def test_what_an_agent_tells(agent: str | None, device: Device) -> None:
    assert describe(agent) == device


@pytest.mark.parametrize(
    "agent",
    [
        "A" * 2048,
        "(" * 2048,
        "\x00\x1b[31m\r\n" * 300,
        "Mozilla/5.0 (Linux; Android 10; " + "a " * 1000,
        "Firefox/" + "9" * 2040,
        "A" * 200 + "/1.0 CFNetwork/1.0 Darwin/20.1",
        "My\x00\x1bApp/1.0 CFNetwork/1.0 Darwin/20.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:²) Gecko/20100101 Firefox/²²",
        "Chrome/१२८.० \ud800 Safari",
    ],
    ids=[
        "letters",
        "brackets",
        "control",
        "android",
        "digits",
        "long name",
        "control name",
        "superscript",
        "surrogate",
    ],
)
def test_junk_has_a_type_and_short_printable_words(agent: str) -> None:
    device = describe(agent)
    assert device.type is not None
    for word in (device.browser, device.browser_version, device.os, device.os_version):
        assert word is None or (word.isprintable() and len(word) <= MAX_WORD)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=300),
    st.sampled_from(["", "Mozilla/5.0 (", "Chrome/", "Version/", "Android ", "CPU OS "]),
)
def test_no_agent_raises(text: str, before: str) -> None:
    assert describe(before + text) == describe.__wrapped__(before + text)


def test_the_cache_is_bounded_and_hit() -> None:
    describe.cache_clear()
    describe(CHROME)
    describe(CHROME)
    info = describe.cache_info()
    assert (info.hits, info.misses, info.maxsize) == (1, 1, CACHE)


def _answers(agent: object) -> tuple[object, ...]:
    names = ("browser", "os", "device", "is_pc", "is_mobile", "is_tablet", "is_bot", "is_touch_capable")
    return tuple(getattr(agent, name) for name in names)


def test_browsers_are_told_as_user_agents_tells_them() -> None:
    with gzip.open(shared("user-agents", "fake_useragent_browsers.jsonl.gz")) as file:
        agents = list(dict.fromkeys(json.loads(line)["useragent"] for line in file))
    for name in ("desktop", "mobile"):
        agents += json.loads(shared("user-agents", f"top-user-agents_{name}.json").read_text())
    assert len(agents) > 800
    # every fourth: the other side takes 1 ms each
    for agent in agents[::4]:
        assert _answers(parse(agent)) == _answers(user_agents.parse(agent)), agent


def test_people_are_told_from_their_kind_of_device() -> None:
    with gzip.open(shared("user-agents", "fake_useragent_browsers.jsonl.gz")) as file:
        rows = [json.loads(line) for line in file]
    wrong = [row for row in rows if describe(row["useragent"]).type != row["type"]]
    assert len(rows) == 6936
    assert len(wrong) <= 2  # two Android phones without the word "Mobile Safari"


def test_no_crawler_that_user_agents_knows_is_missed() -> None:
    crawlers = json.loads(shared("user-agents", "crawler-user-agents.json").read_text())
    agents = [agent for crawler in crawlers for agent in crawler["instances"]][::5]
    assert agents
    for agent in agents:
        assert parse(agent).is_bot or not user_agents.parse(agent).is_bot, agent
