"""`sentinel report`: what happened, in figures of everybody together."""

from pathlib import Path
from typing import Final

import click

from sentinel.cli.context import Context, pass_config, print_json, run_async
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.report import make_report
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.events.clock import now
from sentinel.picture import png
from sentinel.report.plot import svg
from sentinel.report.render import html, text

_LONGEST: Final = 92


@click.command("report")
@click.option("--days", type=click.IntRange(1, _LONGEST), default=7, show_default=True, help="Days before today (UTC).")
@click.option(
    "--format", "form", type=click.Choice(["text", "html", "json"]), default="text", show_default=True, help="As what."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also draw logins, flagged ones and mails by day, as SVG or PNG by the file's name.",
)
@tenant_option("Of this tenant alone.", None)
@pass_config
@run_async
async def command(context: Context, days: int, form: str, plot: Path | None, tenant: str | None) -> int:
    """Report attacks, rules and their noise, answers, mails, drift and data; no account is in it.

    The same goes to `alerts.operators` every week where `alerts.report` says when (docs/report.md).

    \b
    Example:
      sentinel report
      sentinel report --days 30 --format html --plot month.svg > month.html
    """
    if plot is not None and plot.suffix.lower() not in (".svg", ".png"):
        raise click.UsageError(f"--plot: {plot.name}: expected a name that ends with .svg or .png")
    vault = open_vault(context.config, or_ephemeral=True)
    store = open_to_read(context.config, vault)
    try:
        report = await make_report(context.config, store, vault, until=now(), days=days, tenant=tenant)
    finally:
        await store.close()
        vault.close()
    if plot is not None:
        picture = svg(report)
        _write(plot, png(picture) if plot.suffix.lower() == ".png" else picture.encode())
    if form == "json":
        print_json(report)
    else:
        click.echo(text(report) if form == "text" else html(report), nl=False)
    return 0


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise click.UsageError(f"--plot: {path}: cannot be written: {error.strerror}") from None
