"""The readable page: one HTML file that holds everything, explains it, and says what Art. 15(1) asks for.

No outside resource, no script; inline style that prints, follows dark mode and fits a telephone. It is well-formed XML
too, so that a test can tell whether anything escaped its place.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sentinel.export.data import Held
from sentinel.export.data_event import EventData
from sentinel.export.data_profile import FamiliarData, KnownValue, ProfileData
from sentinel.export.page_events import EventRow, event_rows
from sentinel.export.schema import structs
from sentinel.export.shown import Shown, visible
from sentinel.export.text import LANGUAGES, Text, languages_for, text_in

_TEMPLATES: Final = Path(__file__).parent / "templates"

#: Lists of the profile that have a table each, in reading order.
_LISTS: Final = (
    "devices",
    "device_kinds",
    "networks",
    "address_ranges",
    "network_kinds",
    "countries",
    "regions",
    "grants",
    "usual_places",
    "recent_places",
    "familiar",
    "factors",
    "sessions",
    "challenges",
    "open_alerts",
    "told_mails",
    "helped",
)
_BARS: Final = ("hours", "weekdays")


class Table(msgspec.Struct, frozen=True):
    """A table: caption, one sentence about it, labels of the columns, rows of texts."""

    caption: str
    meaning: str
    columns: list[str]
    rows: list[list[str]]


class Line(msgspec.Struct, frozen=True):
    """One value with its label and what it means."""

    label: str
    value: str
    meaning: str


def render(
    held: Held, events: Sequence[EventData], language: str, *, total: int, meanings: Mapping[str, str] | None = None
) -> bytes:
    """The page in ``language``, with ``events`` (the newest of ``total``) newest first.

    ``meanings`` explains facts by name; those that the page's evidence names are listed.
    """
    text = text_in(language)
    shown = Shown(text, held.account.timezone)
    rows = event_rows(events, shown)
    others = [name for name in LANGUAGES if name != language] if len(languages_for(held.account.locale)) > 1 else []
    html = (
        _environment()
        .get_template("page.html")
        .render(
            say=text.say,
            language=language,
            others=others,
            held=held,
            info=_information(held, text),
            account_id=visible(held.account.id),
            made=shown.when(held.made),
            zone=shown.zone,
            account=lines(held.account, shown),
            rights=lines(held.rights, shown, leave=("decisions",)),
            tables={name: table(getattr(held, name), name, "Document", shown) for name in _HELD},
            decisions=table(held.rights.decisions, "decisions", "RightsData", shown),
            profile=_profile(held.profile, shown),
            events=rows,
            total=total,
            facts=_facts(rows, meanings or {}),
            glossary=_glossary(text),
        )
    )
    return html.encode("utf-8")


#: Lists of the document that have a table each.
_HELD: Final = ("alerts", "mails", "hooks", "answers", "looks", "windows")


def lines(value: msgspec.Struct, shown: Shown, leave: Sequence[str] = ()) -> list[Line]:
    """Every field of a struct but those to ``leave`` as a line; what is not known says so."""
    name = type(value).__name__
    return [
        Line(
            shown.text.label(name, field),
            shown.value(name, field, getattr(value, field)) or shown.text.say("unknown"),
            shown.text.meaning(name, field),
        )
        for field in value.__struct_fields__
        if field not in leave
    ]


def table(rows: Sequence[msgspec.Struct], field: str, struct: str, shown: Shown) -> Table | None:
    """A list of structs as a table, without the columns that say nothing in any row; ``None`` for an empty list."""
    if not rows:
        return None
    name = type(rows[0]).__name__
    fields = rows[0].__struct_fields__
    cells = [[_cell(row, each, field, shown) for each in fields] for row in rows]
    no = shown.text.say("no")
    said = [index for index in range(len(fields)) if any(row[index] not in ("", "0", no) for row in cells)]
    return Table(
        shown.text.label(struct, field),
        shown.text.meaning(struct, field),
        [shown.text.label(name, fields[index]) for index in said],
        [[row[index] for index in said] for row in cells],
    )


def _cell(row: msgspec.Struct, field: str, listed: str, shown: Shown) -> str:
    value = getattr(row, field)
    if isinstance(row, FamiliarData) and field == "name":
        if row.name is None:
            return shown.text.say("any_new")
        if row.kind == "method":
            return visible(shown.text.word("auth_method" if value == "passkey" else "factor_method", value))
    if isinstance(row, KnownValue) and field == "name":
        match listed:
            case "countries":
                return visible(shown.text.country(value))
            case "network_kinds":
                return visible(shown.text.word("network_kind", value))
            case "device_kinds":
                browser_and_system, comma, kind = value.rpartition(", ")
                return visible(browser_and_system + comma + shown.text.word("device_type", kind))
            case "grants":
                return visible(shown.text.word("grant", value))
    return shown.value(type(row).__name__, field, value)


def _profile(profile: ProfileData | None, shown: Shown) -> dict[str, Any] | None:
    if profile is None:
        return None
    zone = profile.hours_zone or "UTC"
    return {
        "tables": [
            found for name in _LISTS if (found := table(getattr(profile, name), name, "ProfileData", shown)) is not None
        ],
        "zone": shown.text.say("zone_lon") if zone == "lon" else visible(zone),
        "hours": _shares([f"{hour:02}:00–{(hour + 1) % 24:02}:00" for hour in range(24)], profile.hours),
        "weekdays": _shares([shown.text.word("weekday", str(day)) for day in range(7)], profile.weekdays),
        "lines": lines(profile, shown, leave=(*_LISTS, *_BARS)),
    }


def _shares(names: Sequence[str], weights: Sequence[int]) -> list[tuple[str, int]]:
    """Names with their share of all weights in percent, without those that have none."""
    total = sum(weights)
    return [(name, round(100 * each / total)) for name, each in zip(names, weights, strict=False) if each]


def _information(held: Held, text: Text) -> dict[str, Any]:
    info = held.information
    values: dict[str, Any] = {
        name: visible(value) if isinstance(value, str) else value
        for name, value in msgspec.structs.asdict(info).items()
    }
    for name in ("notify", "challenge", "block"):
        values[name] = f"{values[name]:g}"
    values["service"] = values["service"] or text.say("operator")
    values["known_contact"] = values["contact"]
    values["contact"] = values["contact"] or values["controller"] or text.say("operator")
    values["controller"] = values["controller"] or text.say("operator")
    return values


def _facts(rows: Sequence[EventRow], meanings: Mapping[str, str]) -> list[tuple[str, str]]:
    """The facts that the evidence of the page names, with their meanings."""
    named = {fact for row in rows for reason in row.reasons for fact in reason.facts}
    return [(visible(name), meanings[name]) for name in sorted(named) if name in meanings]


def _glossary(text: Text) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """By struct: name, label and meaning of every field."""
    return [
        (name, [(field, text.label(name, field), text.meaning(name, field)) for field in struct.__struct_fields__])
        for name, struct in structs().items()
    ]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
