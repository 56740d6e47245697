"""Logins, flagged ones and mails by day, as an SVG: three rows of bars, each to its own scale."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sentinel.picture import FONTS
from sentinel.report.figures import Report

_WIDTH: Final = 340
_LEFT: Final = 12
_ROW: Final = 104
_BARS: Final = 56
#: Colours that the colour-blind tell apart (Okabe and Ito 2008).
_ROWS: Final = (
    ("Logins", "logins", "#0072b2"),
    ("Flagged logins", "flagged", "#d55e00"),
    ("Mails sent", "mails", "#009e73"),
)
#: So many numbers and dates fit side by side.
_FIT: Final = 10


class _Bar(msgspec.Struct, frozen=True):
    x: float
    y: float
    width: float
    height: float
    number: str
    date: str


class _Row(msgspec.Struct, frozen=True):
    title: str
    colour: str
    top: int
    bars: list[_Bar]


def svg(report: Report) -> str:
    """The picture; it says what it shows for who cannot see it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    dates = [day.date for day in report.days]
    rows = [
        _Row(title, colour, 8 + at * _ROW, _bars([getattr(day, name) for day in report.days], dates))
        for at, (title, name, colour) in enumerate(_ROWS)
    ]
    label = f"Logins {report.logins}, flagged {report.flagged}, mails sent {sum(day.mails for day in report.days)}"
    return environment.get_template("plot.svg").render(
        width=_WIDTH, height=8 + len(rows) * _ROW, left=_LEFT, fonts=FONTS, bars=_BARS, rows=rows, label=label
    )


def _bars(numbers: Sequence[int], dates: Sequence[str]) -> list[_Bar]:
    most, step = max(numbers, default=0), (_WIDTH - 2 * _LEFT) / max(1, len(numbers))
    every = -(-len(numbers) // _FIT)
    return [
        _Bar(
            x=round(at * step + step * 0.15, 1),
            y=round(_BARS - (height := _BARS * number / most if most else 0), 1),
            width=round(step * 0.7, 1),
            height=round(height, 1),
            number=_short(number) if at % every == 0 else "",
            date=date[5:] if at % every == 0 else "",
        )
        for at, (number, date) in enumerate(zip(numbers, dates, strict=True))
    ]


def _short(number: int) -> str:
    """At most four characters.

    >>> [_short(number) for number in (0, 9999, 12_345, 2_500_000)]
    ['0', '9999', '12k', '2.5M']
    """
    if number < 10_000:
        return str(number)
    return f"{number / 1000:.0f}k" if number < 1_000_000 else f"{number / 1_000_000:.1f}M"
