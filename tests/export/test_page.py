"""The page: well-formed whatever people send, self-contained, in order, and it holds everything in both languages."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from sentinel.export.data import AccountData, Held, Information
from sentinel.export.data_event import EventData
from sentinel.export.data_profile import ProfileData
from sentinel.export.page import render
from sentinel.export.shown import Shown, visible
from sentinel.export.text import LANGUAGES, text_in
from tests.export.filled import Filler
from tests.export.samples import HOSTILE, held, life

STORY, EVENTS, NAMES = life()
HELD = held(STORY, NAMES)


def page(language: str = "en", given: Held = HELD, events: list[EventData] = EVENTS) -> str:
    return render(given, events, language, total=len(events), meanings={"device.new": "MEANT <so>"}).decode()


def tree(html: str) -> ET.Element:
    return ET.fromstring(html)  # our own page


def words(html: str) -> str:
    return " ".join("".join(tree(html).itertext()).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_well_formed_and_nothing_escapes(language: str) -> None:
    hostile = msgspec.structs.replace(
        HELD,
        account=AccountData(id=HOSTILE, name=HOSTILE, email="\x00\ufffe]]>", timezone="No/Where"),
        information=Information(controller=HOSTILE, contact="{{ 7*7 }}", service=HOSTILE),
    )
    event = Filler()(EventData, user_agent=HOSTILE, id=HOSTILE)
    html = page(language, hostile, [event])
    root = tree(html)
    assert root.get("lang") == language
    assert {each.tag for each in root.iter()} & {"script", "img", "iframe", "object", "link", "b", "form"} == set()
    assert all(not name.startswith("on") for each in root.iter() for name in each.attrib)
    shown = words(html)
    assert "</td><script>alert(1)</script>" in shown
    assert "{{ 7*7 }}" in shown
    assert "\u202e" not in html
    assert "⟨U+202E⟩" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_needs_nothing_from_outside(language: str) -> None:
    html = page(language)
    links = re.findall(r"""(?:href|src|action)=["']([^"']*)""", html)
    assert links
    assert all(re.fullmatch(r"#\w+|index\.(en|de)\.html", link) for link in links)
    assert re.search(r"url\(|@import|https?://", html) is None
    assert "default-src 'none'" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_are_in_order_and_links_lead_somewhere(language: str) -> None:
    root = tree(page(language))
    levels = [int(each.tag[1]) for each in root.iter() if re.fullmatch(r"h\d", each.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    assert {link[1:] for each in root.iter("a") if (link := each.get("href", "")).startswith("#")} <= set(ids)


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_have_a_caption_and_scopes(language: str) -> None:
    tables = list(tree(page(language)).iter("table"))
    assert len(tables) > 30
    for each in tables:
        caption = each.find("caption")
        assert caption is not None
        assert "".join(caption.itertext()).strip()
        assert {head.get("scope") for head in each.iter("th")} == {"col", "row"}
        width = len(each.findall("thead/tr/th"))
        assert {len(list(row)) for row in each.findall("tbody/tr")} == {width}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_that_is_held_is_on_it(language: str) -> None:
    fill = Filler()
    everything = fill(Held, profile=fill(ProfileData, hours=[1] * 24, weekdays=[1] * 7))
    event = fill(EventData)
    shown = words(page(language, everything, [event]))
    missing = {where for where, text in fill.texts if text not in shown}
    # Of no use to read, or said in other words; all of it is in data.json.
    assert missing == {
        ("AssessmentData", "ruleset"),
        ("FindingData", "rule"),  # its sentence, or its title
        ("FindingData", "status"),  # whether it counts is said, if it does not
        ("Held", "tenant"),
        ("Information", "mode"),  # said in a sentence when it is observe
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_attributes_stand_beside_what_they_mean(language: str) -> None:
    text = text_in(language)
    rows = [["".join(cell.itertext()) for cell in row] for row in tree(page(language)).iter("tr")]
    line = [text.label("AccountData", "email"), "ada@example.org", text.meaning("AccountData", "email")]
    assert line in rows


def test_every_time_is_in_the_persons_zone() -> None:
    summer = msgspec.structs.replace(EVENTS[0], time="2026-07-01T22:30:00Z")
    assert "2026-07-02 00:30:00 CEST" in page(events=[summer])
    unknown = msgspec.structs.replace(HELD, account=AccountData(id="u-1", timezone="../etc/passwd"))
    assert "2026-07-01 22:30:00 UTC" in page(given=unknown, events=[summer])


def test_events_are_newest_first() -> None:
    times = re.findall(r'<span class="time">([^<]+)', page())
    assert times == sorted(times, reverse=True)
    assert len(times) == len(EVENTS)


def test_facts_that_evidence_names_are_explained() -> None:
    assert "MEANT &lt;so&gt;" in page()
    assert "MEANT" not in page(events=EVENTS[:1])


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Example GmbH", "privacy@example.org", "complain", "90 days", "risk 77", "Art. 22(3)")),
        ("de", ("Example GmbH", "privacy@example.org", "beschweren", "90 Tage", "Risiko 77", "Art. 22 Abs. 3")),
    ],
)
def test_what_art_15_asks_for_is_said(language: str, said: tuple[str, ...]) -> None:
    information = msgspec.structs.replace(HELD.information, raw_days=90, block=77)
    shown = words(page(language, msgspec.structs.replace(HELD, information=information)))
    for part in (*said, "Example Data Protection Authority", "Example Mail AG"):
        assert part in shown


@pytest.mark.parametrize(
    ("language", "operator"), [("en", "the operator of this service"), ("de", "der Betreiber dieses Dienstes")]
)
def test_without_a_controller_it_names_the_operator(language: str, operator: str) -> None:
    shown = words(page(language, msgspec.structs.replace(HELD, information=Information())))
    assert shown.count(operator) >= 3
    assert "None" not in shown


def test_an_observed_installation_says_so() -> None:
    sentence = text_in("en").say("logic_observe")
    observed = msgspec.structs.replace(HELD, information=Information(mode="observe"))
    assert sentence in page(given=observed)
    assert sentence not in page()


def test_an_account_of_which_little_is_known_has_a_page_too() -> None:
    bare = Held(made="2026-01-01T00:00:00Z", tenant="default", information=Information(), account=AccountData(id="u"))
    shown = words(page(given=bare, events=[]))
    assert text_in("en").say("profile_none") in shown
    assert shown.count(text_in("en").say("none")) == 7


def test_hidden_characters_are_shown_and_scripts_are_left_alone() -> None:
    assert visible("a\x00\u2066\u2028b") == "a⟨U+0000⟩⟨U+2066⟩⟨U+2028⟩b"
    assert visible("می\u200cخواهم") == "می\u200cخواهم"
    assert visible("\U0001fffe\ufdd0") == "⟨U+1FFFE⟩⟨U+FDD0⟩"


def test_a_value_that_nobody_foresaw_is_shown_as_it_is() -> None:
    shown = Shown(text_in("de"), None)
    values: list[tuple[Any, str]] = [("brand_new", "brand_new"), (None, ""), ([], "")]
    assert [shown.value("EventData", "type", value) for value, _ in values] == [text for _, text in values]
