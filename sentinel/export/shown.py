"""Values of the export as a page shows them: times in the person's zone, fixed values in words, nothing invisible."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec

from sentinel.events.zone import find_zone
from sentinel.export.data_event import PlaceData
from sentinel.export.schema import time_fields
from sentinel.export.text import Text

#: Which table of words a field's values are found in; all others are shown as they are.
WORDS: Final = {
    ("EventData", "type"): "type",
    ("EventData", "outcome"): "outcome",
    ("EventData", "reason"): "reason",
    ("EventData", "actor"): "actor",
    ("EventData", "auth_method"): "auth_method",
    ("EventData", "factor_method"): "factor_method",
    ("EventData", "factor_outcome"): "factor_outcome",
    ("NetworkData", "kind"): "network_kind",
    ("DeviceData", "type"): "device_type",
    ("AssessmentData", "level"): "level",
    ("AssessmentData", "decision"): "decision",
    ("AssessmentData", "would"): "decision",
    ("AssessmentData", "scope"): "scope",
    ("AssessmentData", "methods"): "factor_method",
    ("AlertData", "kind"): "alert_kind",
    ("AlertData", "level"): "level",
    ("AlertData", "state"): "state",
    ("OpenAlertData", "kind"): "alert_kind",
    ("OpenAlertData", "level"): "level",
    ("ToldMailData", "kind"): "alert_kind",
    ("ToldMailData", "level"): "level",
    ("MailData", "kind"): "alert_kind",
    ("MailData", "state"): "mail_state",
    ("HookData", "state"): "hook_state",
    ("AnswerData", "verdict"): "verdict",
    ("AnswerData", "by"): "by",
    ("Look", "role"): "role",
    ("RightsData", "objection"): "objection",
    ("RightsDecision", "right"): "right",
    ("RightsDecision", "decision"): "right_decision",
    ("FactorData", "method"): "factor_method",
    ("ChallengeData", "method"): "factor_method",
    ("FamiliarData", "kind"): "familiar",
    ("Information", "mode"): "mode",
}
_COUNTRIES: Final = frozenset({("PlaceData", "country"), ("SessionData", "country"), ("SpotData", "country")})
_RULES: Final = frozenset({("AlertData", "rules"), ("OpenAlertData", "rules")})
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Joiners that Persian, Indian scripts and emoji need; they cannot turn text around.
_JOINERS: Final = "\u200c\u200d"


def visible(text: str) -> str:
    """``text`` with every character that is not seen, or that turns others around, as ``⟨U+202E⟩``.

    Whoever signs in chooses the user agent; what stands on the page is what was sent, not what it pretends to be.

    >>> visible("a\\u202eb\\n")
    'a⟨U+202E⟩b⟨U+000A⟩'
    """
    if text.isprintable():
        return text
    return "".join(f"⟨U+{ord(each):04X}⟩" if _is_hidden(each) else each for each in text)


def _is_hidden(character: str) -> bool:
    if character in _JOINERS:
        return False
    # The last two code points of each plane, and 32 more, are no characters: XML and HTML refuse them.
    number = ord(character)
    if number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF:
        return True
    return unicodedata.category(character) in _HIDDEN


class Shown:
    """Shows values in one language and one time zone; an unknown zone is UTC."""

    def __init__(self, text: Text, timezone: str | None) -> None:
        self.text = text
        found = find_zone(timezone)
        self._zone: tzinfo = found or UTC
        self.zone = found.key if found else "UTC"

    def when(self, time: str) -> str:
        """A moment in the person's zone, as ``2026-11-24 13:05:09 CET``: the same order in every language."""
        return f"{datetime.fromisoformat(time).astimezone(self._zone):%Y-%m-%d %H:%M:%S %Z}"

    def value(self, struct: str, field: str, value: Any) -> str:
        """A field's value in words; empty for what is not known or not so."""
        if value is None or value == [] or value == {}:
            return ""
        if isinstance(value, list):
            return "; ".join(filter(None, (self.value(struct, field, each) for each in value)))
        if isinstance(value, bool):
            return self.text.say("yes" if value else "no")
        if isinstance(value, PlaceData):
            return self.place(value)
        if isinstance(value, Mapping):
            return "; ".join(f"{visible(str(name))} = {visible(str(each))}" for name, each in value.items())
        if isinstance(value, msgspec.Struct):
            parts = msgspec.structs.asdict(value).items()
            return ", ".join(filter(None, (self.value(type(value).__name__, name, each) for name, each in parts)))
        return self._plain(struct, field, value)

    def _plain(self, struct: str, field: str, value: Any) -> str:
        if isinstance(value, float):
            return f"{value:g}"
        if not isinstance(value, str):
            return str(value)
        if (struct, field) in time_fields():
            return self.when(value)
        if (struct, field) in _COUNTRIES:
            return visible(self.text.country(value))
        if (struct, field) in _RULES:
            return visible(self.text.rule(value, value))
        kind = WORDS.get((struct, field))
        return visible(self.text.word(kind, value) if kind else value)

    def place(self, place: PlaceData) -> str:
        """A place by its names and its coordinates; empty when nothing is known of it."""
        city = self.text.say("near", city=visible(place.city)) if place.city else ""
        names = [city, visible(place.region or ""), visible(self.text.country(place.country))]
        if place.lat is not None and place.lon is not None:
            radius = f"{place.accuracy_km or 0:g}"
            names.append(self.text.say("coordinates", lat=f"{place.lat:g}", lon=f"{place.lon:g}", km=radius))
        return ", ".join(filter(None, names))
