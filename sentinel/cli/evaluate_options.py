"""What `sentinel evaluate` is told: which logins count, and who attacks."""

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from sentinel.events.clock import to_micros
from sentinel.pipeline.holdout import Part


class HoldOut(msgspec.Struct, frozen=True):
    """What counts of the time: since a day (micros), or the last share of it."""

    since: int | None = None
    share: float = 1.0

    def begin(self, first: int, last: int) -> int:
        """From when on logins count, of events from ``first`` to ``last``."""
        return self.since if self.since is not None else last - int((last - first) * self.share)


class HoldOutType(click.ParamType[Any]):
    """A date as ``2026-03-01``, or a share as ``0.3``."""

    name = "date|share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click. Fails with what was expected."""
        if not isinstance(value, str):
            return value
        try:
            share = float(value)
        except ValueError:
            pass
        else:
            if 0 < share < 1:
                return HoldOut(share=share)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: expected a date as 2026-03-01, or a share between 0 and 1 as 0.3", param, ctx)
        return HoldOut(since=to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))


class Earlier(click.ParamType[Any]):
    """Numbers of earlier logins, as ``1-5`` or ``10-``."""

    name = "from-to"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click. Fails with what was expected."""
        if not isinstance(value, str):
            return value
        least, dash, most = value.partition("-")
        if not dash or not least.isdigit() or (most and not most.isdigit()) or (most and int(most) < int(least)):
            self.fail(f"{value!r}: expected numbers of earlier logins, as 1-5 or 10-", param, ctx)
        return int(least), int(most) if most else None


class Without(click.ParamType[Any]):
    """Fields of events, by commas."""

    name = "fields"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click. Fails with the fields there are."""
        from sentinel.evaluation.scores import WITHOUT

        if not isinstance(value, str):
            return value
        fields = tuple(dict.fromkeys(field.strip() for field in value.split(",") if field.strip()))
        if unknown := [field for field in fields if field not in WITHOUT]:
            self.fail(f"{', '.join(unknown)}: cannot be left out; there are {', '.join(WITHOUT)}", param, ctx)
        return fields


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """All that was asked for."""

    hold_out: HoldOut | None = None
    part: Part = Part()
    without: tuple[str, ...] = ()
    answered: bool = False
    attackers: int = 0
    seed: int = 1
