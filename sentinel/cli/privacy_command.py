"""`sentinel privacy`: what proves that the data of people is kept as promised."""

import click

from sentinel.cli.privacy_approve import approve
from sentinel.cli.privacy_erasure import verify_erasure
from sentinel.cli.privacy_inventory import inventory_command
from sentinel.cli.privacy_ledger import ledger
from sentinel.cli.privacy_retention import retention
from sentinel.cli.privacy_scan import scan


@click.group("privacy")
def command() -> None:
    """Check that the data of people is kept as promised."""


command.add_command(inventory_command)
command.add_command(retention)
command.add_command(scan)
command.add_command(verify_erasure)
command.add_command(approve)
command.add_command(ledger)
