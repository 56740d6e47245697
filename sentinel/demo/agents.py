"""User agents of current browsers, as the browsers of a given day would send them."""

from datetime import UTC, date, datetime
from typing import Final

#: A version released on a known day, and the mean days from one to the next (by the release calendars).
_CHROME: Final = (120, date(2023, 12, 5), 31.6)
_FIREFOX: Final = (120, date(2023, 11, 21), 28.8)
#: Safari and iOS are named after the year that follows their release in September.
_APPLE_MONTH: Final = 9

#: Systems as browsers tell them; the versions in them are frozen, that of iOS since its version 26.
_SYSTEMS: Final = {
    "windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
    "macos": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)",
    "android": "Mozilla/5.0 (Linux; Android 10; K)",
    "iphone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X)",
}
_WEBKIT: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

_TEXTS: Final = {
    "chrome-windows": "{windows} {webkit} Chrome/{chrome}.0.0.0 Safari/537.36",
    "chrome-macos": "{macos} {webkit} Chrome/{chrome}.0.0.0 Safari/537.36",
    "chrome-linux": "Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/{chrome}.0.0.0 Safari/537.36",
    "chrome-android": "{android} {webkit} Chrome/{chrome}.0.0.0 Mobile Safari/537.36",
    "chrome-ios": "{iphone} {apple} CriOS/{chrome}.0.0.0 Mobile/15E148 Safari/604.1",
    "edge-windows": "{windows} {webkit} Chrome/{chrome}.0.0.0 Safari/537.36 Edg/{chrome}.0.0.0",
    "firefox-windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{firefox}.0) Gecko/20100101 Firefox/{firefox}.0",
    "firefox-macos": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:{firefox}.0) Gecko/20100101 Firefox/{firefox}.0",
    "firefox-linux": "Mozilla/5.0 (X11; Linux x86_64; rv:{firefox}.0) Gecko/20100101 Firefox/{firefox}.0",
    "firefox-android": "Mozilla/5.0 (Android 15; Mobile; rv:{firefox}.0) Gecko/{firefox}.0 Firefox/{firefox}.0",
    "safari-macos": "{macos} {apple} Version/{safari} Safari/605.1.15",
    "safari-ios": "{iphone} {apple} Version/{safari} Mobile/15E148 Safari/604.1",
}
LAPTOPS: Final = (
    "chrome-windows",
    "chrome-windows",
    "edge-windows",
    "firefox-windows",
    "chrome-macos",
    "safari-macos",
    "firefox-linux",
)
PHONES: Final = (
    "chrome-android",
    "chrome-android",
    "safari-ios",
    "safari-ios",
    "chrome-ios",
    "firefox-android",
)
BROWSERS: Final = tuple(_TEXTS)


def user_agent(browser: str, moment: datetime) -> str:
    """What ``browser`` (of :data:`BROWSERS`) sends at ``moment`` (aware): versions grow with the calendar.

    >>> user_agent("firefox-linux", datetime(2026, 1, 1, tzinfo=UTC))
    'Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0'
    """
    day = moment.astimezone(UTC).date()
    year = day.year - 2000 + (day.month >= _APPLE_MONTH)
    return _TEXTS[browser].format(
        webkit=_WEBKIT,
        apple=_APPLE,
        chrome=_version(*_CHROME, day),
        firefox=_version(*_FIREFOX, day),
        safari=f"{year}.0",
        **_SYSTEMS,
    )


def _version(base: int, released: date, every: float, day: date) -> int:
    return base + max(0, int((day - released).days / every))
