"""The settings as a list, for the docs and for commands that show them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from sentinel.config.expectation import default_of, expected
from sentinel.config.settings import Settings


class Setting(NamedTuple):
    """One setting: dotted ``key``, what it takes, default, unit of a number, help.

    ``default`` is as TOML writes it, or words; "" means unset. ``NAME`` in a key stands for any name, ``[]``
    for any item of a list. Only items of lists have ``required`` settings.
    """

    key: str
    type: str
    default: str
    unit: str
    help: str
    required: bool = False


class Section(NamedTuple):
    """A table: its ``key`` ("" is the top), its help, its own settings."""

    key: str
    help: str
    settings: tuple[Setting, ...]


def describe_settings() -> list[Setting]:
    """Every setting, in the order of the declarations."""
    return [setting for section in describe_sections() for setting in section.settings]


def describe_sections() -> list[Section]:
    """The tables in the order of the declarations, the top level first."""
    return list(_sections("", "", Settings))


def _sections(key: str, text: str, declared: type[msgspec.Struct]) -> Iterator[Section]:
    own: list[Setting] = []
    below: list[tuple[str, str, type[msgspec.Struct]]] = []
    for field in msgspec.structs.fields(declared):
        name = f"{key}.{field.encode_name}" if key else field.encode_name
        node, meta = _unwrap(inspect.type_info(field.type))
        table = _table(node)
        if table is None:
            own.append(_setting(name, field, meta))
        elif key.startswith("tenants."):
            # The same keys as of all; listing them once more for tenants would only hide them.
            own.append(_setting(name, field, meta))
        else:
            below.append((name + table[0], str(meta.get("description", "")), table[1]))
    yield Section(key, text, tuple(own))
    for inner in below:
        yield from _sections(*inner)


def _setting(name: str, field: msgspec.structs.FieldInfo, meta: dict[str, Any]) -> Setting:
    default = default_of(field)
    required = default is msgspec.NODEFAULT
    shown = meta.get("default") or ("" if required or default is None else _toml(default))
    return Setting(
        name,
        expected(field.type),
        str(shown),
        str(meta.get("unit", "")),
        str(meta.get("description", "")),
        required,
    )


def _unwrap(node: inspect.Type) -> tuple[inspect.Type, dict[str, Any]]:
    meta: dict[str, Any] = {}
    while isinstance(node, inspect.Metadata):
        meta |= (node.extra_json_schema or {}) | (node.extra or {})
        node = node.type
    return node, meta


def _table(node: inspect.Type) -> tuple[str, type[msgspec.Struct]] | None:
    """What a table's key is followed by, and its Struct; None for a plain value."""
    match node:
        case inspect.StructType():
            return "", node.cls
        case inspect.DictType(value_type=inspect.StructType(cls=cls)):
            return ".NAME", cls
        case inspect.VarTupleType(item_type=inspect.StructType(cls=cls)):
            return "[]", cls
        case _:
            return None


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            return '"' + str(value) + '"'
