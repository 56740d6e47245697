"""Calibration and percentiles: lines between points, nothing beyond the ends."""

from math import nan
from typing import Any

import pytest

from sentinel.models.calibration import QUANTILES, Calibration, Percentiles, sigmoid


def test_between_points_on_a_line_and_beyond_as_at_the_end() -> None:
    calibration = Calibration(x=(0.2, 0.4, 0.8), y=(0.0, 0.1, 0.9))
    assert [calibration(x) for x in (0.0, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)] == pytest.approx(
        [0.0, 0.0, 0.05, 0.1, 0.5, 0.9, 0.9]
    )
    assert Calibration(x=(0.5,), y=(0.25,))(0.9) == 0.25


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ({"x": (), "y": ()}, "1 to"),
        ({"x": (0.1,), "y": (0.1, 0.2)}, "each of x and y"),
        ({"x": (0.1, 0.1), "y": (0.1, 0.2)}, "increasing"),
        ({"x": (0.1, nan), "y": (0.1, 0.2)}, "increasing"),
        ({"x": (0.1, 0.2), "y": (0.2, 0.1)}, "never decrease"),
        ({"x": (0.1, 0.2), "y": (0.1, 1.1)}, "from 0 to 1"),
    ],
)
def test_other_points_are_refused(points: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Calibration(**points)


def test_percentile_is_the_share_that_scored_less() -> None:
    even = Percentiles(quantiles=tuple(n / 1000 for n in range(QUANTILES)))
    assert [even(score) for score in (-1.0, 0.0, 0.25, 0.9995, 2.0)] == pytest.approx([0, 0, 25, 99.95, 100])
    # Half of the rows have one score: it is nothing special.
    half = Percentiles(quantiles=(0.1,) * 300 + (0.4,) * 500 + tuple(0.5 + n / 1000 for n in range(201)))
    assert half(0.4) == pytest.approx(30)
    assert half(0.1) == 0
    with pytest.raises(ValueError, match="1001 quantiles"):
        Percentiles(quantiles=(0.0, 1.0))
    with pytest.raises(ValueError, match="never decrease"):
        Percentiles(quantiles=(0.5,) * 1000 + (0.4,))
    with pytest.raises(ValueError, match="0 to 1"):
        Percentiles(quantiles=(0.5,) * 1000 + (nan,))


def test_sigmoid_of_anything() -> None:
    assert [sigmoid(x) for x in (-1e6, 0.0, 1e6)] == [0.0, 0.5, 1.0]
    assert sigmoid(2.0) == pytest.approx(1 - sigmoid(-2.0))
