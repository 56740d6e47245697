"""The JSON Schema of ``data.json``, made from the structs; each field is described in the page's own words."""

import types
from functools import lru_cache
from typing import Any, get_args, get_type_hints

import msgspec

from sentinel.export.data import Document
from sentinel.export.data_event import Time
from sentinel.export.text import text_in


@lru_cache(maxsize=1)
def structs() -> dict[str, type[msgspec.Struct]]:
    """Every struct that the document is made of, by name."""
    found: dict[str, type[msgspec.Struct]] = {}
    waiting: list[Any] = [Document]
    while waiting:
        each = waiting.pop()
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            if each.__name__ not in found:
                found[each.__name__] = each
                waiting += get_type_hints(each).values()
        elif not isinstance(each, type) or isinstance(each, types.GenericAlias):
            waiting += get_args(each)
    return dict(sorted(found.items()))


@lru_cache(maxsize=1)
def time_fields() -> frozenset[tuple[str, str]]:
    """Struct and field of every moment in the document."""
    return frozenset(
        (name, field)
        for name, struct in structs().items()
        for field, hint in get_type_hints(struct, include_extras=True).items()
        if hint == Time or Time in get_args(hint)
    )


def document_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) with a title and a description for every field."""
    schema = msgspec.json.schema(Document)
    text = text_in("en")
    for name, definition in schema["$defs"].items():
        for field, described in definition["properties"].items():
            # Beside a $ref, other keywords count since 2019-09.
            described["title"], described["description"] = text.label(name, field), text.meaning(name, field)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sentinel: data of one account",
    } | schema


def schema_bytes() -> bytes:
    """``data.schema.json``."""
    return msgspec.json.format(msgspec.json.encode(document_schema()), indent=2) + b"\n"
