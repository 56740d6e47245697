"""The picture is an SVG with a panel for each kind and a curve for each score; as PNG it is the same."""

from xml.etree import ElementTree

from sentinel.evaluation.compared import compared
from sentinel.evaluation.plot import STYLES, svg
from sentinel.evaluation.rows import NAMES
from sentinel.evaluation.scores import Run
from sentinel.picture import png
from tests.evaluation.rows import over, row

SVG = "{http://www.w3.org/2000/svg}"


def test_a_panel_for_each_kind_and_a_curve_for_each_score(scored: Run) -> None:
    found = compared(scored.rows)
    root = ElementTree.fromstring(svg(found))
    panels = root.findall(f"{SVG}g")
    assert len(panels) == len(found.kinds.keys() - found.sessions) >= 3
    for panel in panels:
        curves = [path.attrib["d"] for path in panel.findall(f"{SVG}path")]
        assert len(curves) == len(found.names) == 2
        # From nothing at the lower left to everything at the upper right.
        assert all(curve.startswith("M0,180.0") and curve.endswith("H240.0V0.0") for curve in curves)


def test_six_scores_have_colours_and_dashes_of_their_own() -> None:
    assert tuple(STYLES) == NAMES
    assert len({colour for colour, _ in STYLES.values()}) == len({dashes for _, dashes in STYLES.values()}) == 6
    scores = {"combined": 1.0, "impostor": 0.5, "likelihood": 1.0, "novelty": 1.0}
    root = ElementTree.fromstring(svg(over([row("legitimate", 1, **scores), row("vpn", 2, **scores)])))
    (panel,) = root.findall(f"{SVG}g")
    drawn = [(path.attrib["stroke"], path.get("stroke-dasharray", "")) for path in panel.findall(f"{SVG}path")]
    assert drawn == list(STYLES.values())
    assert [text.text for text in root.findall(f"{SVG}text")][1:] == list(NAMES)
    # Nothing sticks out at the right.
    assert float(root.attrib["width"]) > max(float(text.attrib["x"]) for text in root.findall(f"{SVG}text")) + 60


def test_nothing_to_draw_is_still_a_picture() -> None:
    assert ElementTree.fromstring(svg(over([]))).findall(f"{SVG}g") == []


def test_a_png_has_the_size_of_the_picture_twice_over() -> None:
    picture = svg(over([row("legitimate", 1), row("vpn", 2)]))
    drawn = png(picture)
    assert drawn.startswith(b"\x89PNG\r\n")
    root = ElementTree.fromstring(picture)
    size = int.from_bytes(drawn[16:20]), int.from_bytes(drawn[20:24])
    assert size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))
