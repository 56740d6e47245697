"""Which language somebody gets."""

import pytest

from sentinel.language import LANGUAGES, language, negotiate


@pytest.mark.parametrize(
    ("wanted", "code", "locale"),
    [
        ("fr-CA", "fr", "fr_CA"),
        ("de_AT", "de", "de_AT"),
        ("ES", "es", "es"),
        (["nl", "fr"], "fr", "fr"),
        ("nl-BE", "de", "de"),
        ("fr-nonsense--", "fr", "fr"),
        ("", "de", "de"),
        (None, "de", "de"),
    ],
)
def test_a_region_falls_back_to_its_language_and_others_to_the_operators(
    wanted: str | list[str] | None, code: str, locale: str
) -> None:
    found = negotiate(wanted, "de")
    assert (found.code, str(found.locale)) == (code, locale)


def test_every_language_can_be_read() -> None:
    assert [language(code).code for code in LANGUAGES] == list(LANGUAGES)
    with pytest.raises(ValueError, match="en, de, fr, es"):
        language("tlh")
