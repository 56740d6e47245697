"""What usage is counted by: fixed lists, the same for everybody, so that no name in them tells that somebody came."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, get_args

import msgspec

from sentinel.enrich.countries import load_countries
from sentinel.events.event import AuthMethod
from sentinel.events.sighting import Device, Sighting

#: Cells beside the named ones: the value is not in the list, or nothing is known.
OTHER: Final = "other"
UNKNOWN: Final = "unknown"

#: Families of ua-parser, on the left, by the name they are counted under; what stands alone is called the same.
_FAMILIES: Final = {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Chromium": "Chrome",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Safari",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Edge Mobile": "Edge",
    "Opera Mobile": "Opera",
    "Opera Mini": "Opera",
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer",
    "DuckDuckGo Mobile": "DuckDuckGo",
}
#: Everything that is no person's browser.
_PROGRAM: Final = "program"
_BROWSERS: Final = (
    "Chrome", "Safari", "Firefox", "Edge", "Opera", "Samsung Internet", "Brave", "Vivaldi", "DuckDuckGo",
    "Yandex Browser", "UC Browser", "Internet Explorer", "Electron", "Android", _PROGRAM, OTHER, UNKNOWN,
)  # fmt: skip


class Dimension(msgspec.Struct, frozen=True):
    """What accounts are counted by: all ``values`` there are, and to how many cells one account adds 1 a day."""

    name: str
    values: tuple[str, ...]
    most: int


@lru_cache(1)
def dimensions() -> tuple[Dimension, ...]:
    """Every dimension; an account is in ``logins`` at most once as let in and once as turned away."""
    return (
        Dimension("logins", ("success", "failure", "blocked"), 2),
        Dimension("methods", (*get_args(AuthMethod), UNKNOWN), 1),
        Dimension("browsers", _BROWSERS, 1),
        Dimension("countries", (*sorted(load_countries()), OTHER, UNKNOWN), 1),
    )


@lru_cache(1)
def cells() -> dict[str, int]:
    """Every cell, as ``countries/FR``, and its place in a tally."""
    names = [f"{dimension.name}/{value}" for dimension in dimensions() for value in dimension.values]
    return {name: place for place, name in enumerate(names)}


def cells_of(sighting: Sighting) -> Iterator[int]:
    """Where an account's first success of the day, or its first refusal, is counted.

    A refusal says what was tried on an account, not how its person lives: it is in ``logins`` alone.
    """
    known = cells()
    yield known[f"logins/{sighting.outcome}"]
    if sighting.outcome == "success":
        yield known[f"methods/{sighting.auth_method or UNKNOWN}"]
        yield known[f"browsers/{_browser(sighting.device)}"]
        country = sighting.place.country
        yield known.get(f"countries/{country or UNKNOWN}", known[f"countries/{OTHER}"])


def _browser(device: Device) -> str:
    if device.type == "bot":
        return _PROGRAM
    if device.browser is None:
        return UNKNOWN
    family = _FAMILIES.get(device.browser, device.browser)
    # An app may call itself like one of our own words.
    return family if family in _BROWSERS[: -len((_PROGRAM, OTHER, UNKNOWN))] else OTHER
