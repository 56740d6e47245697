"""Which browser versions can exist at a time: release dates and paces, so that a version from the future shows.

The bound errs on the late side: betas and nightlies run ahead of releases, and makers have quickened their pace
before (Chrome 94, 153; Firefox 154), so beyond the table's last line one major version a week is thought
possible. Dates are those of the stable release by the makers' release notes; Apple's betas appear in June for
September. A line is added when a pace changes; forgetting to costs a missed forgery years ahead, never a false
alarm.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from sentinel.events.clock import DAY, to_micros


class _Line(NamedTuple):
    """Major version ``version`` came out at ``at`` (micros), the following ones every ``days``."""

    version: int
    at: int
    days: int


def _line(version: int, date: str, days: int) -> _Line:
    return _Line(version, to_micros(datetime.fromisoformat(date).replace(tzinfo=UTC)), days)


_CHROMIUM: Final = (
    _line(50, "2016-04-13", 42),
    _line(94, "2021-09-21", 28),
    _line(128, "2024-08-20", 28),
    _line(144, "2026-01-13", 28),
    _line(153, "2026-09-08", 7),
)
_FIREFOX: Final = (
    _line(50, "2016-11-15", 42),
    _line(71, "2019-12-03", 28),
    _line(100, "2022-05-03", 28),
    _line(137, "2025-04-01", 28),
    _line(154, "2026-08-18", 7),
)
#: A year apart; 26 followed 18 when Apple began to name versions after the year.
_APPLE: Final = (
    _line(13, "2019-09-19", 365),
    _line(18, "2024-09-16", 365),
    _line(26, "2025-09-15", 365),
    _line(27, "2026-09-14", 365),
)

#: Major versions that previews run ahead of the release (Chrome's canary: three).
_PREVIEWS: Final = 4

#: How long before a release Apple's previews appear.
_APPLE_PREVIEW: Final = 110 * DAY

#: Families that number in step: which lines hold for them.
_LINES: Final = {
    **dict.fromkeys(
        ("Chrome", "Chrome Mobile", "Chrome Mobile WebView", "Chrome Mobile iOS", "Edge", "Edge Mobile"), _CHROMIUM
    ),
    **dict.fromkeys(("Firefox", "Firefox Mobile", "Firefox iOS"), _FIREFOX),
    **dict.fromkeys(("Safari", "Mobile Safari"), _APPLE),
}


def newest_possible(family: str, at: int) -> int | None:
    """The highest major version of a browser family that may exist at ``at`` (micros); ``None``: not known.

    >>> newest_possible("Firefox", _line(0, "2025-06-01", 1).at), newest_possible("Lynx", 0)
    (143, None)
    """
    lines = _LINES.get(family)
    if lines is None:
        return None
    apple = lines is _APPLE
    at += _APPLE_PREVIEW if apple else 0
    line = next((line for line in reversed(lines) if line.at <= at), None)
    if line is None:
        return None
    return line.version + (at - line.at) // (line.days * DAY) + (0 if apple else _PREVIEWS)


def major_of(version: str | None) -> int | None:
    """The major version in a text as ``128.0.1``; ``None`` when it is no number of at most six digits.

    >>> major_of("128.0.1"), major_of(None)
    (128, None)
    """
    head = (version or "").partition(".")[0]
    return int(head) if head.isascii() and head.isdigit() and len(head) <= 6 else None
