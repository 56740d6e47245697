"""The words of the page, one table per language in ``text/``: labels, meanings, prose, words for fixed values."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from babel import Locale

LANGUAGES: Final = ("en", "de")


class Text:
    """All texts of one language. A text that is missing is a :class:`KeyError`: tests hold that none is."""

    def __init__(self, language: str, table: dict[str, Any], countries: dict[str, str]) -> None:
        self.language = language
        self.table = table
        self._countries = countries

    def say(self, key: str, **values: object) -> str:
        """The prose under ``key`` with ``{name}`` filled in."""
        text: str = self.table["say"][key]
        return text.format(**values) if values else text

    def label(self, struct: str, field: str) -> str:
        """What a field of a struct is called."""
        return str(self.table["field"][struct][field][0])

    def meaning(self, struct: str, field: str) -> str:
        """What a field of a struct means, in a sentence."""
        return str(self.table["field"][struct][field][1])

    def word(self, kind: str, value: str | None) -> str:
        """A fixed value in words, as ``word("type", "login")``; one that nobody foresaw stays as it is."""
        if value is None:
            return ""
        return str(self.table["word"][kind].get(value, value))

    def rule(self, rule: str, title: str) -> str:
        """What a rule found, by its id; of an operator's own rule its title."""
        return str(self.table["rule"].get(rule, title))

    def country(self, code: str | None) -> str:
        """The country's name; the code when it has none."""
        return "" if code is None else self._countries.get(code, code)


@cache
def text_in(language: str) -> Text:
    """The texts of one of :data:`LANGUAGES`."""
    folder = files("sentinel.export").joinpath("text")
    table = tomllib.loads(folder.joinpath(f"{language}.toml").read_text("utf-8"))
    return Text(language, table, dict(Locale.parse(language).territories.items()))


def languages_for(locale: str | None) -> tuple[str, ...]:
    """The languages of the page for a person's locale; all when the locale names none of them.

    >>> languages_for("de-AT"), languages_for("en_GB.UTF-8"), languages_for("fr"), languages_for(None)
    (('de',), ('en',), ('en', 'de'), ('en', 'de'))
    """
    primary = (locale or "").replace("_", "-").split("-")[0].lower()
    return (primary,) if primary in LANGUAGES else LANGUAGES
