"""`sentinel keys`: API keys of senders."""

import re
import time
from typing import Final

import click

from sentinel.api.auth import SCOPES, new_key
from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.looks import looked
from sentinel.config.values import OneLine
from sentinel.daemon.state import open_store, open_vault, prepare_state
from sentinel.errors import SentinelError
from sentinel.events.clock import to_text
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store

#: A tenant as the configuration can name it ([tenants.NAME]).
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@click.group("keys")
def command() -> None:
    """Create, list and revoke the API keys of senders."""


@command.command("create")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), required=True, help="What the key may do; repeat it."
)
@click.option("--tenant", default="default", show_default=True, help="Whose data the key is for.")
@json_option
@pass_config
@run_async
async def create(context: Context, name: str, scopes: tuple[str, ...], tenant: str, as_json: bool) -> int:
    """Create a key and print it once; it works at once, also in a running daemon.

    \b
    Example:
      sentinel keys create web --scope events --scope assess --json
    """
    _check(name, tenant)
    vault, store = _open(context)
    try:
        key, secret = new_key(name, tenant, tuple(dict.fromkeys(scopes)), now=time.time_ns() // 1000)
        looked(context.config, vault, "keys.create", tenant=tenant)
        if not await store.put_key(key):
            raise SentinelError(f"there is a key named {name!r} already; choose another name")
    finally:
        await store.close()
        vault.close()
    if as_json:
        print_json({"name": name, "key": secret, "tenant": tenant, "scopes": list(key.scopes)})
    else:
        click.echo(secret)
        click.echo("Keep it now: it cannot be shown again.", err=True)
    return 0


@command.command("list")
@json_option
@pass_config
@run_async
async def list_keys(context: Context, as_json: bool) -> int:
    """List the keys, without their secrets.

    \b
    Example:
      sentinel keys list
    """
    vault, store = _open(context)
    try:
        keys = await store.keys()
    finally:
        await store.close()
        vault.close()
    shown = [
        {
            "name": key.name,
            "tenant": key.tenant,
            "scopes": list(key.scopes),
            "created": to_text(key.created),
            "revoked": to_text(key.revoked) if key.revoked else None,
        }
        for key in keys
    ]
    if as_json:
        print_json(shown)
    else:
        for key in shown:
            state = f"revoked {key['revoked']}" if key["revoked"] else "in force"
            click.echo(f"{key['name']}  {key['tenant']}  {','.join(key['scopes'])}  {key['created']}  {state}")  # type: ignore[arg-type]  # scopes is a list
    return 0


@command.command("revoke")
@click.argument("name")
@pass_config
@run_async
async def revoke(context: Context, name: str) -> int:
    """Take a key out of force, within a second also in a running daemon.

    \b
    Example:
      sentinel keys revoke web
    """
    vault, store = _open(context)
    try:
        looked(context.config, vault, "keys.revoke")
        if not await store.revoke_key(name, now=time.time_ns() // 1000):
            raise SentinelError(f"there is no key named {name!r} in force; `sentinel keys list` shows them")
    finally:
        await store.close()
        vault.close()
    return 0


def _check(name: str, tenant: str) -> None:
    try:
        OneLine(name)
    except ValueError as error:
        raise click.UsageError(f"name: expected {OneLine.expected}; {error}") from None
    if not _TENANT.fullmatch(tenant):
        raise click.UsageError("--tenant: expected 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first")


def _open(context: Context) -> tuple[Vault, Store]:
    prepare_state(context.config)
    vault = open_vault(context.config, writes=True)
    return vault, open_store(context.config, vault)
