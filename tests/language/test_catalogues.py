"""Every text people read is there in every language, and says it with the same values."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Message

from sentinel.language import LANGUAGES

ROOT = Path(__file__).parents[2]
OTHERS = [code for code in LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%[^(]|[{}<>]")


def _messages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages_script", ROOT / "scripts" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MESSAGES = _messages()
COLLECTED = {message.id for message in MESSAGES.collected() if message.id}


def texts(message: Message) -> list[tuple[str, str]]:
    """Source and translation, of a plural each form."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return [(message.id[-1], form) for form in message.string]


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_missing_and_none_is_left_over(code: str) -> None:
    found = {message.id for message in MESSAGES.catalogue(code) if message.id}
    assert found == COLLECTED, "run: make messages, and translate what is new"


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated_with_the_same_values(code: str) -> None:
    catalogue = MESSAGES.catalogue(code)
    wrong = []
    for message in catalogue:
        if not message.id:
            continue
        pairs = texts(message)
        forms = 1 if isinstance(message.id, str) else catalogue.num_plurals
        same = all(sorted(PLACEHOLDER.findall(a)) == sorted(PLACEHOLDER.findall(b)) for a, b in pairs)
        if message.fuzzy or len(pairs) != forms or not all(text.strip() for _, text in pairs) or not same:
            wrong.append(message.id)
    assert wrong == []


@pytest.mark.parametrize("code", OTHERS)
def test_a_sentence_stays_a_sentence_and_a_label_none(code: str) -> None:
    for message in MESSAGES.catalogue(code):
        for source, translation in texts(message) if message.id else ():
            assert source.endswith(".") == translation.endswith("."), translation
            assert translation == translation.strip()


def test_what_people_read_is_collected() -> None:
    for text in ("Was this you?", "Case number", "We have not seen this device with your account before."):
        assert text in COLLECTED
    assert len(COLLECTED) > 150


@pytest.mark.parametrize(("code", "familiar"), [("de", r"\b(du|dir|dich|dein\w*|euch|eure?)\b"),
                                                ("fr", r"\b(tu|te|toi|ton|ta|tes)\b"),
                                                ("es", r"\b(tú|te|ti|tus?|vuestr\w*)\b")])  # fmt: skip
def test_people_are_addressed_formally(code: str, familiar: str) -> None:
    said = [text for message in MESSAGES.catalogue(code) if message.id for _, text in texts(message)]
    assert [text for text in said if re.search(familiar, text, re.IGNORECASE)] == []
