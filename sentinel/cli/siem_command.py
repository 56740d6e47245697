"""`sentinel siem`: assessments and alerts for a SIEM."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import ExitStack

import click
import msgspec

from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.looking import looking
from sentinel.cli.looks import purpose_option
from sentinel.config import Config
from sentinel.config.checks import NAMES_STAFF, names_staff
from sentinel.daemon import logs
from sentinel.daemon.siem import rulebook, sending, standing
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.errors import SentinelError
from sentinel.siem.cursor import Cursor, CursorFile

_names = click.argument("names", nargs=-1, metavar="[NAME]...")


@click.group("siem")
def command() -> None:
    """Send assessments and alerts to a SIEM, as OCSF or ECS (docs/siem.md).

    Where to and in which form stands in the configuration, one [siem.NAME] each.
    """


@command.command("send")
@_names
@click.option("--follow", is_flag=True, help="Go on with what comes, until SIGTERM.")
@click.option(
    "--accounts", type=click.Choice(["id", "pseudonym", "none"]), help="What accounts are called (else as configured)."
)
@click.option(
    "--addresses", type=click.Choice(["none", "prefix"]), help="Pseudonyms of addresses or none (else as configured)."
)
@purpose_option
@pass_config
@run_async
async def send(
    context: Context, names: tuple[str, ...], follow: bool, accounts: str | None, addresses: str | None, purpose: str
) -> int:
    """Send what is new to the exports called NAME, or to all; each goes on where it was.

    Works beside a running daemon. Every document is sent at least once: after trouble some are sent twice, under the
    same id. The look is written into the audit log, with --follow once at the start.

    \b
    Example:
      sentinel siem send soc
      sentinel siem send --follow
    """
    given = {name: value for name, value in (("accounts", accounts), ("addresses", addresses)) if value is not None}
    chosen = _chosen(context.config, names)
    config = msgspec.structs.replace(
        context.config, siem={name: msgspec.structs.replace(context.config.siem[name], **given) for name in chosen}
    )
    if any(names_staff(config, each) for each in config.siem.values()):
        raise click.UsageError(f"--accounts: {NAMES_STAFF}")
    rules = rulebook(config)
    tenants = {config.siem[name].tenant for name in chosen}
    (only,) = tenants if len(tenants) == 1 else (None,)
    tenant = str(only) if only is not None else None
    async with looking(config, "siem.send", tenant=tenant, purpose=purpose) as at:
        with ExitStack() as stack:
            exports = {name: stack.enter_context(sending(config, name, at.store, at.vault, rules)) for name in chosen}
            if follow:
                logs.setup(config.log.level)
                stop = asyncio.Event()
                for number in (signal.SIGTERM, signal.SIGINT):
                    asyncio.get_running_loop().add_signal_handler(number, stop.set)
                await asyncio.gather(*(each.follow(stop, name) for name, each in exports.items()))
                return 0
            failed = 0
            for name, each in exports.items():
                # One that is down keeps nothing from the others.
                try:
                    click.echo(f"{name}: {await each.catch_up()} documents sent", err=True)
                except SentinelError as error:
                    failed = 1
                    click.echo(f"{name}: {error}", err=True)
    return failed


@command.command("list")
@json_option
@pass_config
@run_async
async def list_exports(context: Context, as_json: bool) -> int:
    """List the exports, and how many records each has still to look at.

    \b
    Example:
      sentinel siem list
    """
    config = context.config
    vault = open_vault(config, or_ephemeral=True)
    store = open_to_read(config, vault)
    try:
        found = [await standing(config, name, store) for name in config.siem]
    finally:
        await store.close()
        vault.close()
    if as_json:
        print_json(found)
        return 0
    if not found:
        click.echo("none; [siem.NAME] in the configuration makes one", err=True)
    for each in found:
        where = "begins with the oldest record" if each.begins_anew else f"{each.behind} records behind"
        click.echo(f"{each.name}  {each.format}  {each.to}  {where}")
    return 0


@command.command("seek")
@click.argument("name")
@click.option("--to", "to", type=click.Choice(["oldest", "newest"]), required=True, help="Where to go on from.")
@pass_config
@run_async
async def seek(context: Context, name: str, to: str) -> int:
    """Have the export NAME begin with the oldest record that is kept, or pass over all that are there now.

    \b
    Example:
      sentinel siem seek soc --to newest
    """
    config = context.config
    _chosen(config, (name,))
    vault = open_vault(config, or_ephemeral=True)
    store = open_to_read(config, vault)
    place = CursorFile(config.state, name)
    try:
        number = await store.newest_number()
        key = await store.key_at(number)
    finally:
        await store.close()
        vault.close()
    with place.held():
        place.write(Cursor().advanced(number, key) if to == "newest" and key is not None else Cursor())
    return 0


def _chosen(config: Config, names: Sequence[str]) -> list[str]:
    if not config.siem:
        raise click.UsageError("no export is configured; [siem.NAME] in the configuration makes one (docs/siem.md)")
    for name in names:
        if name not in config.siem:
            raise click.UsageError(f"{name!r} is not configured; there are: {', '.join(config.siem)}")
    return list(dict.fromkeys(names)) or list(config.siem)
