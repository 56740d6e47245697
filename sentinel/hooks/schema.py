"""JSON Schemas (draft 2020-12) of what webhooks are told, made from the structs; docs/hooks.md shows them."""

from typing import Any

import msgspec

from sentinel.events.hook import PAYLOADS, HookType


def payload_schema(type: HookType) -> dict[str, Any]:
    """Of the whole body of an event of a type. Receivers should take fields that are not in it: more may come."""
    struct = PAYLOADS[type]
    _, components = msgspec.json.schema_components([struct])
    data = components[struct.__name__]
    description = " ".join(data.pop("description").split())
    data.pop("title")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": type,
        "description": description,
        "type": "object",
        "properties": {
            "type": {"const": type},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
        "required": ["type", "timestamp", "data"],
    }
