"""Both languages have every text: a missing one would be a hole in somebody's page."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from sentinel.events.alert import KINDS
from sentinel.events.assessment import DECISION_ORDER, LEVEL_ORDER
from sentinel.events.event import AuthMethod, Mfa, MfaMethod, Outcome, Reason, Type
from sentinel.events.place import NETWORK_KINDS
from sentinel.export.gather import DECISIONS
from sentinel.export.schema import structs
from sentinel.export.shown import WORDS
from sentinel.export.text import LANGUAGES, text_in
from sentinel.past.profile import _GRANTS
from sentinel.past.seen import MOST
from tests.builders import packaged

FOLDER = Path(__file__).parents[2] / "sentinel" / "export"


def table(language: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / "text" / f"{language}.toml").read_text("utf-8"))


def leaves(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= leaves(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return found


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_all_languages_have_the_same_texts() -> None:
    english = leaves(table("en"))
    for language in LANGUAGES:
        other = leaves(table(language))
        assert set(other) == set(english)
        assert [key for key, value in other.items() if not value or not all(value)] == []
        assert [key for key in other if placeholders(str(other[key])) != placeholders(str(english[key]))] == []


def test_german_is_no_english_left_over() -> None:
    english, german = leaves(table("en")), leaves(table("de"))
    same = {key for key in english if english[key] == german[key] and key.startswith(("say.", "rule.", "field."))}
    assert same == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_label_and_a_meaning(language: str) -> None:
    fields = table(language)["field"]
    assert {name: set(fields[name]) for name in fields} == {
        name: set(struct.__struct_fields__) for name, struct in structs().items()
    }
    assert [(name, field) for name in fields for field, text in fields[name].items() if not text[1].endswith(".")] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fixed_value_has_a_word(language: str) -> None:
    words = table(language)["word"]
    outcomes = next(get_args(one) for one in get_args(Mfa.__annotations__["outcome"]) if get_args(one))
    expected = {
        "type": get_args(Type),
        "outcome": get_args(Outcome),
        "reason": get_args(Reason),
        "actor": ("self", "admin", "system"),
        "network_kind": NETWORK_KINDS,
        "device_type": ("desktop", "mobile", "tablet", "bot", "other"),
        "auth_method": get_args(AuthMethod),
        "factor_method": get_args(MfaMethod),
        "factor_outcome": outcomes,
        "level": LEVEL_ORDER,
        "decision": DECISION_ORDER,
        "status": ("live", "shadow"),
        "scope": ("attempt", "source"),
        "alert_kind": (*KINDS, "critical_account"),
        "state": ("open", "legitimate", "compromised", "answered"),
        "hook_state": ("pending", "held", "delivered", "dead"),
        "mail_state": ("pending", "sent", "failed", "unaddressed", "held", "folded", "answered"),
        "verdict": ("legitimate", "compromised"),
        "by": ("person", "service", "admin", "operator"),
        "right": ("access", "rectification", "erasure", *{right for right, _ in DECISIONS.values()}),
        "right_decision": {decision for _, decision in DECISIONS.values()},
        "objection": ("none", "open", "upheld", "rejected"),
        "familiar": tuple(MOST),
        "mode": ("enforce", "observe"),
        "grant": ("device_code", "api_token", *_GRANTS.values()),
        "weekday": [str(day) for day in range(7)],
    }
    assert {kind: set(words[kind]) for kind in expected} == {kind: set(values) for kind, values in expected.items()}
    assert set(WORDS.values()) - set(words) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_that_comes_along_has_a_sentence(language: str) -> None:
    rules = {file.compiled.rule.id: file.compiled.rule.title for file in packaged()}
    assert set(table(language)["rule"]) == set(rules)
    if language == "en":
        assert table(language)["rule"] == rules


def test_every_country_has_a_name() -> None:
    codes = json.loads((FOLDER.parent / "data/geo/countries.json").read_text("utf-8"))
    for language in LANGUAGES:
        assert [code for code in codes if text_in(language).country(code) == code] == []
    assert text_in("de").country("DE") == "Deutschland"


def test_every_text_is_used() -> None:
    sources = "".join(path.read_text("utf-8") for path in [*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.html")])
    used = set(re.findall(r'"(\w+)"', sources)) | {f"{name}_intro" for name in re.findall(r'"(\w+)"', sources)}
    assert set(table("en")["say"]) - used == set()
