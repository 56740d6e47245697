"""The languages people are written to in: which there are, which one somebody gets, and what it says.

English is the source; the others are message catalogues (gettext) beside this file, read as they are: a change is seen
without a build step, and no generated file is in the repository. ``make messages`` brings them up to date.
"""

from collections.abc import Sequence
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

DOMAIN: Final = "sentinel"
#: All of them are complete: a missing string fails the tests.
LANGUAGES: Final = ("en", "de", "fr", "es")


class Language:
    """One language: ``code`` is one of :data:`LANGUAGES`, ``locale`` formats dates and numbers."""

    def __init__(self, code: str, locale: Locale, translations: NullTranslations) -> None:
        self.code = code
        self.locale = locale
        self.translations = translations

    def say(self, text: str) -> str:
        """An English text in this language."""
        return self.translations.gettext(text)


def negotiate(wanted: str | Sequence[str] | None, default: str = "en") -> Language:
    """The language that somebody gets who ``wanted`` others (locale tags like ``fr-CA`` or ``de_AT``, best first).

    ``fr-CA`` falls back to ``fr``; without any that there is, it is the operator's ``default``. Dates and numbers are
    those of the region that was wanted, where it is known.

    >>> negotiate("fr-CA").code, str(negotiate("fr-CA").locale), negotiate("nl", "de").code
    ('fr', 'fr_CA', 'de')
    """
    tags = [wanted] if isinstance(wanted, str) else list(wanted or ())
    for tag in tags:
        code = tag.replace("_", "-").partition("-")[0].lower()
        if code in LANGUAGES:
            return _language(code, _locale(tag, code))
    return language(default)


def language(code: str) -> Language:
    """One of :data:`LANGUAGES`. Raises :class:`ValueError` for another."""
    if code not in LANGUAGES:
        raise ValueError(f"there is no language {code!r}; expected one of {', '.join(LANGUAGES)}")
    return _language(code, Locale.parse(code))


def _locale(tag: str, code: str) -> Locale:
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse(code)


def _language(code: str, locale: Locale) -> Language:
    return Language(code, locale, _translations(code))


@cache
def _translations(code: str) -> NullTranslations:
    if code == "en":
        return NullTranslations()
    source = files("sentinel").joinpath(f"language/{code}/LC_MESSAGES/{DOMAIN}.po")
    compiled = BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code, domain=DOMAIN))
    compiled.seek(0)
    return GNUTranslations(compiled)
