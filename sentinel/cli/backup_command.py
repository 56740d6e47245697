"""`sentinel backup`: the data without keys, or the keyring under a key of its own."""

from pathlib import Path

import click

from sentinel.cli.actor import operator
from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.daemon.backups import expire_backups, make_backup
from sentinel.daemon.state import prepare_state
from sentinel.events.clock import now


@click.command("backup")
@click.option("--to", "to", type=click.Path(path_type=Path, file_okay=False), help="Folder (else as configured).")
@click.option("--keyring", is_flag=True, help="The keys instead of the data: keep them apart.")
@json_option
@pass_config
def command(context: Context, to: Path | None, keyring: bool, as_json: bool) -> int:
    """Make a backup beside the running daemon, and remove those of more than 30 days.

    A backup of the data (store and audit log) holds no keys. One of the keyring (with the ledger of erasures) is sealed
    under a key of its own in backup.keys, which is destroyed after 30 days. What has to be kept where: docs/backup.md.

    \b
    Example:
      sentinel backup
      sentinel backup --keyring --to /mnt/safe/sentinel
    """
    config, time = context.config, now()
    prepare_state(config)
    directory = to.absolute() if to is not None else config.backup_directory
    pruned, destroyed = expire_backups(config, time, directory)
    path, manifest = make_backup(config, "keyring" if keyring else "data", directory, now=time, actor=operator())
    size = sum(each.bytes for each in manifest.files.values())
    if as_json:
        print_json(
            {
                "path": str(path),
                "kind": manifest.kind,
                "made": manifest.made,
                "bytes": size,
                "pruned": pruned,
                "keys_destroyed": destroyed,
            }
        )
        return 0
    click.echo(path)
    click.echo(f"{manifest.kind}: {size / 1e6:.1f} MB", err=True)
    if pruned or destroyed:
        click.echo(f"expired: {pruned} backups removed, {destroyed} keys of keyring backups destroyed", err=True)
    if keyring:
        click.echo(
            f"Copy {config.backup_keys} over the copy you keep elsewhere; without it this opens nothing.", err=True
        )
    return 0
