"""The page as it comes over HTTP: what it shows, to whom, in which language, and what it refuses."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from sentinel.api.answer.guessing import SPAN, TRIES
from sentinel.api.answer.handlers import accepted
from sentinel.events.clock import DAY
from tests.answer.watching import Watched, far, fields_of, phone


async def test_the_page_says_what_the_mail_says_and_asks(watched: Watched) -> None:
    (path,) = await watched.mailed(phone(), name="Ada Example", timezone="Europe/Berlin")
    (_, mail) = watched._mails.mailbox.mails[0]
    reply = await watched.get(path)
    assert reply.status == 200
    shown = re.findall(r"<bdi>(.*?)</bdi>", reply.text)
    assert "Ada Example (u-1)" in shown
    body = mail.get_body(("html",))
    assert body is not None
    assert shown == re.findall(r"<bdi>(.*?)</bdi>", body.get_content())
    assert "It was me</button>" in reply.text
    assert "It was not me</button>" in reply.text
    assert "u-1@example.org" not in reply.text


async def test_nothing_but_its_own_style_is_allowed_and_nobody_keeps_it(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    for reply in (await watched.get(path), await watched.get("/answer/nonsense")):
        style = re.search(r"<style>(.*?)</style>", reply.text, re.DOTALL)
        assert style is not None
        digest = b64encode(sha256(style[1].encode()).digest()).decode()
        assert reply.headers["Content-Security-Policy"] == (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["Referrer-Policy"] == "same-origin"
        assert "noindex" in reply.headers["X-Robots-Tag"]
        assert "Set-Cookie" not in reply.headers
        assert "<script" not in reply.text
        assert " style=" not in reply.text


@pytest.mark.parametrize(
    ("own", "accept", "lang", "says"),
    [
        ("fr-CA", "de", "fr", "Était-ce vous"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de", "Waren Sie das?"),
        (None, "nl, es;q=0.5, en;q=0.1", "es", "¿Fue usted?"),
        ("nl", "", "en", "Was this you?"),
    ],
)
async def test_it_speaks_the_persons_language_else_the_browsers(
    watched: Watched, own: str | None, accept: str, lang: str, says: str
) -> None:
    (path,) = await watched.mailed(phone(), locale=own)
    reply = await watched.get(path, Accept_Language=accept)
    assert f'<html lang="{lang}"' in reply.text
    assert reply.headers["Content-Language"] == lang
    assert says in reply.text


def test_languages_of_a_header_come_best_first() -> None:
    assert accepted("de;q=0.3, fr , *;q=0.9, es;q=0") == ["fr", "de"]
    assert accepted("<script>, de; q=1.5, ;q=1") == []


async def test_a_link_that_is_wrong_ended_erased_or_restricted_shows_the_same(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    (other,) = await watched.mailed(phone("e-2"), "u-2")
    (third,) = await watched.mailed(phone("e-3"), "u-3")
    assert (await watched.client.delete("/v1/accounts/u-2")).status == 200
    assert (await watched.client.put("/v1/accounts/u-3/restriction", {})).status == 200
    wrong = await watched.get("/answer/" + "x" * 43)
    assert wrong.status == 404
    gone = [await watched.get(other), await watched.get(third), await watched.get(path[:-1])]
    watched.ahead = 7 * DAY + 3_700_000_000
    gone.append(await watched.get(path))
    for reply in gone:
        assert (reply.status, reply.text) == (404, wrong.text)
    watched.ahead = 7 * DAY - 60_000_000
    assert (await watched.get(path)).status == 200


async def test_markup_from_an_event_stays_text(watched: Watched) -> None:
    nasty = '"><script>alert(1)</script>{{ 7*7 }}'
    (path,) = await watched.mailed(
        phone(network={"asn": 64496, "organisation": nasty, "kind": "residential"}), name=nasty
    )
    html = (await watched.get(path)).text
    assert "<script" not in html
    shown = " ".join(re.findall(r"<bdi>(.*?)</bdi>", html))
    assert "alert(1)" in shown
    assert "49" not in shown


async def test_who_guesses_has_to_wait_and_who_has_a_link_never_does(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    codes = [(await watched.get(f"/answer/{number:043}")).status for number in range(TRIES + 3)]
    assert codes == [404] * TRIES + [429] * 3
    reply = await watched.get("/answer/short", method="HEAD")
    assert (reply.status, reply.headers["Retry-After"]) == (429, "60")
    assert (await watched.get(path)).status == 200
    watched.ahead = SPAN
    assert (await watched.get("/answer/short")).status == 404


async def test_both_steps_answer_and_the_same_answer_again_changes_nothing(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    done = await watched.answer(path, "yes")
    # aiohttp follows the redirect: what comes is the page that shows it.
    assert done.status == 200
    assert "you told us that it was you" in done.text
    before = watched.state()
    again = await watched.get(path)
    assert again.text.count("<button") == 1
    assert fields_of(again.text)
    assert watched.state() == before


async def test_a_yes_at_high_is_noted_and_says_honestly_that_it_changes_nothing(watched: Watched) -> None:
    (path,) = await watched.mailed(far())
    risk = await watched.risk()
    done = await watched.answer(path, "yes")
    assert "An answer by mail alone changes nothing here" in done.text
    assert await watched.risk() == risk
    (alert,) = (await watched.client.get("/v1/accounts/u-1/alerts")).body["alerts"]
    assert alert["state"] == "answered"


async def test_at_a_former_address_a_no_works_for_thirty_days(watched: Watched) -> None:
    # The thief changes the address: both get a mail, each with a link of its own.
    links = await watched.mailed(
        phone(type="email_changed", email="eve@example.org", previous_email="u-1@example.org"), count=2
    )
    assert len(set(links)) == 2
    recipients = [to for (to,), _ in watched._mails.mailbox.mails]
    former = links[recipients.index("u-1@example.org")]
    current = links[recipients.index("eve@example.org")]
    watched.ahead = 29 * DAY
    assert (await watched.get(current)).status == 404
    done = await watched.answer(former, "no")
    assert "you told us that it was not you" in done.text
    assert (await watched.risk())["risk"] == 100.0


async def test_at_a_former_address_nobody_learns_a_name_given_since(watched: Watched) -> None:
    change = phone(type="email_changed", email="new@example.org", previous_email="u-1@example.org")
    links = await watched.mailed(change, count=2, name="Ada Example")
    former = links[[to for (to,), _ in watched._mails.mailbox.mails].index("u-1@example.org")]
    assert (await watched.client.put("/v1/accounts/u-1", {"name": "Zoe Example"})).status == 200
    page = await watched.get(former)
    assert "<bdi>u-1</bdi>" in page.text
    assert "Zoe" not in page.text


async def test_a_no_of_the_service_stands_on_the_page(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    await watched.client.post("/v1/feedback", {"event": "e-1", "verdict": "compromised"})
    page = await watched.get(path)
    assert "Example Mail says that it was not you" in page.text
    assert "<button" not in page.text


async def test_what_the_service_lifted_is_told(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    await watched.answer(path, "no")
    await watched.client.post("/v1/feedback", {"event": "e-1", "verdict": "legitimate"})
    assert "has looked into it since and closed the case" in (await watched.get(path)).text
    assert (await watched.risk())["risk"] == 0.0
