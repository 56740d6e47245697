"""The device from the user agent string, in words that many people share.

Built on the ``user-agents`` object (its rules for mobile, tablet, desktop and bot), which by itself takes
ua-parser's legacy path at about 1 ms an agent. Fed from ua-parser's native engine it takes some 40 µs and
says the same of browsers, while it knows some crawlers that the legacy path takes for people.
"""

import re
from functools import lru_cache
from typing import Any, Final

from ua_parser import Parser, load_lazy_builtins
from ua_parser.regex import Resolver
from user_agents.parsers import UserAgent, parse_browser, parse_device, parse_operating_system

from sentinel.events.sighting import Device

#: Agents remembered. Agents repeat: the most common thousand cover most traffic.
CACHE: Final = 16_384

#: Longest family name or version kept, in characters. ua-parser takes some names from the agent itself.
MAX_WORD: Final = 64

_UNKNOWN: Final = Device()

#: Programs that ua-parser has no name for, by the product their agent begins with: libraries that people's apps are
#: not made with, and tools that attackers bring.
_PROGRAMS: Final = frozenset(
    {
        "aiohttp", "colly", "feroxbuster", "ffuf", "gobuster", "guzzlehttp", "hydra", "java", "masscan", "nikto",
        "node-fetch", "nuclei", "openbullet", "phantomjs", "playwright", "powershell", "puppeteer", "python-httpx",
        "python", "reqwest", "ruby", "sqlmap", "undici", "urllib3", "wfuzz", "winhttp", "zgrab",
    }
)  # fmt: skip
_PRODUCT: Final = re.compile(r"(?:Mozilla/5\.0 )?\(?([A-Za-z][A-Za-z0-9_-]{0,31})(?:[/ ;)]|$)")


@lru_cache(maxsize=1)
def _parser() -> Parser:
    # without ua-parser's own cache: describe() has one, of results that are smaller
    return Parser(Resolver(load_lazy_builtins()))


def parse(user_agent: str) -> Any:
    """The ``user-agents`` object of an agent string, from the native engine.

    Raises ``ValueError`` for agents whose version has digits that are no numbers (superscripts).
    """
    result = _parser().parse(user_agent).with_defaults()
    browser, system, device = result.user_agent, result.os, result.device
    agent = UserAgent.__new__(UserAgent)
    agent.ua_string = user_agent
    agent.browser = parse_browser(browser.family, browser.major, browser.minor, browser.patch)
    agent.os = parse_operating_system(system.family, system.major, system.minor, system.patch, system.patch_minor)
    agent.device = parse_device(device.family, device.brand, device.model)
    return agent


@lru_cache(maxsize=CACHE)
def describe(user_agent: str | None) -> Device:
    """The device an agent string tells of; what it does not tell is ``None``. Never raises, whatever the
    text.

    Family names are ua-parser's (``Chrome`` and ``Chrome Mobile`` are two). A missing or empty agent is a
    device of which nothing is known; an agent that matches nothing has the type ``other``.
    """
    if not user_agent or user_agent.isspace():
        return _UNKNOWN
    try:
        agent = parse(user_agent)
    except ValueError:
        return Device(type="other")
    browser = _word(agent.browser.family)
    if browser is None and (program := _program(user_agent)) is not None:
        return Device(browser=program, type="bot")
    return Device(
        browser=browser,
        browser_version=_word(agent.browser.version_string),
        os=_word(agent.os.family),
        os_version=_word(agent.os.version_string),
        type=_type(agent),
    )


def _program(user_agent: str) -> str | None:
    found = _PRODUCT.match(user_agent)
    name = found[1].lower() if found else None
    return name if name in _PROGRAMS else None


def _type(agent: Any) -> str:
    # A mobile spider is a bot first, and an iPad with a mobile browser a tablet.
    if agent.is_bot:
        return "bot"
    if agent.is_tablet:
        return "tablet"
    if agent.is_mobile:
        return "mobile"
    return "desktop" if agent.is_pc else "other"


def _word(text: str) -> str | None:
    # An app names itself freely; an address is a person's, not a word that many share.
    if not text or text == "Other" or "@" in text:
        return None
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text[:MAX_WORD]
