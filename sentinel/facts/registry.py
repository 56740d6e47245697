"""The registry of facts: what a rule can read, with name, type and meaning (`sentinel facts` prints it)."""

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from sentinel.facts.look import Look

FactType = Literal["bool", "int", "double", "string", "list(string)"]
FactValue = bool | int | float | str | tuple[str, ...]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A named, typed value.

    ``keyed``: a pseudonym; never shown as evidence. ``past``: needs the profile, so windows may not be kept
    by it. ``judged``: has a meaning only for events that are judged like a login (CONTRACT §1, "What is
    judged how"). ``few``: a text out of a short list, so that what to do may be remembered by it.
    """

    name: str
    type: FactType
    meaning: str
    compute: Callable[[Look], FactValue | None]
    keyed: bool = False
    past: bool = False
    judged: bool = False
    few: bool = False


FACTS: Final[dict[str, Fact]] = {}


def fact(
    name: str,
    type: FactType,
    *,
    keyed: bool = False,
    past: bool = False,
    judged: bool = False,
    few: bool = False,
) -> Callable[[Callable[[Look], FactValue | None]], Callable[[Look], FactValue | None]]:
    """Declare the decorated function as fact ``name``; its docstring's first paragraph is the meaning.

    The function returns ``None`` when the fact is absent; a ``bool`` fact never is (unknown is false).
    """

    def declare(compute: Callable[[Look], FactValue | None]) -> Callable[[Look], FactValue | None]:
        if name in FACTS:
            raise ValueError(f"fact {name} is declared twice")
        if not compute.__doc__:
            raise ValueError(f"fact {name} has no meaning: write its docstring")
        meaning = " ".join(compute.__doc__.split("\n\n")[0].split())
        FACTS[name] = Fact(
            name=name, type=type, meaning=meaning, compute=compute, keyed=keyed, past=past, judged=judged, few=few
        )
        return compute

    return declare
