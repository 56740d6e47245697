"""The same mail in every language: nothing left in English, dates and numbers of the reader's region."""

from email.message import EmailMessage
from typing import get_args

import msgspec
import pytest

from sentinel.alerts.compose import Identity, compose
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.alerts.words import Words
from sentinel.events.alert import FLOOD, KINDS
from sentinel.events.event import Type
from sentinel.events.place import Place
from sentinel.language import LANGUAGES, language
from tests.alerts.mails import Page, html_of, plain_words, text_of

IDENTITY = Identity(
    service_name="Example",
    from_header="Example <security@example.org>",
    support="+49 30 0000",
    reset_page="https://example.org/reset",
    imprint="Example Ltd",
)
URL = "https://security.example.org/answer/sample"
LABELS = (
    "Service",
    "Account",
    "When",
    "Where",
    "Device",
    "Done by",
    "Second factor",
    "Outcome",
    "Events",
    "Case number",
)


def write(
    kind: str, locale: str | None, *, answer_url: str | None = None, default: str = "en", **changes: object
) -> EmailMessage:
    notice = msgspec.structs.replace(sample(kind), **changes)
    attributes = sample_attributes(locale) if notice.account else None
    identity = msgspec.structs.replace(IDENTITY, locale=default)
    return compose(notice, attributes, identity, recipient="ada@example.org", now=notice.time, answer_url=answer_url)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_text_and_html_say_the_same_in_every_language(kind: str, code: str) -> None:
    labels = tuple(map(language(code).say, LABELS))
    for answer_url in (None, URL):
        for decision in ("block", "notify"):
            for actor in ("self", "admin"):
                message = write(
                    kind, code, answer_url=answer_url, default=code, decision=decision, actor=actor, earlier=3
                )
                page = Page(html_of(message))
                assert page.language == code
                assert plain_words(text_of(message), labels) == page.words
                asked = answer_url is not None and kind != "campaign"
                assert page.links == ([("href", URL)] if asked else [])


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_in_english(kind: str, code: str) -> None:
    spoken = language(code)
    english = [text for text in spoken.translations._catalog if isinstance(text, str) and len(text) > 12]  # type: ignore[attr-defined]
    assert len(english) > 100
    for event_type in get_args(Type):
        for outcome in ("success", "failure", "pending"):
            message = write(kind, code, answer_url=URL, default=code, type=event_type, outcome=outcome, earlier=1)
            said = " ".join(text_of(message).split()) + str(message["Subject"])
            assert [text for text in english if text in said and spoken.say(text) != text] == []
            assert len(str(message["Subject"])) < 90


def test_a_region_has_its_own_dates_and_the_words_of_its_language() -> None:
    text = " ".join(text_of(write("new_sign_in", "fr-CA")).split())
    assert "24 novembre 2026 à 13 h 05 (heure normale de l’Europe centrale, UTC+01:00)" in text
    assert "vers Berlin, Allemagne (réseau : Example Telecom)" in text
    assert "November 24, 2026, 1:05 PM" in " ".join(text_of(write("new_sign_in", "en-US")).split())
    assert "24. November 2026, 13:05 Uhr (Mitteleuropäische Normalzeit, UTC+01:00)" in " ".join(
        text_of(write("new_sign_in", "de")).split()
    )


def test_who_reads_none_of_them_gets_the_operators_language_and_so_do_operators() -> None:
    assert write("new_sign_in", "nl-BE", default="es")["Subject"] == "Nuevo inicio de sesión en su cuenta de Example"
    assert write("new_sign_in", None, default="de")["Subject"] == "Neue Anmeldung in Ihrem Konto bei Example"
    campaign = write("campaign", None, default="fr")
    assert campaign["Subject"] == "Attaque contre des comptes Example"
    assert "Quelques mots de passe essayés sur de nombreux comptes depuis un réseau" in " ".join(
        text_of(campaign).split()
    )
    assert "1\u202f280" in text_of(campaign)


def test_an_answer_is_asked_for_only_where_there_is_a_page() -> None:
    asked = " ".join(text_of(write("attack", "en", answer_url=URL)).split())
    assert f"Was this you? {URL} If this was you" in asked
    assert "It asks for no password and no code, and signs nobody in." in asked
    assert "The link in this mail leads to that page only." in asked
    assert URL not in text_of(write("credential_change", "en", answer_url=URL, type="account_erased"))
    without = " ".join(text_of(write("attack", "en")).split())
    assert "Was this you?" not in without
    assert "There is no link in this mail on purpose." in without
    assert "look for the case number there" in without


def test_an_old_address_reads_how_long_it_may_answer() -> None:
    notice = sample("credential_change")
    attributes = msgspec.structs.replace(
        sample_attributes("de"), email="new@example.org", previous_email="ada@example.org"
    )
    for recipient, told in (("ada@example.org", True), ("new@example.org", False)):
        message = compose(notice, attributes, IDENTITY, recipient=recipient, now=notice.time, answer_url=URL)
        assert ("können Sie dort 30 Tage lang angeben" in " ".join(text_of(message).split())) is told


def test_an_attack_says_whether_it_was_stopped() -> None:
    said = {
        outcome: " ".join(text_of(write("attack", "en", outcome=outcome)).split())
        for outcome in ("success", "failure", "blocked", "pending")
    }
    assert "This may not have been stopped: the latest attempt succeeded." in said["success"]
    assert "The latest attempt was stopped." in said["failure"]
    assert "The latest attempt was stopped." in said["blocked"]
    assert "We do not know yet whether the latest attempt was stopped." in said["pending"]


def test_no_country_needs_an_article() -> None:
    assert Words(language("de")).place(Place("CH", None, "Basel")) == "bei Basel, Schweiz"
    assert Words(language("es")).place(Place("US")) == "Estados Unidos"


FLOOD_SUBJECTS = {
    "en": "Very many mails about Example accounts",
    "de": "Sehr viele E-Mails zu Konten bei Example",
    "fr": "De très nombreux e-mails sur des comptes Example",
    "es": "Muchísimos correos sobre cuentas de Example",
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_flood_is_told_as_one_and_as_no_attack(code: str) -> None:
    """Nobody did it from anywhere: what is told is how many mails waited."""
    message = write(
        "campaign", None, default=code, event="", reasons=(FLOOD,), titles=(), messages=(), events=10_500, tenant="shop"
    )
    labels = tuple(map(language(code).say, LABELS))
    text, page = text_of(message), Page(html_of(message))
    assert page.words == plain_words(text, labels)
    assert message["Subject"] == FLOOD_SUBJECTS[code]
    assert Words(language(code)).number(10_500) in text
    for label in ("Where", "Device", "Outcome"):
        assert f"{language(code).say(label)}:" not in text
    assert language(code).say("Risk %(risk)s of 100, level %(level)s.")[:6] not in text
    assert f"sentinel campaigns close {sample('campaign').id} --verdict legitimate --tenant shop" in " ".join(
        text.split()
    )
