"""Why a value was refused, in a sender's words: from msgspec's message to the field and what it takes."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import inspect

from sentinel.errors import FieldError

#: Characters of a wrong field's name that an error repeats.
_MAX_NAMED: Final = 64

_PATH = re.compile(r"^(?P<what>.*) - at `\$\.?(?P<path>.*?)`$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>.*)`$", re.DOTALL)


def refusal(error: msgspec.ValidationError, expected: Mapping[str, str], *, hint: str = "") -> FieldError:
    """The field that a value was refused for, and what it takes (``expected`` by path, or msgspec's words).

    The message reads ``Expected `int`, got `str` - at `$.mfa.counter```. ``hint`` follows an unknown field.
    A refused value is not repeated: it may be anything, and errors are logged.
    """
    what, path = str(error), ""
    if match := _PATH.match(what):
        what, path = match["what"], match["path"]
    if unknown := _UNKNOWN.match(what):
        return FieldError(_join(path, unknown["field"][:_MAX_NAMED]), f"unknown field{hint}")
    if missing := _MISSING.match(what):
        field = _join(path, missing["field"])
        return FieldError(field, f"required, {expected[field]}" if field in expected else "required")
    if path in expected:
        return FieldError(path, f"expected {expected[path]}")
    if what.startswith("Invalid enum value"):
        return FieldError(path, "not one of the values that it takes")
    return FieldError(path, what[:1].lower() + what[1:])


def choices(struct: type[msgspec.Struct]) -> dict[str, str]:
    """What each field of ``struct`` with a choice of values takes, by dotted path."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return _choices(info, "")


def _choices(info: inspect.StructType, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in info.fields:
        for kind in field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,):
            if isinstance(kind, inspect.LiteralType):
                found[prefix + field.name] = f"one of {', '.join(map(str, kind.values))}"
            elif isinstance(kind, inspect.StructType):
                found |= _choices(kind, f"{prefix}{field.name}.")
    return found


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field
