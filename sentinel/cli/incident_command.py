"""`sentinel incident`: the report of a breach, as far as sentinel knows it."""

from pathlib import Path

import click

from sentinel.audit.details import ROW
from sentinel.audit.entry import Entry
from sentinel.cli.actor import operator
from sentinel.cli.context import Context, json_option, pass_config, run_async
from sentinel.cli.looking import looking
from sentinel.cli.looks import purpose_option
from sentinel.cli.new_file import new_file
from sentinel.cli.span import Moment, Span
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.export import information
from sentinel.daemon.incident import incidents
from sentinel.export.incident import incident_report, report_json, report_markdown


@click.group("incident")
def command() -> None:
    """Report accounts that somebody else was in."""


@command.command("export")
@click.option("--since", type=Span(), default="30d", show_default=True, help="Verdicts since then: 30d, or a date.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for incident.md and incident.json.",
)
@tenant_option("Whose accounts.")
@purpose_option
@json_option
@pass_config
@run_async
async def export(
    context: Context, since: int | Moment, out: Path | None, tenant: str, purpose: str, as_json: bool
) -> int:
    """Write what a notification under Art. 33 GDPR asks: numbers, categories, times, and the clock of 72 hours.

    Counted are accounts with a login or change that was called compromised (`sentinel alerts close`, or by the
    service) and let somebody in. The Markdown is for the authority and names nobody; the JSON names the accounts and is
    for your own file. Exit 1 when there is nothing to report.

    \b
    Example:
      sentinel incident export --since 7d --out breach
    """
    async with looking(context.config, "incident.export", tenant=tenant, purpose=purpose) as at:
        begin = since.micros if isinstance(since, Moment) else at.now - since
        found = await incidents(at.store, tenant, since=begin)
        report = incident_report([each.affected for each in found], information(at.config, tenant), made=at.now)
        # Each of the people can read in their export that their data was looked at.
        at.log.append(
            [
                Entry(
                    time=at.now,
                    actor=operator(),
                    role="operator",
                    action="incident.export",
                    purpose=purpose,
                    tenant=tenant,
                    account=at.vault.of(each.handle).row(ROW),
                )
                for each in found
            ]
        )
    if out is not None:
        _write(out, {"incident.md": report_markdown(report).encode(), "incident.json": report_json(report)})
    if as_json:
        click.echo(report_json(report).decode(), nl=False)
    elif out is None:
        click.echo(report_markdown(report))
    return 0


def _write(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{folder}: cannot be made: {error.strerror}") from None
    for name, data in files.items():
        with new_file(folder / name) as file:
            file.write(data)
    click.echo(f"{folder}: {', '.join(files)}", err=True)
