"""Which systems are told of what. Pure: asked while events are judged."""

from collections.abc import Iterable

import msgspec

from sentinel.events.assessment import LEVEL_ORDER


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook or a stream by its name, the types of events it wants, and the lowest level of an assessment that it
    wants whatever the decision."""

    name: str
    types: frozenset[str]
    level: str = "high"


class Receivers(msgspec.Struct, frozen=True):
    """Those of one tenant."""

    all: tuple[Receiver, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.all)

    def of(self, type: str) -> tuple[str, ...]:
        """Names of those that want a type."""
        return _names(each for each in self.all if type in each.types)

    def of_assessment(self, level: str, decision: str) -> tuple[str, ...]:
        """Names of those that want to hear of an assessment with this level and decision."""
        stopped = decision in ("challenge", "block")
        return _names(
            each
            for each in self.all
            if "assessment.raised" in each.types and (stopped or LEVEL_ORDER[level] >= LEVEL_ORDER[each.level])
        )


def _names(found: Iterable[Receiver]) -> tuple[str, ...]:
    return tuple(each.name for each in found)
