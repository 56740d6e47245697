"""The page in a browser: it does what it says, for everybody, and asks nobody else."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import pytest
from playwright.async_api import Browser, Page

from tests.answer.watching import Watched, far, phone
from tests.browser import browser, violations
from tests.running import login

Scheme = Literal["light", "dark"]
_SECONDS: Final = 5_000_000


async def choose(watched: Watched, page: Page, button: str, label: str) -> None:
    """Both steps with the mouse."""
    await page.get_by_role("button", name=button, exact=True).click()
    watched.ahead += _SECONDS
    await page.get_by_label(label, exact=True).check()
    await page.get_by_role("button", name="Send my answer").click()


async def test_it_was_me_in_a_browser_lets_the_phone_into_the_trusted_past(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    assert (await watched.risk())["risk"] > 0
    async with browser() as opened:
        page = await opened.new_page()
        await page.goto(watched.daemon.base + path)
        await choose(watched, page, "It was me", "It was me")
        assert await page.get_by_role("heading", level=1).inner_text() == "Thank you: you told us that it was you"
        assert page.url == watched.daemon.base + path
        await page.reload()
        assert await page.get_by_role("heading", level=1).inner_text() == "Thank you: you told us that it was you"
    assert (await watched.risk())["risk"] == 0.0
    (alert,) = (await watched.client.get("/v1/accounts/u-1/alerts")).body["alerts"]
    assert alert["state"] == "legitimate"
    again = await watched.client.assess(phone("e-2", session_id="s-2"))
    assert again["decision"] == "allow"
    assert again["findings"] == []
    assert watched._mails.mailbox.recipients == ["u-1@example.org"]


async def test_it_was_not_me_in_a_browser_holds_the_account_until_the_service_clears_it(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    async with browser() as opened:
        page = await opened.new_page()
        await page.goto(watched.daemon.base + path)
        await choose(watched, page, "It was not me", "It was not me")
        assert await page.get_by_role("heading", level=1).inner_text() == "Thank you: you told us that it was not you"
        reset = page.get_by_role("link", name="Set a new password at Example Mail")
        assert await reset.get_attribute("href") == "https://accounts.example.org/reset"
        await page.goto(watched.daemon.base + path)
        assert await page.get_by_role("button").count() == 0
    held = await watched.risk()
    assert (held["risk"], held["level"], held["reasons"][0]) == (100.0, "critical", "compromised")
    await watched.links(1)
    (to,), case = watched._mails.mailbox.mails[-1]
    assert (to, case["Subject"]) == ("ops@example.org", "An account of Example Mail may be in other hands")
    (campaign,) = (await watched.client.get("/v1/campaigns")).body["campaigns"]
    body = case.get_body(("plain",))
    assert body is not None
    assert campaign["alert"] in body.get_content()
    # What that session does now is nobody's trusted past, and the account's risk stays.
    await watched.client.take([login("e-2", session_id="s-phone", type="session_seen", device_id="phone")])
    again = await watched.client.assess(phone("e-3", session_id="s-3"))
    assert again["decision"] != "allow"
    assert (await watched.risk())["risk"] == 100.0
    await watched.client.post("/v1/feedback", {"event": "e-1", "verdict": "legitimate"})
    assert (await watched.risk())["reasons"][:1] != ["compromised"]


async def states(watched: Watched) -> dict[str, Callable[[Page], Awaitable[object]]]:
    """Every state of the page, and how a browser gets there; each has a link of its own."""
    base = watched.daemon.base
    paths = {}
    for name, event in (
        ("question", phone("e-q")), ("yes", phone("e-y")), ("noted", far("e-n")), ("no", phone("e-x")),
        ("stands", far("e-s")), ("change", phone("e-c", type="mfa_removed", mfa={"method": "totp"})),
    ):  # fmt: skip
        (paths[name],) = await watched.mailed(event, f"u-{name}", name="Ada Example", timezone="Europe/Berlin")
    for name, said in (("yes", "yes"), ("noted", "yes"), ("no", "no")):
        await watched.answer(paths[name], said)
    await watched.client.post("/v1/feedback", {"event": "e-s", "verdict": "compromised"})

    def shows(path: str) -> Callable[[Page], Awaitable[object]]:
        return lambda page: page.goto(base + path)

    def second(number: int, *presses: Callable[[Page], Awaitable[object]]) -> Callable[[Page], Awaitable[object]]:
        async def go(page: Page) -> None:
            await page.goto(base + paths["question"])
            await page.get_by_role("button").nth(number).click()
            for press in presses:
                await press(page)

        return go

    async def chosen(page: Page, label: int) -> None:
        await page.locator("input[type=radio]").nth(label).check()
        await page.get_by_role("button").click()

    return {name: shows(path) for name, path in paths.items()} | {
        "second-yes": second(0),
        "second-no": second(1),
        "differs": second(1, lambda page: chosen(page, 0)),
        "unsure": second(1, lambda page: chosen(page, 2)),
        "unknown": shows("/answer/nothing"),
    }


def listened(page: Page) -> tuple[list[str], list[str]]:
    """What a page asks for and what it complains of, from now on."""
    asked: list[str] = []
    troubles: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: troubles.append(message.text))
    return asked, troubles


async def look(opened: Browser, scheme: Scheme, width: int) -> Page:
    context = await opened.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, java_script_enabled=True, locale="en"
    )
    return await context.new_page()


async def test_every_state_is_for_everybody_and_stays_among_us(watched: Watched) -> None:
    """No violation in light and dark, on a narrow screen and a wide one; nothing is fetched from anywhere else."""
    watched.service.guessing.too_many = lambda address, now: False  # type: ignore[method-assign]  # we come often
    every = await states(watched)
    async with browser() as opened:
        schemes: tuple[tuple[Scheme, int], ...] = (("light", 320), ("dark", 1024))
        for scheme, width in schemes:
            page = await look(opened, scheme, width)
            asked, troubles = listened(page)
            for name, go in every.items():
                await go(page)
                assert await violations(page) == [], (name, scheme)
                wide = await page.evaluate("(page => page.scrollWidth - page.clientWidth)(document.documentElement)")
                assert wide == 0, (name, width)
                heights = [await each.bounding_box() for each in await page.locator("button, label").all()]
                assert all(box is not None and box["height"] >= 44 for box in heights), name
            assert {url for url in asked if not url.startswith(watched.daemon.base + "/answer/")} <= {
                watched.daemon.base + "/favicon.ico"
            }
            assert [text for text in troubles if "404" not in text] == []


@pytest.mark.parametrize("locale", ["de", "fr", "es"])
async def test_other_languages_are_for_everybody_too(watched: Watched, locale: str) -> None:
    (path,) = await watched.mailed(phone(), locale=locale)
    async with browser() as opened:
        page = await look(opened, "dark", 320)
        await page.goto(watched.daemon.base + path)
        for _ in range(2):
            assert await page.locator("html").get_attribute("lang") == locale
            assert await violations(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") == 320
            words = await page.locator("main").inner_text()
            assert not re.search(r"\b(the|you|your|not)\b", words), "English is left"
            await page.get_by_role("button").nth(1 if await page.get_by_role("button").count() > 1 else 0).click()


async def test_the_keyboard_alone_is_enough(watched: Watched) -> None:
    (path,) = await watched.mailed(phone())
    async with browser() as opened:
        # Without scripts, as many people read their mails.
        context = await opened.new_context(java_script_enabled=False, locale="en")
        page = await context.new_page()

        async def focused() -> str:
            return await page.locator(":focus").inner_text()

        await page.goto(watched.daemon.base + path)
        await page.keyboard.press("Tab")
        assert await focused() == "It was me"
        outline = await page.locator(":focus").evaluate("node => getComputedStyle(node).outlineWidth")
        assert outline == "3px"
        await page.keyboard.press("Tab")
        assert await focused() == "It was not me"
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        watched.ahead += _SECONDS
        assert await page.title() == "Please choose once more – Example Mail"
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.keyboard.press("ArrowDown")
        assert await page.locator("input:checked").get_attribute("value") == "no"
        await page.keyboard.press("Tab")
        assert await focused() == "Send my answer"
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        assert await page.get_by_role("heading", level=1).inner_text() == "Thank you: you told us that it was not you"
        await page.keyboard.press("Tab")
        assert await focused() == "Set a new password at Example Mail"
