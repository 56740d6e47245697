"""The picture is an SVG with a panel for each kind and a curve for each score."""

from xml.etree import ElementTree

from sentinel.evaluation.plot import svg
from sentinel.evaluation.scores import NAMES, Run
from sentinel.evaluation.tables import compared

SVG = "{http://www.w3.org/2000/svg}"


def test_a_panel_for_each_kind_and_a_curve_for_each_score(scored: Run) -> None:
    over = compared(scored.rows)
    root = ElementTree.fromstring(svg(over))
    panels = root.findall(f"{SVG}g")
    assert len(panels) == len(over.kinds.keys() - over.sessions) >= 3
    for panel in panels:
        curves = [path.attrib["d"] for path in panel.findall(f"{SVG}path")]
        assert len(curves) == len(NAMES)
        # From nothing at the lower left to everything at the upper right.
        assert all(curve.startswith("M0,180.0") and curve.endswith("H240.0V0.0") for curve in curves)


def test_nothing_to_draw_is_still_a_picture() -> None:
    assert ElementTree.fromstring(svg(compared([]))).findall(f"{SVG}g") == []
