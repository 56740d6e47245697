"""A report as people see it: both forms say the same, nothing breaks out of it, the plot is a picture."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sentinel.events.clock import DAY, HOUR, MINUTE
from sentinel.picture import png
from sentinel.report.figures import Answers, Campaign, Day, Mails, Report, Retention, RuleFigures
from sentinel.report.plot import svg
from sentinel.report.render import headline, html, subject, text
from sentinel.report.week import last_time, report_id

FULL = Report(
    service="Example Shop",
    made="2026-11-30T08:00:00Z",
    since="2026-11-23",
    until="2026-11-29",
    tenants=["default", "shop"],
    events=123_456,
    days=[
        Day(date=f"2026-11-{23 + day}", logins=1000 * (day + 1), flagged=3 * day, mails=day) for day in range(7)
    ],
    campaigns=[
        Campaign(
            id=f"a-{number}", tenant=("default", "shop")[number], title="A few passwords tried on many accounts",
            level="high", first="2026-11-24", last="2026-11-25", events=4321 + number,
            state=("open", "compromised")[number],
        )
        for number in range(2)
    ],
    campaigns_more=5,
    alerts={"suspicious_sign_in": 41, "attack": 12},
    critical_accounts=7,
    rules=[
        RuleFigures(rule="new_device", title="New device", status="live", fired=240, legitimate=19, compromised=1),
        RuleFigures(rule="impossible_travel", title="Too far", status="live", fired=77, legitimate=1, compromised=3),
        RuleFigures(rule="unusual_hour", title="An unusual hour", status="shadow", fired=31),
    ],
    rules_more=2,
    answers=[
        Answers(by="the person", legitimate=18, compromised=2), Answers(by="the service", legitimate=2, compromised=2),
    ],
    mails=Mails(sent=21, failed=3, unaddressed=5, folded=611, answered=613, waiting=1),
    drift="tenant default: impostor 2026-11-01: logins are not like those it learned from: agent_share 0.31",
    drift_shifted=True,
    retention=Retention(oldest_raw="2025-12-01", raw_days=365, on_time=False),
    store_bytes=3_456_000_000,
)  # fmt: skip
EMPTY = Report(service="Example", made="", since="2026-11-23", until="2026-11-23", drift="Nothing.")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip += tag in ("style", "title", "svg")
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        self._skip -= tag in ("style", "title", "svg")

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.words += data.split()


def page(report: Report, **more: str) -> _Words:
    words = _Words()
    words.feed(html(report, **more))
    return words


def numbers(words: str) -> set[str]:
    return set(re.findall(r"\d[\d,.]*\d|\d", words))


def test_text_and_page_say_the_same_numbers() -> None:
    plain, shown = text(FULL), " ".join(page(FULL).words)
    # The page has the figures by day in its picture.
    by_day = {word for day in FULL.days for word in (f"{day.logins:,}", str(day.flagged), str(day.mails), day.date)}
    assert numbers(plain) - numbers(shown) <= {part for word in by_day for part in numbers(word)}
    assert numbers(shown) - numbers(plain) <= {str(FULL.attacks)}
    for word in (
        "new_device",
        "impossible_travel",
        "unusual_hour",
        "a-0",
        "a-1",
        "shop",
        "compromised",
        "person",
        "agent_share",
        "611 told in a summary, 613 answered before",
    ):
        assert word in plain
        assert word in shown


def test_what_needs_somebody_comes_first() -> None:
    said = headline(FULL)
    assert said.startswith("19 attacks, 7 accounts at critical. 1 campaign not closed")
    assert "3 mails could not be sent" in said
    assert "Data that had to be gone is still there" in said
    assert headline(EMPTY) == "No attacks."
    assert subject(FULL) == "Example Shop: 19 attacks, 7 accounts at critical, 2026-11-23 to 2026-11-29"


def test_noise_is_told_with_the_noisiest_first() -> None:
    assert [each.rule for each in FULL.noisy] == ["new_device", "impossible_travel"]
    lines = text(FULL).partition("NOISE")[2].splitlines()
    assert lines[1].split() == ["95%", "new_device:", "19", "legitimate,", "1", "compromised"]


def test_an_empty_report_is_whole() -> None:
    assert "No attacks." in text(EMPTY)
    assert "None." in page(EMPTY).words
    ElementTree.fromstring(svg(EMPTY))


@given(st.text(max_size=80))
def test_nothing_in_a_report_becomes_markup(said: str) -> None:
    def tags(evil: str) -> list[str]:
        campaign = replace(FULL.campaigns[0], title=f"x{evil}", tenant=f"x{evil}")
        drift = f"x{evil}".replace("`", "'").replace("\n", " ").replace("\r", " ")
        report = replace(FULL, service=f"x{evil}", campaigns=[campaign], drift=" ".join(drift.splitlines()))
        return re.findall(r"<[a-zA-Z/!][^>]*>", html(report).partition("<style>")[2].replace(evil, ""))

    assert tags(f'</p><script src="x">{said}</script><b>') == tags("")


def test_the_page_loads_nothing() -> None:
    assert page(FULL).links == []
    assert page(FULL, picture="cid:plot@example.org").links == ["cid:plot@example.org"]
    assert "@import" not in html(FULL)
    assert "url(" not in html(FULL)


def test_the_plot_has_a_bar_for_each_day_that_had_something() -> None:
    root = ElementTree.fromstring(svg(FULL))
    bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.get("x") is not None]
    assert len(bars) == 7 + 6 + 6
    highest = [float(each.get("height", "0")) for each in bars[:7]]
    assert highest == sorted(highest)
    assert root.get("aria-label") == "Logins 28000, flagged 63, mails sent 21"
    assert png(svg(FULL)).startswith(b"\x89PNG")


def test_a_long_time_names_some_days_only() -> None:
    long = replace(FULL, days=[Day(date=f"2026-10-{day + 1:02}", logins=day) for day in range(31)])
    labels = [each.text for each in ElementTree.fromstring(svg(long)).iter("{http://www.w3.org/2000/svg}text")]
    assert labels.count("10-01") == 1
    assert "10-02" not in labels


@given(st.integers(0, 100_000 * DAY), st.integers(0, 6), st.integers(0, 24 * 60 - 1))
def test_a_report_is_due_once_a_week(now: int, weekday: int, minute: int) -> None:
    due = last_time(now, weekday, minute)
    assert now - 7 * DAY < due <= now
    assert (due // DAY + 3) % 7 == weekday
    assert due % DAY == minute * MINUTE
    assert report_id(last_time(due, weekday, minute)) == report_id(due)
    assert last_time(due - 1, weekday, minute) == due - 7 * DAY


@pytest.mark.parametrize(("hour", "days"), [(7, 7), (8, 0)])
def test_before_its_time_the_one_before_is_due(hour: int, days: int) -> None:
    monday = 18 * DAY  # 1970-01-19
    assert last_time(monday + hour * HOUR, 0, 8 * 60) == monday + 8 * HOUR - days * DAY
