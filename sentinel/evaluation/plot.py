"""The curves as an SVG: people bothered against attackers caught, one panel a kind of attacker.

A template instead of a plotting library, which would weigh more than all of sentinel's other dependencies together.
The lower axis is logarithmic: what matters happens below 10 of 1,000.
"""

from collections.abc import Sequence
from math import log10
from pathlib import Path
from typing import Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sentinel.evaluation.curves import roc
from sentinel.evaluation.scores import NAMES
from sentinel.evaluation.tables import Compared, column

#: People bothered: from 0.1 of 1,000 to all of them.
_DECADES: Final = 4
_WIDTH, _HEIGHT, _COLUMNS = 240, 180, 3
#: One for each score: dark blue, orange; apart for the colour-blind too, and one is dashed.
COLOURS: Final = ("#1f4e9c", "#d9730d")


class _Panel(msgspec.Struct, frozen=True):
    kind: str
    attackers: int
    left: int
    top: int
    lines: list[str]


def svg(over: Compared) -> str:
    """The picture; a kind of which only sessions were seen is left out, as in the tables."""
    kinds = [kind for kind in over.kinds if kind not in over.sessions and over.people]
    panels = []
    for number, kind in enumerate(kinds):
        row, place = divmod(number, _COLUMNS)
        curves = [roc(over.of(kind, score), column(over.people, score)) for score in range(len(NAMES))]
        panel = _Panel(
            kind=kind,
            attackers=len(over.kinds[kind]),
            left=60 + place * (_WIDTH + 50),
            top=70 + row * (_HEIGHT + 70),
            lines=[_path(curve) for curve in curves],
        )
        panels.append(panel)
    rows = -(-len(kinds) // _COLUMNS)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("roc.svg").render(
        width=40 + min(max(len(kinds), 1), _COLUMNS) * (_WIDTH + 50),
        height=90 + rows * (_HEIGHT + 70),
        panel_width=_WIDTH,
        panel_height=_HEIGHT,
        panels=panels,
        scores=list(zip(NAMES, COLOURS, strict=True)),
        ticks=[(_x(share), f"{1000 * share:g}") for share in (0.0001, 0.001, 0.01, 0.1, 1.0)],
        marks=[(_HEIGHT * (1 - share), f"{100 * share:.0f} %") for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
        people=len(over.people),
    )


def _path(curve: Sequence[tuple[float, float]]) -> str:
    """A curve of steps: between two thresholds nothing more is caught."""
    points = [f"M0,{_HEIGHT * (1 - curve[0][1]):.1f}"]
    drawn = ""
    for people, attackers in curve:
        step = f"H{_x(people):.1f}V{_HEIGHT * (1 - attackers):.1f}"
        if step != drawn:
            points.append(step)
        drawn = step
    return "".join(points)


def _x(share: float) -> float:
    return 0.0 if share <= 10**-_DECADES else _WIDTH * (1 + log10(share) / _DECADES)
