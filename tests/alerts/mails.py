"""Reading a mail in tests: its parts, its HTML, the words of both twins."""

import re
from email.message import EmailMessage
from html.parser import HTMLParser


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html_of(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


class Page(HTMLParser):
    """What a page has: elements in order, names of attributes, where links and pictures lead, the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.language = ""
        self.words: list[str] = []
        self._skip = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [(name, value or "") for name, value in attrs if name in ("href", "src")]
        if tag == "html":
            self.language = dict(attrs).get("lang") or ""
        self._skip = tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._skip = False

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.words += data.split()


def plain_words(text: str, labels: tuple[str, ...]) -> list[str]:
    """The words of the text part without what only layout adds: list dashes and the colons after labels."""
    text = re.sub(r"^- ", "", text, flags=re.MULTILINE)
    return re.sub(rf"^({'|'.join(map(re.escape, labels))})\s?:", r"\1", text, flags=re.MULTILINE).split()
