"""`sentinel models drift`: how far logins moved from those that a model learned from, day by day."""

from collections.abc import Sequence
from typing import Any

import click

from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.tenants import tenant_option
from sentinel.config import Config
from sentinel.daemon.drift import ModelDrift, drift_of, findings
from sentinel.daemon.models import open_shelf, today
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.events.clock import DAY, now, to_text
from sentinel.models.drift import SCORE
from sentinel.models.drifted import TOLD, Report, Span, told
from sentinel.models.in_force import Standing


@click.command("drift")
@tenant_option("Whose models.")
@json_option
@pass_config
@run_async
async def command(context: Context, tenant: str, as_json: bool) -> int:
    """Show how far logins moved from those that the models in force learned from, day by day.

    The figure is the population stability index: below 0.1 stable, above 0.25 shifted. Days are UTC, up to yesterday;
    the last line is of seven days together. A day with fewer than 50 logins looked at says nothing.

    \b
    Example:
      sentinel models drift --tenant shop
    """
    shelf = open_shelf(context.config)
    in_force = [each for each in shelf.look(tenant, today()) if each.status == "in force"]
    drifts = await read_drift(context.config, tenant, in_force)
    if as_json:
        print_json([as_data(each) for each in drifts])
        return 0
    for each in drifts:
        if each.report is not None and each.report.days:
            _print(each, each.report)
    for finding in findings(tenant, drifts):
        click.echo(finding.text)
    return 0


async def read_drift(config: Config, tenant: str, standings: Sequence[Standing]) -> list[ModelDrift]:
    """The drift of models, from the store. Raises :class:`sentinel.errors.SentinelError`."""
    vault = open_vault(config, or_ephemeral=True)
    store = open_to_read(config, vault)
    try:
        return await drift_of(store, vault, tenant, standings, now=now())
    finally:
        await store.close()
        vault.close()


def as_data(drift: ModelDrift) -> dict[str, Any]:
    """A model's drift, to print as JSON."""
    standing, report = drift.standing, drift.report
    found: dict[str, Any] = {"tenant": standing.tenant, "kind": standing.kind, "version": standing.version}
    if report is None:
        return found | {"days": [], "week": None, "shifted": []}
    return found | {
        "days": [{"day": _date(day)} | _span(span) for day, span in report.days.items()],
        "week": _span(report.week) | {"days": report.week.days},
        "shifted": [name for name, _ in report.shifted],
    }


def in_one_line(report: Report) -> str | None:
    """The last seven days; ``None`` when nothing was counted."""
    if not report.week.logins:
        return None
    text = f"{report.week.logins} logins of the last seven days looked at"
    if not report.enough:
        return f"{text}, too few to tell"
    return f"{text}; shifted: {told(report.shifted)}" if report.shifted else f"{text}; nothing shifted"


def _span(span: Span) -> dict[str, Any]:
    return {"logins": span.logins, "psi": {each.name: round(each.moved.psi, 4) for each in span.drifted}}


def _print(drift: ModelDrift, report: Report) -> None:
    click.echo(f"{drift.standing.kind} {drift.standing.version}")
    click.echo(f"  {'DAY':<12}{'LOGINS':>7}{'SCORE':>8}   MOVED MOST")
    for day, span in report.days.items():
        click.echo(_line(_date(day), span))
    click.echo(_line("seven days", report.week))
    click.echo()


def _line(name: str, span: Span) -> str:
    if not span.drifted:
        return f"  {name:<12}{span.logins:>7}{'':>8}   too few"
    score = next(each.moved.psi for each in span.drifted if each.name == SCORE)
    others = sorted((each for each in span.drifted if each.name != SCORE and each.steady), key=lambda e: -e.moved.psi)
    most = ", ".join(f"{each.name} {each.moved.psi:.2f}" for each in others[:TOLD])
    return f"  {name:<12}{span.logins:>7}{score:>8.2f}   {most}"


def _date(day: int) -> str:
    return to_text(day * DAY)[:10]
