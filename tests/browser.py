"""Chromium without a window, for tests of what people see."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

#: What an audit looks at: WCAG 2.0 to 2.2, levels A and AA, and what is good practice beyond.
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium. Where there is none the test fails in CI, and is skipped on a laptop."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium: install the package chromium")
        pytest.skip("there is no Chromium: install the package chromium")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield opened
        finally:
            await opened.close()


async def violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds wrong with a page as it is now: rule and elements."""
    found = await Axe().run(page, options=_RULES)
    return [
        {"rule": each["id"], "where": [node["target"] for node in each["nodes"]]}
        for each in found.response["violations"]
    ]
