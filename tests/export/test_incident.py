"""The report of Art. 33: counts, and the clock from the first verdict."""

import msgspec
import pytest

from sentinel.events.clock import DAY, HOUR, to_text
from sentinel.export.data import Information
from sentinel.export.incident import (
    Affected,
    IncidentError,
    IncidentReport,
    incident_report,
    report_json,
    report_markdown,
)

T = 20_000 * DAY
NOBODY = Information()
ENTRIES = [
    Affected(account="u-2", compromised=T + HOUR, first=T - DAY, last=T, records=4, categories=("account", "sign_ins")),
    Affected(
        account="u-1",
        compromised=T,
        first=T - 2 * HOUR,
        last=T - HOUR,
        records=3,
        categories=("account",),
        campaign="c-1",
    ),
    Affected(account="u-1", compromised=T + 2 * HOUR, first=T, last=T + HOUR, records=1, categories=("account",)),
    Affected(account="u-3", compromised=T + 2 * HOUR, first=T, last=T + 2 * HOUR, campaign="c-1"),
]


def test_accounts_records_and_categories_are_counted() -> None:
    report = incident_report(ENTRIES, NOBODY, made=T + DAY)
    assert (report.accounts_concerned, report.records_approximate) == (3, 8)
    assert report.categories == {"account": 2, "sign_ins": 1}
    assert (report.began, report.ended) == (to_text(T - DAY), to_text(T + 2 * HOUR))
    assert [(each.id, each.accounts, each.first, each.last) for each in report.campaigns] == [
        ("c-1", 2, to_text(T - 2 * HOUR), to_text(T + 2 * HOUR))
    ]


def test_the_clock_runs_from_the_first_verdict() -> None:
    report = incident_report(ENTRIES, NOBODY, made=T + DAY)
    assert (report.known_since, report.deadline, report.hours_left) == (to_text(T), to_text(T + 72 * HOUR), 48.0)
    assert "48 hours are left" in report_markdown(report)
    late = incident_report(ENTRIES, NOBODY, made=T + 73 * HOUR)
    assert late.hours_left == -1
    assert "it ended 1 hours ago: say below why it is late" in report_markdown(late)


def test_json_reads_back() -> None:
    report = incident_report(ENTRIES, NOBODY, made=T)
    assert msgspec.json.decode(report_json(report), type=IncidentReport) == report


def test_the_text_names_no_account_and_leaves_blanks() -> None:
    text = report_markdown(incident_report(ENTRIES, NOBODY, made=T))
    assert "u-1" not in text
    for part in ("(Art. 33(3)(a))", "(Art. 33(3)(b))", "(Art. 33(3)(c))", "(Art. 33(3)(d))", "(Art. 34)"):
        assert part in text
    assert text.count("____________________") >= 6
    filled = report_markdown(
        incident_report(ENTRIES, Information(controller="Example | GmbH", contact="dpo@example.org"), made=T)
    )
    assert "- Controller: Example \\| GmbH" in filled
    assert "dpo@example.org" in filled


def test_order_of_entries_does_not_matter() -> None:
    assert incident_report(ENTRIES[::-1], NOBODY, made=T) == incident_report(ENTRIES, NOBODY, made=T)


def test_without_a_verdict_there_is_no_report() -> None:
    with pytest.raises(IncidentError, match="nothing to report"):
        incident_report([], NOBODY, made=T)


def test_restricted_accounts_are_counted_and_nothing_of_them_is_shown() -> None:
    entries = [msgspec.structs.replace(each, restricted=each.account == "u-1") for each in ENTRIES]
    plain, report = (incident_report(each, NOBODY, made=T) for each in (ENTRIES, entries))
    assert (report.accounts_concerned, report.accounts_restricted) == (3, 1)
    for name in ("records_approximate", "known_since", "began", "ended", "categories", "campaigns"):
        assert getattr(report, name) == getattr(plain, name)
    assert [each.account for each in report.accounts] == ["u-2", "u-3", "u-1"]
    assert msgspec.structs.asdict(report.accounts[-1]) == {
        "account": "u-1", "restricted": True, "compromised": None, "first": None, "last": None, "records": None,
        "categories": None, "campaign": None,
    }  # fmt: skip
    assert "Of these, 1 have their processing restricted (Art. 18)" in report_markdown(report)
    assert "restricted" not in report_markdown(plain)
