"""`sentinel usage`: how the service is used, in figures that say nothing of a person."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.span import Moment, Span
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.events.clock import DAY, now, to_text, utc_day
from sentinel.privacy.noise import spread
from sentinel.store.protocol import CallKey, UsageDay

#: Of how many days of standard deviation the table speaks: the true number is within them on 19 days of 20.
_DEVIATIONS: Final = 2
#: In the order they are told.
_ORDER: Final = ("logins", "methods", "browsers", "countries")


@click.command("usage")
@click.option("--since", type=Span(), default="30d", show_default=True, help="Days back, as 30d, or a date.")
@tenant_option("Whose figures.")
@json_option
@pass_config
@run_async
async def command(context: Context, since: Any, tenant: str, as_json: bool) -> int:
    """Tell how many accounts came a day: logins, methods, browsers, countries; and API calls by key.

    Figures of accounts hold noise and no small numbers, so that they say nothing of a person (docs/usage.md). A day is
    told once it is over. Calls are counted exactly; today's are told too.

    \b
    Example:
      sentinel usage --since 90d --json
    """
    today = now()
    first = utc_day(since.micros if isinstance(since, Moment) else today - since)
    store = open_to_read(context.config, open_vault(context.config, or_ephemeral=True))
    try:
        told, calls = await store.usage(tenant, since=first), await store.calls(tenant, since=first)
    finally:
        await store.close()
    if as_json:
        print_json({"tenant": tenant, "since": _date(first), "days": _days(told), "calls": _calls(calls)})
    else:
        _print(told, calls)
    return 0


def _date(day: int) -> str:
    return to_text(day * DAY)[:10]


def _days(told: Sequence[UsageDay]) -> list[dict[str, Any]]:
    days: dict[int, dict[str, Any]] = {}
    for one in told:
        days.setdefault(one.day, {"day": _date(one.day)})[one.dimension] = {
            "epsilon": one.epsilon, "noise": one.scale, "least": one.least, "accounts": one.numbers,
        }  # fmt: skip
    return list(days.values())


def _calls(calls: dict[CallKey, int]) -> list[dict[str, Any]]:
    return [{"day": _date(day), "key": key, "calls": number} for (day, _, key), number in calls.items()]


def _print(told: Sequence[UsageDay], calls: dict[CallKey, int]) -> None:
    if not told and not calls:
        click.echo("nothing was counted in this time; a day is told after it is over")
        return
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("", "newest", "mean", "days"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in _ORDER:
        if days := [one for one in told if one.dimension == name]:
            _section(table, days)
    by_key: dict[str, dict[int, int]] = defaultdict(dict)
    for (day, _, key), number in calls.items():
        by_key[key][day] = number
    if by_key:
        newest = max(day for day, _, _ in calls)
        table.add_row(f"[bold]API calls[/bold] on {_date(newest)}; exact")
        _rows(table, by_key, newest)
    Console(highlight=False).print(table)


def _section(table: Table, days: Sequence[UsageDay]) -> None:
    last = max(days, key=lambda one: one.day)
    off = round(_DEVIATIONS * spread(Fraction(last.scale)))
    table.add_row(f"[bold]{last.dimension}[/bold] on {_date(last.day)}; ±{off}, below {last.least} not told")
    by_value: dict[str, dict[int, int]] = defaultdict(dict)
    for one in days:
        for value, number in one.numbers.items():
            by_value[value][one.day] = number
    _rows(table, by_value, last.day)


def _rows(table: Table, numbers: dict[str, dict[int, int]], newest: int) -> None:
    """A row for each name, the largest first; the mean is over the days that are told."""
    means = {name: sum(days.values()) / len(days) for name, days in numbers.items()}
    for name in sorted(means, key=lambda name: (-means[name], name)):
        days = numbers[name]
        shown = f"{days[newest]:,}" if newest in days else "-"
        table.add_row(f"  {escape(name)}", shown, f"{means[name]:,.0f}", str(len(days)))
