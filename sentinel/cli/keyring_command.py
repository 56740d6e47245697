"""`sentinel keyring`: what the keyring holds, and a new master key."""

from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from sentinel.backup.keys import BackupKeys
from sentinel.backup.rotation import add_key, keep_key, last_rotation, read_new, rotate_file
from sentinel.cli.actor import operator
from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.backups import entry, kept_backups
from sentinel.daemon.state import open_vault, prepare_state
from sentinel.events.clock import now, to_text
from sentinel.privacy.keys import load_master_key, master_path


@click.group("keyring")
def command() -> None:
    """Show what the keyring holds, and exchange the master key."""


@command.command("status")
@json_option
@pass_config
def status(context: Context, as_json: bool) -> int:
    """Show how many keys there are, which days can be opened, and the backups.

    \b
    Example:
      sentinel keyring status --json
    """
    config = context.config
    prepare_state(config)
    with closing(open_vault(config)) as vault:
        keyring, days = vault.keyring, vault.days
        raw = [day for day, keys in days.items() if keys.raw is not None]
        rotated = last_rotation(keyring)
        told: dict[str, Any] = {
            "master_key": str(master_path(config.state)[0]),
            "slots": len(keyring.slots()),
            "rewrapping": keyring.rewrapping,
            "accounts": keyring.count(),
            "days": len(days),
            "oldest_day": _date(min(days, default=None)),
            "oldest_raw_day": _date(min(raw, default=None)),
            "rotated": to_text(rotated) if rotated is not None else None,
        }
    told["backup_keys"] = len(BackupKeys(config.backup_keys).times())
    told["backups"] = kept_backups(config, now())
    if as_json:
        print_json(told)
        return 0
    click.echo(f"master key       {told['master_key']}, last exchanged: {told['rotated'] or 'never'}")
    open_slots = "" if told["slots"] == 1 else "; an exchange is not finished: sentinel keyring rotate --finish"
    click.echo(f"slots            {told['slots']}{open_slots}")
    if told["rewrapping"]:
        click.echo("wrapping anew    not finished: sentinel keyring rotate --finish")
    click.echo(f"accounts         {told['accounts']}")
    click.echo(f"days             {told['days']}, the oldest {told['oldest_day'] or '-'}")
    click.echo(f"raw values       from {told['oldest_raw_day'] or '-'} on")
    click.echo(f"keyring backups  {told['backup_keys']} can be opened")
    for each in told["backups"]:
        lost = "" if each.opens else "  cannot be opened any more"
        click.echo(f"{each.name}  {each.age_days} days old  {each.bytes / 1e6:.1f} MB{lost}")
    return 0


@command.command("rotate")
@click.option(
    "--new-key", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Take the 32 bytes in it."
)
@click.option("--finish", is_flag=True, help="The new key is in place: shut out all others.")
@json_option
@pass_config
def rotate(context: Context, new_key: Path | None, finish: bool, as_json: bool) -> int:
    """Exchange the master key and wrap all keys anew; a running daemon goes on and learns of it.

    Afterwards neither the old master key nor what it once opened opens any key that is made from then on. Cut off, it
    is begun again, or ended with --finish.

    The file sentinel.key is exchanged at once. A systemd credential is exchanged by you: --new-key FILE lets the new
    key in beside the old one, then put it into the credential's place, then --finish shuts out the old one.

    \b
    Example:
      sentinel keyring rotate
    """
    if finish and new_key is not None:
        raise click.UsageError("--finish takes no --new-key")
    config, time = context.config, now()
    prepare_state(config)
    path, credential = master_path(config.state)
    if credential and new_key is None and not finish:
        raise click.UsageError(f"the master key is a systemd credential ({path}); give the new one with --new-key FILE")
    master = load_master_key(config.state, make=False)
    keys = BackupKeys(config.backup_keys, master)
    with closing(open_vault(config, writes=True)) as vault:
        step = "finish" if finish else "new key beside the old one" if credential else "exchange"
        with opened_audit(config, vault) as audit:
            audit.log.append([entry("keyring.rotate", step, now=time, actor=operator())])
        shut_out = 0
        if finish:
            shut_out = keep_key(vault.keyring, keys, master, time)
        elif credential and new_key is not None:
            add_key(vault.keyring, keys, read_new(new_key))
        else:
            shut_out = rotate_file(path, vault.keyring, keys, time, new_key)
        slots = len(vault.keyring.slots())
    if as_json:
        print_json({"slots": slots, "shut_out": shut_out})
    elif slots > 1:
        click.echo("Both keys open the keyring. Put the new one into the credential's place, restart, then: --finish")
    else:
        click.echo(
            f"One master key opens the keyring, {shut_out} shut out. Renew your copies of it and of backup.keys."
        )
    return 0


def _date(day: int | None) -> str | None:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat() if day is not None else None
