"""`sentinel account`: the rights of the person whose account it is."""

from pathlib import Path

import click

from sentinel.cli import account_changes
from sentinel.cli.account_evidence import evidence
from sentinel.cli.account_show import show
from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.looking import account_argument, looking, tenant_option
from sentinel.cli.looks import approved_option, purpose_option
from sentinel.cli.new_file import beside, new_file
from sentinel.daemon.build import rules_or_none
from sentinel.daemon.export import write_export
from sentinel.export.text import LANGUAGES


@click.group("account")
def command() -> None:
    """Show, hand out, correct, erase or restrict what is held of an account (docs/rights.md)."""


@command.command("export")
@account_argument
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The ZIP file to write, a new one; - is standard output.",
)
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the page in it; else the person's.")
@tenant_option
@purpose_option
@approved_option
@json_option
@pass_config
@run_async
async def export(
    context: Context,
    account: str,
    out: Path,
    language: str | None,
    tenant: str,
    purpose: str,
    approved_by: str | None,
    as_json: bool,
) -> int:
    """Write everything that is held of ACCOUNT into a ZIP file for the person (GDPR Art. 15 and 20).

    It has a page to read, the data in JSON and as a table, and what the law wants told. It is in the clear: hand it
    over in a way that only the person can open. An account never heard of gives an archive that says so.

    \b
    Example:
      sentinel account export u-1 --out u-1.zip --language de
    """
    with new_file(out) as file:
        async with looking(
            context.config, "account.export", tenant=tenant, account=account, purpose=purpose, approved_by=approved_by
        ) as at:
            manifest = await write_export(
                at.store, at.vault, at.log, at.config, tenant, account, file,
                now=at.now, language=language, rules=rules_or_none(at.config),
            )  # fmt: skip
    if as_json:
        print_json(manifest, beside(out))
    else:
        told = f"{manifest.events} events, {len(manifest.files)} files, in the clear: for the person only"
        click.echo(f"{out}: {told}", file=beside(out))
    return 0


command.add_command(show)
command.add_command(evidence)
for change in account_changes.COMMANDS:
    command.add_command(change)
