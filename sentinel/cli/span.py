"""A stretch of time as people type it: `30d`, `12h`, or the date it begins with."""

from datetime import UTC, datetime
from typing import Any, Final

import click
import msgspec

from sentinel.events.clock import DAY, HOUR, to_micros

_UNITS: Final = {"h": HOUR, "d": DAY}


class Moment(msgspec.Struct, frozen=True):
    """A point in time, in micros."""

    micros: int


class Span(click.ParamType[Any]):
    """A number of hours or days back (micros), as ``30d``, or a date (:class:`Moment`)."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click. Fails with what was expected."""
        if not isinstance(value, str):
            return value
        if value[-1:] in _UNITS and value[:-1].isdigit() and len(value) < 8:
            return int(value[:-1]) * _UNITS[value[-1]]
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: expected hours or days as 12h or 30d, or a date as 2026-01-31", param, ctx)
        return Moment(to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))
