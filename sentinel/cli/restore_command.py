"""`sentinel restore`: a backup in the place of what is there, without what was erased since."""

from pathlib import Path

import click

from sentinel.cli.actor import operator
from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.daemon.restore import Restored, restore_data, restore_keyring
from sentinel.daemon.state import prepare_state
from sentinel.events.clock import now


@click.command("restore")
@click.argument("backup", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--keyring", is_flag=True, help="It is a backup of the keyring.")
@json_option
@pass_config
def command(context: Context, backup: Path, keyring: bool, as_json: bool) -> int:
    """Put a backup in the place of what is there; the daemon must be stopped.

    What was erased since the backup is erased in it before it is put in place, and so is what no key opens any more.
    Restrictions, objections and decisions since then are applied.
    Backups of more than 30 days are refused. What was there is gone: make a backup of it first if you want it. On a
    new machine: sentinel.key, backup.keys, then the keyring, then the data.

    \b
    Example:
      sentinel restore /mnt/safe/sentinel/keyring-20260101T030000Z-1f2e3d4c --keyring
      sentinel restore /var/lib/sentinel/backups/data-20260101T030000Z-5a6b7c8d
    """
    prepare_state(context.config)
    work = restore_keyring if keyring else restore_data
    restored = work(context.config, backup.absolute(), now=now(), actor=operator())
    if restored.audit_fault:
        click.echo(f"the audit log in the backup is broken: {restored.audit_fault}", err=True)
    if as_json:
        print_json(restored)
    else:
        click.echo(_told(restored))
    return 0


def _told(restored: Restored) -> str:
    told = [f"restored: {restored.kind} of {restored.made}"]
    told.append(f"erasures replayed: {restored.erasures} ({restored.destroyed} keys were there again)")
    if restored.cleaned is not None:
        gone = restored.cleaned.unreachable
        told.append(f"deleted rows of erased accounts: {restored.cleaned.erased}")
        told.append(
            f"deleted rows that no key opens: {gone.total} ({gone.events} events, {gone.profiles} profiles,"
            f" {gone.attributes} attributes, {gone.windows} windows, {gone.alerts} alerts, {gone.mails} mails,"
            f" {gone.hooks} hooks, {gone.links} links in mails)"
        )
    told.append(f"accounts whose restrictions or objections are newer: {restored.standings}, brought up to date")
    if restored.kind == "data":
        told.append("audit log: " + ("restored" if restored.audit_restored else "the one that was there goes on"))
    return "\n".join(told)
