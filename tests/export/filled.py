"""Any struct of the export with a value of its own in every field."""

import types
from itertools import count
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from sentinel.events.clock import DAY, to_text
from sentinel.export.data_event import Time


class Filler:
    """Fills structs; ``texts`` remembers every text that it put in, with struct and field."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.texts: list[tuple[tuple[str, str], str]] = []

    def __call__(self, struct: type[Any], **given: Any) -> Any:
        hints = get_type_hints(struct, include_extras=True)
        wanted = [name for name in struct.__struct_fields__ if name not in given]
        return struct(**given, **{name: self._value(hints[name], (struct.__name__, name)) for name in wanted})

    def _value(self, hint: Any, where: tuple[str, str]) -> Any:
        number = next(self._numbers)
        if hint == Time:
            return to_text(number * DAY)
        if get_origin(hint) in (Union, types.UnionType):
            return self._value(next(one for one in get_args(hint) if one is not type(None)), where)
        if get_origin(hint) is Literal:
            return get_args(hint)[-1]
        if get_origin(hint) is list:
            return [self._value(get_args(hint)[0], where)]
        if get_origin(hint) is dict:
            return {f"key{number}": self._value(get_args(hint)[1], where)}
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return self(hint)
        if hint in (str, Any):
            self.texts.append((where, f"text{number}x"))
            return self.texts[-1][1]
        return {int: number, float: number + 0.5, bool: True}[hint]
