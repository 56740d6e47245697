"""`sentinel privacy ledger`: whether the erasure ledger is whole, and mending one that is not."""

from pathlib import Path

import click

from sentinel.cli.actor import operator
from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.daemon.ledger import mend_ledger
from sentinel.daemon.state import prepare_state
from sentinel.events.clock import now


@click.command("ledger")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Take the entries that are in this backup of the keyring.",
)
@click.option("--accept-loss", is_flag=True, help="Expect no more entries than there are: no other copy is left.")
@json_option
@pass_config
def ledger(context: Context, source: Path | None, accept_loss: bool, as_json: bool) -> int:
    """Check that the ledger of erasures is whole; exit 1 when entries are missing.

    The keyring knows how many erasures there were. When erasures.db was lost, or an older copy was put in its place,
    nothing is restored until that is mended: a restored keyring would open again what was erased in the gap. Put the
    newest copy back, or take over what a backup of the keyring has (--from, as often as you like; the keyring itself
    stays). If entries are still missing, erase those accounts again from your own list of requests after the next
    restore of a keyring, and say that you know (--accept-loss).

    \b
    Example:
      sentinel privacy ledger
      sentinel privacy ledger --from /mnt/safe/sentinel/keyring-20260101T030000Z-1f2e3d4c
    """
    prepare_state(context.config)
    source = source.absolute() if source is not None else None
    found = mend_ledger(context.config, source=source, give_up=accept_loss, now=now(), actor=operator())
    if as_json:
        print_json(found)
    else:
        taken = f", {found.added} taken over" if source is not None else ""
        given_up = f", {found.given_up} given up" if accept_loss else ""
        click.echo(f"{found.entries} entries, {found.missing} missing{taken}{given_up}")
    return 1 if found.missing else 0
