"""The words for what a setting takes, made from its declaration; errors and the docs use the same ones."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import inspect


def expected(declared: Any) -> str:
    """What a declared type takes: ``a whole number (days), 1 to 365``."""
    node = inspect.type_info(declared)
    unit = ""
    while isinstance(node, inspect.Metadata):
        unit = str((node.extra or {}).get("unit", unit))
        node = node.type
    if names := choices(declared):
        return "one of " + ", ".join(f'"{name}"' for name in names)
    return _words(node, f" ({unit})" if unit else "")


def expected_item(declared: Any) -> str:
    """What one item of a declared ``tuple[X, ...]`` takes."""
    return expected(get_args(get_args(declared)[0])[0])


def choices(declared: Any) -> list[str]:
    """The names a declared Literal allows, in the order of the declaration; none for other types."""
    inner = get_args(declared)[0] if get_origin(declared) is Annotated else declared
    if isinstance(inner, UnionType) or get_origin(inner) is Union:
        # ``Literal[…] | None`` is a typing.Union, ``int | None`` a types.UnionType.
        inner = next(one for one in get_args(inner) if one is not NoneType)
    return list(get_args(inner)) if get_origin(inner) is Literal else []


def _words(node: inspect.Type, unit: str) -> str:
    match node:
        case inspect.BoolType():
            return "true or false"
        case inspect.UnionType():
            return _words(next(one for one in node.types if not isinstance(one, inspect.NoneType)), unit)
        case inspect.IntType():
            return f"a whole number{unit}{_range(node.ge, node.le)}"
        case inspect.FloatType():
            return f"a number{unit}{_range(node.ge, node.le)}"
        case inspect.LiteralType():
            return "one of " + ", ".join(f'"{name}"' for name in node.values)
        case inspect.VarTupleType():
            return f"a list, each item {_words(node.item_type, unit)}"
        case inspect.CustomType():
            # Only pathlib.Path has no sentence of its own.
            return str(getattr(node.cls, "expected", "a path"))
        case inspect.StructType() | inspect.DictType():
            return "a table"
        case _:
            raise TypeError(f"no words for {node}")


def _range(lowest: float | None, highest: float | None) -> str:
    if lowest is None or highest is None:
        raise TypeError("a number needs a lowest and a highest value")
    return f", {_bound(lowest)} to {_bound(highest)}"


def _bound(limit: float) -> str:
    return f"{int(limit):,}" if limit == int(limit) else f"{limit:g}"


def kind_of(value: object) -> str:
    """What was found instead; never the text itself, which may be a secret in the wrong place."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """The default of a declared field; msgspec.NODEFAULT when it must be given."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
