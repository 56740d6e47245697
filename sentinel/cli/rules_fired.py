"""How often rules fired lately, for `sentinel rules list`."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

import click
import msgspec

from sentinel.config import Config
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.events.clock import utc_day
from sentinel.rules.rule import Rule

#: Days, today included, of "the last day" (a whole one at least) and of "30 days".
_DAY: Final = 2
_MONTH: Final = 30


class Spans(msgspec.Struct):
    """Findings in the last day (yesterday and today) and the last 30 days."""

    day: int = 0
    month: int = 0


class Fired(msgspec.Struct):
    """Findings of one rule, by the status it had then."""

    live: Spans = msgspec.field(default_factory=Spans)
    shadow: Spans = msgspec.field(default_factory=Spans)


def fired_counts(config: Config, tenant: str | None) -> dict[str, Fired]:
    """Findings by rule; what never fired is missing. Raises :class:`StoreError`."""
    return asyncio.run(_counts(config, tenant, utc_day(time.time_ns() // 1000)))


async def _counts(config: Config, tenant: str | None, today: int) -> dict[str, Fired]:
    store = open_to_read(config, open_vault(config, or_ephemeral=True))
    try:
        counted = await store.fired(since=today - _MONTH + 1, tenant=tenant)
    finally:
        await store.close()
    out: dict[str, Fired] = {}
    for (day, rule, status), number in counted.items():
        fired = out.setdefault(rule, Fired())
        spans = fired.live if status == "live" else fired.shadow
        spans.month += number
        if day > today - _DAY:
            spans.day += number
    return out


def print_list(rules: Sequence[Rule], fired: Mapping[str, Fired], notes: Mapping[str, Sequence[str]] = {}) -> None:
    """The rules as a table, ``notes`` under those they are about; shadow columns are there when one fired in shadow."""
    shadow = any(each.shadow.month for each in fired.values())
    rows = [("rule", "status", "hears", "1 day", "30 days", *(["shadow 1 day", "30 days"] if shadow else []), "title")]
    for rule in rules:
        one = fired.get(rule.id, Fired())
        numbers = [one.live.day, one.live.month, *([one.shadow.day, one.shadow.month] if shadow else [])]
        rows.append((rule.id, rule.status, rule.audience, *map(str, numbers), rule.title))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [
            f"{cell:<{width}}" if at < 3 else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        click.echo("  ".join([*cells, row[-1]]))
        for note in notes.get(row[0], ()):
            click.echo(f"{'':<{widths[0]}}  {note}")
