"""Pictures of every mail in every language, light and dark, on a phone and on a desktop: docs/images/mails-*.webp.

`make contact-sheet` runs it; it needs Chromium (`--chromium PATH`). Look at them after every change of a template or a
text: what a test cannot see is broken there. It also fails where something is wider than the screen.
"""

import argparse
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Final

import msgspec
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from sentinel.alerts.compose import Identity, compose, page_of  # noqa: E402  # this tree, not an installed release
from sentinel.alerts.samples import sample, sample_attributes  # noqa: E402
from sentinel.events.alert import KINDS  # noqa: E402
from sentinel.language import LANGUAGES, negotiate  # noqa: E402

#: Width and scale of the two screens, in CSS pixels; 320 is the narrowest phone (WCAG 2.2, reflow).
SCREENS: Final = {"phone": 320, "desktop": 800}
#: How wide a mail is on the sheet.
_SHOWN: Final = {"phone": 220, "desktop": 330}
_QUALITY: Final = 40

_IDENTITY: Final = Identity(
    service_name="Example",
    from_header="Example Security <security@example.org>",
    support="+49 30 0000 0000",
    security_page="https://example.org/security",
    imprint="Example Ltd, 1 Example Street, Exampletown",
    answer_base="https://security.example.org",
)
_TOKEN: Final = "Zm9vYmFyYmF6cXV4-c2FtcGxl_dG9rZW4tMDEyMzQ1Njc4OQ"


def html_of(kind: str, locale: str) -> str:
    """A sample mail of a kind to somebody who reads ``locale``, as a page."""
    notice = sample(kind)
    identity = msgspec.structs.replace(_IDENTITY, locale=negotiate(locale).code)
    attributes = sample_attributes(locale) if notice.account else None
    url = f"{identity.answer_base}/answer/{_TOKEN}"
    return page_of(compose(notice, attributes, identity, recipient="ada@example.org", now=notice.time, answer_url=url))


def shots(browser: Browser, language: str) -> dict[tuple[str, str, str], bytes]:
    """A picture by screen, scheme and kind."""
    found: dict[tuple[str, str, str], bytes] = {}
    for screen, width in SCREENS.items():
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": 400}, color_scheme=scheme)
            for kind in KINDS:
                page.set_content(html_of(kind, language))
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    raise SystemExit(f"{kind} in {language} is {wide} pixels wide on a screen of {width}")
                found[screen, scheme, kind] = page.screenshot(full_page=True, type="jpeg", quality=85)
            page.close()
    return found


def sheet(browser: Browser, pictures: dict[tuple[str, str, str], bytes]) -> bytes:
    """All pictures of a language on one, as WebP: a row for each screen and scheme."""
    rows = []
    for screen in SCREENS:
        for scheme in ("light", "dark"):
            images = [
                f'<img width="{_SHOWN[screen]}" src="data:image/jpeg;base64,'
                f'{b64encode(pictures[screen, scheme, kind]).decode()}">'
                for kind in KINDS
            ]
            rows.append(f'<div class="row">{"".join(images)}</div>')
    width = (max(_SHOWN.values()) + 8) * len(KINDS) + 8
    page = browser.new_page(viewport={"width": width, "height": 400})
    style = "body { margin: 0; background: #888 } .row { display: flex; gap: 8px; padding: 8px; align-items: start }"
    page.set_content(f"<style>{style}</style>{''.join(rows)}")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    devtools = page.context.new_cdp_session(page)
    clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
    options = {"format": "webp", "quality": _QUALITY, "clip": clip, "captureBeyondViewport": True}
    picture = b64decode(devtools.send("Page.captureScreenshot", options)["data"])
    page.close()
    return picture


def main() -> None:
    """Write a sheet for each language."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="folder (default: docs/images)")
    parser.add_argument("--single", type=Path, help="folder for each picture by itself, too")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for language in LANGUAGES:
            pictures = shots(browser, language)
            path = options.out / f"mails-{language}.webp"
            path.write_bytes(sheet(browser, pictures))
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
            for (screen, scheme, kind), content in pictures.items():
                if options.single:
                    options.single.mkdir(parents=True, exist_ok=True)
                    (options.single / f"{language}-{screen}-{scheme}-{kind}.jpg").write_bytes(content)
        browser.close()


if __name__ == "__main__":
    main()
