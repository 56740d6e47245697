"""`sentinel privacy inventory`: the record of processing activities, from what the schemas declare."""

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.config import Config
from sentinel.config.sections import PrivacySettings
from sentinel.daemon.inventory import DATABASES, inventory
from sentinel.privacy.processing import Controller, ProcessingRecord, name_of, processing_record
from sentinel.privacy.processing_page import markdown


def record_of(config: Config) -> ProcessingRecord:
    """The record of an installation, with a controller for every tenant that has one of its own."""
    tenants = ["default", *(name for name in config.tenants if name != "default")]
    controllers = [_controller(tenant, config.for_tenant(tenant).privacy) for tenant in tenants]
    return processing_record(inventory(), controllers, raw_days=config.retention.raw_days)


def _controller(tenant: str, said: PrivacySettings) -> Controller:
    words = {name: getattr(said, name) for name in Controller.__struct_fields__ if name != "tenant"}
    # JSON knows plain texts only, not those that the configuration checked.
    return Controller(tenant=tenant, **{name: text and str(text) for name, text in words.items()})


@click.command("inventory")
@click.option("--markdown", "as_markdown", is_flag=True, help="As a page, with everything about each column.")
@json_option
@pass_config
def inventory_command(context: Context, as_markdown: bool, as_json: bool) -> int:
    """Print the record of processing activities (GDPR Art. 30), down to every column.

    Controller and contact are those of [privacy]; everything else comes from what is declared beside each schema and is
    held against the real schemas by tests. It reads the configuration and no personal data, so that it is not written
    into the audit log.

    \b
    Example:
      sentinel privacy inventory
      sentinel privacy inventory --markdown > record.md
    """
    record = record_of(context.config)
    if as_json:
        print_json(record)
    elif as_markdown:
        click.echo(markdown(record, DATABASES), nl=False)
    else:
        _print(record)
    return 0


def _print(record: ProcessingRecord) -> None:
    console = Console()
    text = markdown(record, DATABASES)
    console.print(Markdown(text[: text.index("\n## Every column")]))
    table = Table("column", "class", "sealed under", "kept", "on erasure", title="Every column")
    for line in record.inventory:
        table.add_row(name_of(line), line.kind, line.sealed, line.kept, line.erased)
    console.print(table)
    click.echo("--markdown adds what each column is and where the export has it.")
