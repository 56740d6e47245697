import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.alert import alert_id
from sentinel.events.assessment import LEVEL_ORDER, level_of
from sentinel.events.clock import DAY, to_datetime, to_micros, to_text, utc_day


@pytest.mark.parametrize(
    ("risk", "level"),
    [
        (0, "low"),
        (29.99, "low"),
        (30, "medium"),
        (59.99, "medium"),
        (60, "high"),
        (84.99, "high"),
        (85, "critical"),
        (100, "critical"),
    ],
)
def test_levels_begin_where_the_contract_says(risk: float, level: str) -> None:
    assert level_of(risk) == level


@given(st.floats(0, 100), st.floats(0, 100))
def test_more_risk_is_never_a_lower_level(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert LEVEL_ORDER[level_of(low)] <= LEVEL_ORDER[level_of(high)]


def test_an_alerts_id_tells_account_kind_and_first_event_apart() -> None:
    ids = {
        alert_id("u-1", "attack", "e-1"),
        alert_id("u-1", "attack", "e-2"),
        alert_id("u-2", "attack", "e-1"),
        alert_id("u-1", "summary", "e-1"),
        alert_id(None, "campaign", "e-1"),
    }
    assert len(ids) == 5
    assert alert_id("u-1", "attack", "e-1") in ids


@given(st.integers(0, 8000 * 365 * DAY))
def test_an_instant_survives_every_form(micros: int) -> None:
    assert to_micros(to_datetime(micros)) == micros
    assert utc_day(micros) * DAY <= micros < (utc_day(micros) + 1) * DAY


def test_text_shows_a_fraction_only_when_there_is_one() -> None:
    assert to_text(1_500_000) == "1970-01-01T00:00:01.500000Z"
    assert to_text(1_000_000) == "1970-01-01T00:00:01Z"
