"""events.csv: no cell is a formula, wherever a program splits it, and every value reads back."""

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from sentinel.export import sheet
from sentinel.export.data_event import EventData, NetworkData, PlaceData
from tests.export.samples import HOSTILE, life

#: Texts made of what could do harm, and of everything else.
texts = st.text(st.sampled_from("=+-@\t\r\n,;'\"|x1＝ ") | st.characters(codec="utf-8"), max_size=20)
FORMULAS = tuple("=+-@\t\r\n＝＋－＠")


def test_what_begins_like_a_formula_does_not() -> None:
    for begin in FORMULAS:
        assert sheet.neutralise(f"{begin}cmd|' /C calc'!A0").startswith("'")
    assert sheet.neutralise("Firefox 128") == "Firefox 128"


@given(texts)
@example("\t\t=")
@example("''=1")
@example("x;=1")
def test_every_cell_reads_back(text: str) -> None:
    assert sheet.restore(sheet.neutralise(text)) == text


@given(st.lists(texts, min_size=1, max_size=4))
@example([HOSTILE])
@example(['";=1+1;"'])
def test_no_cell_is_a_formula_whatever_the_separator(values: list[str]) -> None:
    event = EventData(
        id=values[0],
        time="2026-01-01T09:00:00Z",
        type="login",
        outcome="success",
        user_agent=values[-1],
        tags=values,
        network=NetworkData(organisation=values[0]),
    )
    data = sheet.heading() + sheet.row(event)
    assert next(sheet.read(data))["user_agent"] == values[-1]
    text = data.decode("utf-8-sig")
    for separator in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            assert [cell for cell in row if cell.startswith(FORMULAS)] == []


def test_rows_have_what_the_events_have() -> None:
    _, events, _ = life()
    data = sheet.heading() + b"".join(map(sheet.row, events))
    rows = list(sheet.read(data))
    assert [row["id"] for row in rows] == [event.id for event in events]
    thief = rows[12]
    assert (thief["ip"], thief["place.country"], thief["network.kind"]) == ("2001:db8:5::9", "JP", "hosting")
    assert thief["assessment.level"] == "critical"
    assert "new_country" in thief["assessment.rules"].split("|")
    assert rows[13]["user_agent"] == HOSTILE


def test_a_place_in_the_south_reads_back() -> None:
    event = EventData(
        id="e", time="2026-01-01T09:00:00Z", type="login", outcome="success", place=PlaceData(lat=-33.9, lon=-70.7)
    )
    data = sheet.heading() + sheet.row(event)
    assert b'"\'-33.9"' in data
    assert next(sheet.read(data))["place.lat"] == "-33.9"


def test_a_byte_order_mark_and_utf_8() -> None:
    event = EventData(id="é", time="2026-01-01T09:00:00Z", type="login", outcome="success")
    data = sheet.heading() + sheet.row(event)
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\xef\xbb\xbf") == 1
    assert "é" in data.decode("utf-8-sig")
    assert data.endswith(b"\r\n")


def test_columns_are_every_field_but_the_findings() -> None:
    flat = {name.split(".")[0] for name in sheet.COLUMNS}
    assert flat == set(EventData.__struct_fields__)
    assert len(set(sheet.COLUMNS)) == len(sheet.COLUMNS)
