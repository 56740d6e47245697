"""System log lines of all forms, and the year that classic stamps leave out."""

import json

import pytest

from sentinel.errors import FieldError
from sentinel.events.clock import to_text
from sentinel.sources.line import Options, SourceError
from sentinel.sources.syslog import Entry, Reader

TIME = 1_770_905_421_000_000  # 2026-02-12T14:10:21Z


def entry(line: str, year: int | None = 2026, timezone: str | None = None) -> Entry | None:
    return Reader(Options(year=year, timezone=timezone)).entry(line.encode())


@pytest.mark.parametrize(
    "line",
    [
        "Feb 12 14:10:21 host sshd[16]: hello: world",
        "<38>Feb 12 14:10:21 host sshd[16]: hello: world",
        "2026-02-12T14:10:21Z host sshd[16]: hello: world",
        "2026-02-12T14:10:21.000000+00:00 host sshd[16]: hello: world",
        "2026-02-12T15:10:21+0100 host sshd[16]: hello: world",
        json.dumps(
            {
                "MESSAGE": "hello: world",
                "__REALTIME_TIMESTAMP": str(TIME),
                "SYSLOG_IDENTIFIER": "sshd",
                "_COMM": "other",
                "_PID": "16",
                "_HOSTNAME": "host",
                "PRIORITY": "6",
            }
        ),
        json.dumps(
            {
                "MESSAGE": list(b"hello: world"),
                "__REALTIME_TIMESTAMP": str(TIME),
                "_COMM": "sshd",
                "_PID": "16",
                "_HOSTNAME": "host",
            }
        ),
    ],
)
def test_all_forms_say_the_same(line: str) -> None:
    assert entry(line) == Entry(TIME, "host", "sshd", "16", "hello: world")


def test_a_stamp_without_a_zone_is_in_the_given_one() -> None:
    found = entry("Jul  2 14:00:00 host sshd[1]: x", timezone="Europe/Paris")
    assert found is not None
    assert to_text(found.time) == "2026-07-02T12:00:00Z"


@pytest.mark.parametrize(
    "line",
    [
        "-- Boot 0123456789abcdef --",
        "Feb 12 14:10:21 host last message repeated 3 times",
        '{"__REALTIME_TIMESTAMP": "1", "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": null}',
        '{"__REALTIME_TIMESTAMP": "1", "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": ["said", "twice"]}',
        '{"__REALTIME_TIMESTAMP": "1", "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": [300]}',
    ],
)
def test_marks_of_the_log_are_nothing(line: str) -> None:
    assert entry(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "Feb 30 14:10:21 host sshd[1]: x",
        "Fee 12 14:10:21 host sshd[1]: x",
        "Feb 12 25:10:21 host sshd[1]: x",
        "2026-02-30T14:10:21Z host sshd[1]: x",
        '{"MESSAGE": "x", "SYSLOG_IDENTIFIER": "sshd"}',
        '{"MESSAGE": "x", "SYSLOG_IDENTIFIER": "sshd", "__REALTIME_TIMESTAMP": "now"}',
        '{"MESSAGE": "x", "SYSLOG_IDENTIFIER": "sshd", "__REALTIME_TIMESTAMP": "' + "9" * 30 + '"}',
        '{"MESSAGE": ',
    ],
)
def test_what_is_no_line_of_a_system_log(line: str) -> None:
    with pytest.raises(FieldError):
        entry(line)


def test_a_year_is_asked_for_only_where_lines_have_none() -> None:
    assert entry("2026-02-12T14:10:21Z host sshd[16]: x", year=None) is not None
    with pytest.raises(SourceError, match="--year"):
        entry("Feb 12 14:10:21 host sshd[16]: x", year=None)


def test_the_29th_of_february_in_another_year_names_the_option() -> None:
    with pytest.raises(FieldError, match="--year"):
        entry("Feb 29 14:10:21 host sshd[16]: x", year=2026)
    assert entry("Feb 29 14:10:21 host sshd[16]: x", year=2028) is not None


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        (["Dec 31 23:59:59", "Jan  1 00:00:01"], ["2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z"]),
        (
            ["Dec 31 23:59:58", "Jan  1 00:00:01", "Dec 31 23:59:59", "Jan  1 00:00:02"],
            ["2025-12-31T23:59:58Z", "2026-01-01T00:00:01Z", "2025-12-31T23:59:59Z", "2026-01-01T00:00:02Z"],
        ),
        (["Mar  2 00:00:00", "Mar  1 00:00:00"], ["2025-03-02T00:00:00Z", "2025-03-01T00:00:00Z"]),
        (["Jan  5 00:00:00", "Dec  3 00:00:00"], ["2025-01-05T00:00:00Z", "2025-12-03T00:00:00Z"]),
        (
            ["Nov  1 00:00:00", "Feb  1 00:00:00", "Nov  1 00:00:00", "Feb  1 00:00:00"],
            ["2025-11-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-11-01T00:00:00Z", "2027-02-01T00:00:00Z"],
        ),
    ],
    ids=["new year", "straggler", "small step back", "gap", "two years"],
)
def test_the_year_goes_on_within_one_input(stamps: list[str], times: list[str]) -> None:
    reader = Reader(Options(year=2025))
    found = [reader.entry(f"{stamp} host sshd[1]: x".encode()) for stamp in stamps]
    assert [to_text(item.time) for item in found if item] == times


def test_bytes_that_are_no_text_stay_distinct() -> None:
    reader = Reader(Options(year=2026))
    first = reader.entry(b"Feb 12 14:10:21 host sshd[1]: \xff")
    second = reader.entry(b"Feb 12 14:10:21 host sshd[1]: \xfe")
    assert first is not None
    assert second is not None
    assert first.message != second.message
    first.message.encode()
