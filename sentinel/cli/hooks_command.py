"""`sentinel hooks`: the systems that are told, what waits for them, tests, dead letters."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click
import msgspec

from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.looks import looked
from sentinel.cli.span import Moment, Span
from sentinel.daemon.hooks import make_targets, prepare_signals, told_of
from sentinel.daemon.state import open_store, open_to_read, open_vault, prepare_state
from sentinel.errors import SentinelError
from sentinel.events.clock import now, to_text
from sentinel.hooks.keys import rotate_key
from sentinel.hooks.targets import Result, Target
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A hook or stream as listed. ``oldest`` is the time of the event that waits longest, ``error`` why one failed
    last, ``disabled`` why it is told nothing more."""

    name: str
    kind: str
    url: str
    events: tuple[str, ...]
    pending: int = 0
    held: int = 0
    delivered: int = 0
    dead: int = 0
    oldest: str | None = None
    error: str | None = None
    disabled: str | None = None


@click.group("hooks")
def command() -> None:
    """See the systems that are told of events (webhooks, Shared Signals), test them, send dead letters again."""


@command.command("list")
@json_option
@pass_config
@run_async
async def list_hooks(context: Context, as_json: bool) -> int:
    """List hooks and streams with what waits for each; exit 1 when one is disabled or has dead letters.

    \b
    Example:
      sentinel hooks list
    """
    config = context.config
    vault = open_vault(config, or_ephemeral=True)
    store = open_to_read(config, vault)
    try:
        standings = {each.target: each for each in await store.hook_standings()}
        disabled = {each.target: each for each in await store.disabled_hooks()}
    finally:
        await store.close()
        vault.close()
    known = told_of(config)
    gone = dict.fromkeys(standings.keys() - known.keys(), ("not configured", "", (), b""))
    shown = []
    for name, (kind, url, events, digest) in (known | gone).items():
        standing, off = standings.get(name), disabled.get(name)
        shown.append(
            Shown(
                name=name,
                kind=kind,
                url=url,
                events=events,
                **(standing.states if standing is not None else {}),
                oldest=to_text(standing.oldest) if standing is not None and standing.oldest else None,
                error=(standing.reason or None) if standing is not None else None,
                disabled=off.reason if off is not None and off.digest == digest else None,
            )
        )
    if as_json:
        print_json(shown)
    else:
        for each in shown:
            click.echo(_line(each))
        if not shown:
            click.echo("no hooks or streams are configured")
    return 1 if any(each.disabled or each.dead for each in shown) else 0


@command.command("test")
@click.argument("name")
@json_option
@pass_config
@run_async
async def test(context: Context, name: str, as_json: bool) -> int:
    """Send a test event to a hook, or the verification event to a stream, and say what came back.

    It is about nobody, of type `hook.test`; of a stream, `state` is in the token.

    \b
    Example:
      sentinel hooks test auth
    """
    id = secrets.token_urlsafe(16)
    async with _opened(context) as (vault, store):
        if context.config.streams:
            prepare_signals(context.config, vault, now())
        targets = make_targets(context.config, vault, store)
        target = next((each for each in targets if each.name == name), None)
        try:
            result = await _known(context, name, target).test(id, now())
        finally:
            for each in targets:
                await each.poster.close()
    _told(result, id, as_json)
    return 0 if result.status == "delivered" else 1


@command.command("replay")
@click.argument("name")
@click.option("--since", type=Span(), help="Only of what happened since then, as 12h, 7d or 2026-01-31.")
@json_option
@pass_config
@run_async
async def replay(context: Context, name: str, since: int | Moment | None, as_json: bool) -> int:
    """Send the dead letters of a hook or stream again, from the daemon, within a minute; to the day.

    \b
    Example:
      sentinel hooks replay auth --since 3d
    """
    begin = since.micros if isinstance(since, Moment) else now() - since if since is not None else 0
    async with _opened(context) as (vault, store):
        if name not in told_of(context.config):
            raise _unknown(context, name)
        looked(context.config, vault, "hooks.replay", purpose=name)
        number = await store.replay_hooks(name, since=begin)
        # Whoever replays has mended the target; if it is still gone, it says so again.
        await store.enable_hook(name)
    if as_json:
        print_json({"name": name, "replayed": number})
    else:
        click.echo(f"{number} dead letters are due again")
    return 0


@command.command("rotate-key")
@json_option
@pass_config
@run_async
async def rotate(context: Context, as_json: bool) -> int:
    """Sign the tokens of streams with a new key from now on; the former one stays published for 30 days.

    \b
    Example:
      sentinel hooks rotate-key
    """
    async with _opened(context) as (vault, _):
        looked(context.config, vault, "hooks.rotate")
        kid = rotate_key(vault.keyring, now())
    if as_json:
        print_json({"kid": kid})
    else:
        click.echo(f"tokens are signed with key {kid} from now on")
    return 0


@asynccontextmanager
async def _opened(context: Context) -> AsyncIterator[tuple[Vault, Store]]:
    prepare_state(context.config)
    vault = open_vault(context.config, writes=True)
    store = open_store(context.config, vault)
    try:
        yield vault, store
    finally:
        await store.close()
        vault.close()


def _known(context: Context, name: str, target: Target | None) -> Target:
    if target is None:
        raise _unknown(context, name)
    return target


def _unknown(context: Context, name: str) -> SentinelError:
    known = ", ".join(told_of(context.config)) or "there is none"
    return SentinelError(f"no hook or stream named {name!r} is configured; known are: {known}")


def _told(result: Result, id: str, as_json: bool) -> None:
    status = result.reply.status if result.reply is not None else 0
    if as_json:
        told: dict[str, Any] = {"status": result.status, "http": status or None, "reason": result.reason or None}
        print_json(told | {"id": id})
    elif result.status == "delivered":
        click.echo(f"taken: it answered {status} (id {id})")
    else:
        click.echo(f"not taken: {result.reason}", err=True)


def _line(each: Shown) -> str:
    line = f"{each.name}  {each.kind}  {each.url}  {each.pending} waiting, {each.held} held, {each.delivered} delivered"
    line += f", {each.dead} dead"
    if each.oldest:
        line += f"; oldest waiting {each.oldest}"
    if each.error:
        line += f"; last error: {each.error}"
    return line + (f"; DISABLED: {each.disabled}; change its configuration or replay" if each.disabled else "")
