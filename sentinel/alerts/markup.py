"""What stands in the HTML of a mail that should not: anything that is loaded, followed, run or filled in."""

import re
from html.parser import HTMLParser
from typing import Final

_ELEMENTS: Final = frozenset(
    {
        *("script", "iframe", "frame", "frameset", "object", "embed", "applet", "link", "base", "template", "noscript"),
        *("form", "input", "button", "select", "textarea", "portal"),
        *("svg", "math", "video", "audio", "source", "track"),
    }
)
_ATTRIBUTES: Final = frozenset(
    {
        *("srcset", "background", "poster", "action", "formaction", "data", "ping"),
        *("srcdoc", "http-equiv", "xlink:href"),
    }
)
#: CSS that loads something, or hides that it does.
_LOADING: Final = re.compile(r"url\s*\(|@import|image-set|expression\s*\(|\\", re.IGNORECASE)
_WEB_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S*|(?:javascript|data|mailto|tel):\S+", re.IGNORECASE)


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple((name, value or "") for name, value in attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def structure(html: str) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """The elements with their attributes, in order; of texts for people only that they are there."""
    return [
        (tag, tuple((name, "" if name in ("alt", "title", "aria-label") else value) for name, value in attributes))
        for tag, attributes in _Reader(html).elements
    ]


def trouble_in_html(html: str, answer_url: str | None, logo: str | None) -> str | None:
    """What an own template's HTML has that a mail must not have, in words."""
    reader = _Reader(html)
    for tag, attributes in reader.elements:
        if tag in _ELEMENTS:
            return f"<{tag}> is not allowed in a mail"
        for name, value in attributes:
            if name.startswith("on") or name in _ATTRIBUTES:
                return f"the attribute {name} is not allowed in a mail"
            if name == "src" and (logo is None or value != f"cid:{logo}"):
                return 'a picture is loaded from elsewhere; only the logo can be shown, src="cid:{{ logo }}"'
            if name == "href" and value != answer_url:
                return 'there is a link that is not the answer page\'s, href="{{ answer_url }}"'
            if name == "style" and _LOADING.search(value):
                return "a style loads something (url, @import) or has a backslash"
    text = "".join(reader.words)
    if _LOADING.search("".join(re.findall(r"<style[^>]*>(.*?)</style", html, re.DOTALL | re.IGNORECASE))):
        return "a style loads something (url, @import) or has a backslash"
    return trouble_in_text(text, answer_url)


def trouble_in_text(text: str, answer_url: str | None) -> str | None:
    """Web addresses in the text that mail programs would make links of."""
    others = [found for found in _WEB_ADDRESS.findall(text) if found != answer_url]
    return "there is a web address; mail programs make a link of it" if others else None
