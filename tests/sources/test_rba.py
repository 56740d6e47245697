"""The risk-based-authentication data set's CSV."""

import csv
import io
import json

import pytest

from sentinel.errors import FieldError
from sentinel.events.event import Event
from sentinel.sources import SOURCES, Line, Options, SourceError, cut
from sentinel.sources.rba import COLUMNS, MAX_SPAN
from tests.shared_data import shared

ROW = {
    "Login Timestamp": "2020-02-03 12:43:30.772",
    "User ID": "-4324475583306591935",
    "Round-Trip Time [ms]": "1123.0",
    "IP Address": "192.0.2.7",
    "Country": "NO",
    "Region": "Oslo County",
    "City": "Oslo",
    "ASN": "29492",
    "User Agent String": "Mozilla/5.0 (X11; Linux x86_64)",
    "Login Successful": "True",
    "Is Attack IP": "False",
    "Is Account Takeover": "False",
}


def table(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read(data: bytes) -> list[Line]:
    return list(SOURCES["rba"](cut(io.BytesIO(data)), Options()))


def event(**changed: str) -> Event:
    row = ROW | {name.replace("_", " "): value for name, value in changed.items()}
    [line] = read(table(row))
    assert isinstance(line.item, Event), line.item
    return line.item


def test_a_row() -> None:
    found = event()
    assert found.time.isoformat() == "2020-02-03T12:43:30.772000+00:00"
    assert (found.account, found.outcome, found.reason) == ("-4324475583306591935", "success", None)
    assert (found.ip, found.user_agent, found.rtt_ms) == ("192.0.2.7", ROW["User Agent String"], 1123.0)
    assert found.place is not None
    assert (found.place.country, found.place.region, found.place.city) == ("NO", "Oslo County", "Oslo")
    assert found.network is not None
    assert found.network.asn == 29492
    assert found.label == "legitimate"


def test_what_is_missing_is_absent() -> None:
    row = ROW | {"Region": "-", "City": "", "ASN": "-", "Round-Trip Time [ms]": "", "User Agent String": "-"}
    [line] = read(table(row))
    found = line.item
    assert isinstance(found, Event)
    assert found.place is not None
    assert (found.place.country, found.place.region, found.place.city) == ("NO", None, None)
    assert (found.network, found.rtt_ms, found.user_agent) == (None, None, None)
    assert event(Country="-", Region="-", City="-").place is None


def test_fillers_of_the_authors_stay() -> None:
    found = event(IP_Address="10.0.65.171", ASN="500123")
    assert found.ip == "10.0.65.171"
    assert found.network is not None
    assert found.network.asn == 500123


def test_failures_and_labels() -> None:
    failed = event(Login_Successful="False", Is_Attack_IP="True")
    assert (failed.outcome, failed.reason, failed.label) == ("failure", "bad_password", "attack")
    assert event(Is_Attack_IP="TRUE", Is_Account_Takeover="TRUE").label == "attack:takeover"


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("Login Timestamp", "43:30.8", "Login Timestamp"),
        ("Login Timestamp", "2020-02-03", "Login Timestamp"),
        ("IP Address", "here", "ip"),
        ("Country", "Norway", "place.country"),
        ("ASN", "AS29492", "ASN"),
        ("ASN", "1.5", "ASN"),
        ("Round-Trip Time [ms]", "inf", "Round-Trip Time [ms]"),
        ("Login Successful", "", "Login Successful"),
        ("User ID", "", "account"),
    ],
)
def test_a_bad_field_is_named_without_its_value(column: str, value: str, field: str) -> None:
    [line] = read(table(ROW | {column: value}))
    assert isinstance(line.item, FieldError)
    assert line.item.field == field
    assert not value or value not in str(line.item).replace("2020-02-03 12:43:30.772", "")


def test_columns_may_come_in_any_order_with_others_between() -> None:
    columns = ("note", *reversed(COLUMNS))
    [line] = read(b"\xef\xbb\xbf" + table(ROW, columns=columns))
    assert line.item == event()


def test_a_missing_column_stops_the_run() -> None:
    with pytest.raises(SourceError, match="lacks the column ASN;"):
        read(table(ROW, columns=tuple(name for name in COLUMNS if name != "ASN")))


def test_quoted_fields_hold_commas_quotes_and_line_breaks() -> None:
    agent = 'Mozilla/5.0 (KHTML, like "Gecko")\nsecond line'
    lines = read(table(ROW | {"User Agent String": agent}, ROW))
    assert [line.number for line in lines] == [2, 4]
    assert isinstance(lines[0].item, Event)
    assert lines[0].item.user_agent == agent


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    header, row = table(ROW).splitlines(keepends=True)
    broken = row.replace(b"192.0.2.7", b'"192.0.2.7')
    lines = read(header + row + broken + row * (2 * MAX_SPAN) + broken + row)
    assert [line.number for line in lines if isinstance(line.item, FieldError)] == [3, 2 * MAX_SPAN + 4]
    assert [line.number for line in lines] == list(range(2, 2 * MAX_SPAN + 6))
    ids = [line.item.id for line in lines if isinstance(line.item, Event)]
    assert len(set(ids)) == len(ids)


def test_the_exact_rows_are_all_read() -> None:
    data = shared("rba-dataset-2000", "rba_exact_rows_0_18.csv").read_bytes()
    lines = read(data)
    assert len(lines) == len(list(csv.reader(io.StringIO(data.decode())))) - 1
    assert all(isinstance(line.item, Event) for line in lines)


def test_the_first_two_thousand_rows_are_all_read() -> None:
    with shared("rba-dataset-2000", "rba_first2000_timestamps_rebuilt.jsonl").open() as file:
        rows = [json.loads(line) for line in file]
    written = [
        {
            "Login Timestamp": row["ts"].replace("T", " ").removesuffix("Z"),
            "User ID": row["user"],
            "Round-Trip Time [ms]": row["rtt_ms"] or "",
            "IP Address": row["ip"],
            "Country": row["country"],
            "Region": row["region"] or "-",
            "City": row["city"] or "-",
            "ASN": row["asn"],
            "User Agent String": row["user_agent"],
            "Login Successful": row["success"],
            "Is Attack IP": row["is_attack_ip"],
            "Is Account Takeover": row["is_account_takeover"],
        }
        for row in rows
    ]
    found = [line.item for line in read(table(*written))]
    assert len(found) == len(rows) == 2000
    for item, row in zip(found, rows, strict=True):
        assert isinstance(item, Event)
        assert (item.account, item.ip, item.user_agent) == (row["user"], row["ip"], row["user_agent"])
        assert (item.outcome == "success") == row["success"]
        assert item.rtt_ms == (float(row["rtt_ms"]) if row["rtt_ms"] else None)
    assert sum(item.label == "attack" for item in found if isinstance(item, Event)) == 167
