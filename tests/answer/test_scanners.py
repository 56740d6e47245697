"""Mail scanners and forgers: whatever they send, nothing changes."""

import asyncio
import re
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from sentinel.api.answer.forms import LASTS, is_own
from sentinel.privacy.answer_token import make_token
from tests.answer.watching import Watched, fields_of, named, phone
from tests.browser import browser


async def both_forms(watched: Watched, path: str, chosen: str = "no") -> tuple[dict[str, str], dict[str, str]]:
    """The fields of the first and of the second form, as a page has them."""
    first = fields_of((await watched.get(path)).text) | {"answer": chosen}
    second = fields_of((await watched.send(path, first)).text) | {"answer": chosen}
    return first, second


async def test_fetching_changes_nothing(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    before = watched.state()
    for _ in range(25):
        assert (await watched.get(path)).status == 200
        reply = await watched.get(path, method="HEAD")
        assert (reply.status, reply.text) == (200, "")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await watched.get(path, method=method)).status == 405
    assert watched.state() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "", "Sec_Fetch_Site": ""},
        {"Origin": "null", "Sec_Fetch_Site": ""},
        {"Origin": "https://evil.example.org"},
        {"Origin": "https://evil.example.org", "Sec_Fetch_Site": ""},
        {"Origin": "https://security.example.org.evil.example.org", "Sec_Fetch_Site": ""},
        {"Origin": "https://[", "Sec_Fetch_Site": ""},
        {"Origin": "", "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": "", "Sec_Fetch_Site": "same-site"},
        {"Origin": "", "Sec_Fetch_Site": "none"},
    ],
    ids=str,
)
async def test_a_form_that_another_page_or_a_script_sends_changes_nothing(
    watched: Watched, headers: dict[str, str]
) -> None:
    (path,) = await watched.mailed(phone())
    _, second = await both_forms(watched, path)
    watched.ahead = 5_000_000
    before = watched.state()
    assert (await watched.send(path, second, **headers)).status == 403
    assert watched.state() == before
    # And it was only the headers.
    assert (await watched.send(path, second)).status == 200
    assert watched.state() != before


async def test_behind_a_proxy_the_origin_of_the_configuration_is_our_own(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    _, second = await both_forms(watched, path)
    watched.ahead = 5_000_000
    before = watched.state()
    assert (await watched.send(path, second, Origin="http://security.example.org")).status == 403
    assert watched.state() == before
    assert (await watched.send(path, second, Origin="https://security.example.org", Sec_Fetch_Site="")).status == 200
    assert watched.state() != before


@pytest.mark.parametrize(
    ("base", "origin"),
    [
        ("https://Security.Example.org:443/", "https://security.example.org"),
        ("https://sécurité.example.org", "https://xn--scurit-bvaf.example.org"),
        ("https://security.example.org:8443/people", "https://security.example.org:8443"),
    ],
)
def test_origins_are_compared_as_browsers_write_them(base: str, origin: str) -> None:
    def sent(origin: str, host: str = "127.0.0.1:8787") -> bool:
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Host": host}
        return is_own(make_mocked_request("POST", "/answer/x", headers=headers), base)

    assert sent(origin)
    assert sent("https://other.example.org", "Other.example.org:443")
    for wrong in (
        origin.replace("https", "http"),
        origin + ":1",
        "https://example.org",
        "ftp://127.0.0.1:8787",
        "null",
    ):
        assert not sent(wrong), wrong


async def test_the_page_works_below_another_path(watched: Watched) -> None:
    """Nothing in it says where it is: forms, links and the way back lead to where the browser found it."""
    (path,) = await watched.mailed(phone())
    token = path.rpartition("/")[2]
    _, second = await both_forms(watched, path)
    shown = (await watched.get(path)).text + (await watched.send(path, second | {"answer": ""})).text
    assert set(re.findall(r'(?:action|href)="([^"]*)"', shown)) == {token}
    watched.ahead = 5_000_000
    url = watched.daemon.base + path
    headers = {"Origin": watched.daemon.base, "Content-Type": "application/x-www-form-urlencoded"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=urlencode(second), headers=headers, allow_redirects=False) as reply,
    ):
        assert (reply.status, reply.headers["Location"]) == (303, token)


async def test_forms_out_of_order_forged_old_or_of_another_link_change_nothing(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    (other,) = await watched.mailed(phone("e-2"), "u-2")
    first, second = await both_forms(watched, path)
    foreign, foreign_second = await both_forms(watched, other)
    watched.ahead = 5_000_000
    before = watched.state()
    wrong: list[dict[str, str]] = [
        {},
        {"answer": "no"},
        {"step": "no", "answer": "no"},
        first | {"step": "no"},  # the first form's token on the second step
        second | {"step": "yes", "answer": "yes"},  # after a no, a yes
        second | {"answer": "yes"},
        second | {"answer": ""},
        second | {"answer": "unsure"},
        second | {"answer": "maybe"},
        second | {"form": second["form"][:-1]},
        second | {"form": "1" + second["form"]},
        second | {"form": "\u0661." + second["form"].partition(".")[2]},
        second | {"form": "9" * 30 + ".x"},
        foreign_second,
        foreign | {"step": "choose", "answer": "yes"},
        second | {f"more{number}": "x" for number in range(9)},
        second | {"more": "x" * 5000},
    ]
    for fields in wrong:
        reply = await watched.send(path, fields)
        assert reply.status in (200, 403), fields
        assert "told us" not in reply.text, fields
    # Another account's link, and one that nobody was sent.
    nobodys = make_token(watched.service.vault.answer_key, "default", "a-none", "current")
    for token in (nobodys, "x" * 43):
        assert (await watched.send(f"/answer/{token}", second)).status == 404
    for content in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
        headers = named({"Origin": watched.daemon.base, "Content_Type": content})
        body = "&".join(f"{name}={value}" for name, value in second.items()).encode()
        assert (await watched.daemon.stranger().ask("POST", path, body, headers=headers)).status == 403
    watched.ahead = LASTS + 2_000_000
    assert (await watched.send(path, second)).status == 403
    assert watched.state() == before


async def test_the_second_form_is_not_taken_faster_than_somebody_reads(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    frozen = watched.service.clock()
    watched.service.clock = lambda: frozen
    _, second = await both_forms(watched, path)
    before = watched.state()
    reply = await watched.send(path, second)
    assert (reply.status, "That was very fast" in reply.text) == (200, True)
    assert watched.state() == before
    # The page that says so has the same form: what was read need not be read again.
    assert fields_of(reply.text)["form"] == second["form"]


async def test_fifty_answers_at_once_and_after_each_other_are_one(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    _, second = await both_forms(watched, path)
    _, other = await both_forms(watched, path, "yes")
    watched.ahead = 5_000_000
    replies = await asyncio.gather(*(watched.send(path, second) for _ in range(25)))
    assert {reply.status for reply in replies} == {200}
    await watched.links(1)
    before = watched.state()
    for fields in (second, other) * 13:
        assert "told us that it was not you" in (await watched.send(path, fields)).text
    assert watched.state() == before
    answers = [each async for each in watched.daemon.daemon.store.history(type="feedback")]
    assert len(answers) == 1
    assert watched._mails.mailbox.recipients == ["u-1@example.org", "ops@example.org"]


async def test_a_robot_with_a_browser_that_presses_everything_changes_nothing(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    before = watched.state()
    async with browser() as opened:
        page = await opened.new_page()
        seen: list[str] = []
        page.on("response", lambda response: seen.append(response.request.method))
        for number in range(2):
            for which in (0, -1):
                await page.goto(watched.daemon.base + path)
                await page.locator("button").nth(number).click()
                watched.ahead += 5_000_000
                # It fills in what has to be filled in, with the first or the last there is, and sends it.
                await page.locator("button").click()
                await page.locator("input[type=radio]").nth(which).check()
                async with page.expect_navigation():
                    await page.locator("button").click()
                # Or by a script, which needs no choice: nothing is chosen.
                await page.goto(watched.daemon.base + path)
                await page.locator("button").nth(number).click()
                async with page.expect_navigation():
                    await page.evaluate("document.forms[0].submit()")
        assert seen.count("POST") >= 8
    assert watched.state() == before
