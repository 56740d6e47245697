"""User agents of real browsers by their real share, moved along the calendar as browsers upgrade themselves.

Strings and shares are those of the ``fake-useragent`` package (its data: seen in the wild, April 2025); what the
calendar changes is the version in them. Browsers that were far behind then are stuck and stay so.
"""

import re
from bisect import bisect_right
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from sentinel.errors import SentinelError

#: When the package's strings were seen.
_SEEN: Final = date(2025, 4, 1)
#: A version released on a known day, and the mean days from one to the next (by the release calendars).
_CHROMIUM: Final = (134, date(2025, 3, 4), 30.0)
_FIREFOX: Final = (136, date(2025, 3, 4), 28.0)
#: Safari's first versions of a year; named after the next year since 2025.
_SAFARI: Final = ((date(2023, 9, 18), 17), (date(2024, 9, 16), 18), (date(2025, 9, 15), 26), (date(2026, 9, 14), 27))
#: Minor versions of Safari come about every other month.
_SAFARI_MINOR_DAYS: Final = 61
#: The last version for Windows 7 is 109; below are tools.
_OLDEST_CHROMIUM: Final = 100
#: Versions behind at which a browser no longer upgrades itself (an old system, a policy).
_STUCK: Final = 6

_CHROMIUM_TOKEN: Final = re.compile(r"\b(Chrome|CriOS|Edg|EdgA|EdgiOS)/(\d+)")
_FIREFOX_TOKEN: Final = re.compile(r"(Firefox/|rv:|Gecko/(?=\d{2,3}\.)|FxiOS/)(\d+)(?=\.)")
_SAFARI_TOKEN: Final = re.compile(r"Version/(\d+)(?:\.\d+)*(?=.*Safari/)")
_IOS_TOKEN: Final = re.compile(r"(CPU (?:iPhone )?OS )(\d+)((?:_\d+)*)")

#: Browsers taken: the apps of others (webviews) do not log in.
_BROWSERS: Final = frozenset(
    {
        "Chrome",
        "Edge",
        "Safari",
        "Firefox",
        "Opera",
        "Chrome Mobile",
        "Mobile Safari",
        "Samsung Internet",
        "Chrome Mobile iOS",
        "Firefox Mobile",
        "Firefox iOS",
        "Edge Mobile",
    }
)


class Agent(NamedTuple):
    """A browser on a system, as it was when the package's data was gathered."""

    text: str
    browser: str
    os: str
    type: str  #: desktop or mobile

    def at(self, day: date, lag: int) -> str:
        """What it sends on a day, upgrading itself ``lag`` days after a release."""
        return _moved(self.text, date.fromordinal(day.toordinal() - lag))


class Agents:
    """Agents drawn by their share of the world's browsers."""

    def __init__(self) -> None:
        """Raises :class:`SentinelError` when the package is not installed (the extra ``simulate``)."""
        try:
            from fake_useragent import FakeUserAgent
        except ImportError:
            raise SentinelError(
                "simulated people need the browsers of the package fake-useragent: pip install '.[simulate]' in the"
                " folder of sentinel's source, with the pip that installed it"
            ) from None
        shares: dict[Agent, float] = {}
        for row in FakeUserAgent(platforms=["desktop", "mobile"]).data_browsers:
            if row["browser"] in _BROWSERS and row["type"] in ("desktop", "mobile") and not _is_tool(row["useragent"]):
                agent = Agent(row["useragent"], row["browser"] or "", row["os"] or "", row["type"])
                shares[agent] = shares.get(agent, 0.0) + row["percent"]
        self._by_type: dict[str, tuple[list[Agent], list[float]]] = {}
        for kind in ("desktop", "mobile"):
            # The most common cover nearly everybody; the rest are oddities of single machines.
            held = sorted((each for each in shares if each.type == kind), key=lambda each: (-shares[each], each))[:150]
            self._by_type[kind] = (held, list(accumulate(shares[each] for each in held)))

    def draw(self, kind: str, roll: Random, like: Agent | None = None) -> Agent:
        """An agent of a kind (``desktop``, ``mobile``), of the same system as ``like`` if there is one."""
        held, weights = self._by_type[kind]
        for _ in range(40):
            found = roll.choices(held, cum_weights=weights)[0]
            if like is None or found.os == like.os:
                return found
        return like or held[0]

    def popular(self, kind: str, roll: Random) -> Agent:
        """One of the five most common."""
        return roll.choice(self._by_type[kind][0][:5])


def _is_tool(text: str) -> bool:
    """Ancient versions are crawlers and developers' emulations, not people."""
    found = _CHROMIUM_TOKEN.search(text)
    return found is not None and int(found[2]) < _OLDEST_CHROMIUM


def day_of(moment: float) -> date:
    """The UTC day of seconds since 1970."""
    return datetime.fromtimestamp(moment, UTC).date()


@lru_cache(maxsize=65_536)
def _moved(text: str, day: date) -> str:
    if "Firefox/" in text or "FxiOS/" in text:
        return _FIREFOX_TOKEN.sub(lambda found: found[1] + str(_next(int(found[2]), _FIREFOX, day)), text)
    text = _CHROMIUM_TOKEN.sub(lambda found: f"{found[1]}/{_next(int(found[2]), _CHROMIUM, day)}", text)
    safari = _SAFARI_TOKEN.search(text)
    if safari and int(safari[1]) >= _safari(_SEEN)[0] - 1:
        major, minor = _safari(day)
        text = _SAFARI_TOKEN.sub(f"Version/{major}.{minor}", text)
        # Apple froze the system's version in the agent with Safari 26.
        system = f"{major}_{minor}" if major < 26 else "18_7"
        text = _IOS_TOKEN.sub(lambda found: found[1] + system, text)
    return text


def _next(version: int, calendar: tuple[int, date, float], day: date) -> int:
    if version < _version(calendar, _SEEN) - _STUCK:
        return version
    return _version(calendar, day)


def _version(calendar: tuple[int, date, float], day: date) -> int:
    base, released, every = calendar
    return base + int((day - released).days // every)


def _safari(day: date) -> tuple[int, int]:
    index = max(0, bisect_right([released for released, _ in _SAFARI], day) - 1)
    released, major = _SAFARI[index]
    return major, min(6, max(0, (day - released).days) // _SAFARI_MINOR_DAYS)
