"""`sentinel privacy retention`: what is due, and having it go."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Final, TypeVar

import click
import msgspec

from sentinel.cli.actor import operator
from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.config import Config
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.expiry import Expired
from sentinel.daemon.kept import Answer, Order, answer_to, put_order
from sentinel.daemon.lock import DAEMON, StoreHeld, state_lock
from sentinel.daemon.models import model_registry
from sentinel.daemon.retention_parts import make_retention
from sentinel.daemon.state import open_ledger, open_store, open_to_read, open_vault, prepare_state
from sentinel.errors import SentinelError
from sentinel.events.clock import DAY, date_of, day_of, end_of, now, to_text, utc_day
from sentinel.privacy.answer_token import FORMER_DAYS, LINK_DAYS
from sentinel.privacy.retention import KEEP_DAYS, MAIL_DAYS, due, ending_date
from sentinel.store.aging import Expiring

_T = TypeVar("_T")
#: Seconds that a running daemon gets before the command says that it goes on there, and between two looks.
PATIENCE: Final = 600.0
_LOOK: Final = 0.2
_WORDS: Final = {
    "raw_keys": "keys of days destroyed, for raw values",
    "record_keys": "keys of days destroyed, for records",
    "raw": "events without raw values from now on",
    "records": "records deleted",
    "alerts": "alerts deleted",
    "mails": "mails deleted",
    "hooks": "events for hooks deleted",
    "verdicts": "verdicts deleted",
    "windows": "rows of windows, counts and ended links in mails deleted",
    "profiles": "profiles that lost what was not seen for a year",
    "attributes": "accounts that lost a former address",
    "accounts": "accounts gone wholly",
    "audit": "entries of the audit log dropped",
    "erasures": "erasures whose row ids were forgotten",
    "standings": "accounts whose old requests were forgotten beside their keys",
    "backups": "backups gone, and keys of backups",
    "models": "models removed that learned from what is no longer kept",
    "pages": "pages given back to the file system",
}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is due as of a moment. Days are the last ones that are due."""

    as_of: str
    raw_through: str
    records_through: str
    mails_before: str
    raw_keys: int
    record_keys: int
    rows: Expiring
    models: int
    oldest_raw: str | None


@click.command("retention")
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="As of the end of this UTC day. Another day than today only with --dry-run.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what is due; nothing is changed.")
@json_option
@pass_config
@run_async
async def retention(context: Context, as_of: datetime | None, dry_run: bool, as_json: bool) -> int:
    """Have everything go that is due, and tell what was done.

    The daemon does this by itself every day at 23:00 UTC, or at the next chance. Run by hand, the command also says
    that the clock is right, when the daemon doubts it: check the date that is printed first. Beside a running daemon,
    the daemon does the work and the command waits up to ten minutes for it. Beside another command that writes to the
    store, it says so and ends with 1.

    Nothing goes early: --as-of with today takes what is due by the end of today; with another day it only tells.

    \b
    Example:
      sentinel privacy retention --dry-run
      sentinel privacy retention --as-of 2027-12-31 --dry-run --json
    """
    moment = now()
    if as_of is not None:
        day = day_of(as_of.date())
        if day < 0:
            raise click.UsageError("--as-of: expected a day from 1970-01-01 on")
        if day != utc_day(moment) and not dry_run:
            raise click.UsageError(
                f"today is {to_text(moment)[:10]} (UTC): --as-of with another day needs --dry-run, since what goes"
                " early cannot be brought back; to keep raw values for a shorter time, set retention.raw_days"
            )
        moment = end_of(day)
    config = context.config
    prepare_state(config)
    plan = await _plan(config, moment)
    if dry_run:
        _print(plan, None, as_json)
        return 0
    if not as_json:
        click.echo(f"as of {plan.as_of} (UTC, by this machine's clock)", err=True)
    answer = await _carry_out(config, moment)
    if answer is None:
        click.echo("ordered; the daemon has not come to the end of it yet, its log will tell", err=True)
        return 1
    if answer.error:
        raise SentinelError(answer.error)
    _print(plan, answer.done, as_json)
    return 0


async def _plan(config: Config, moment: int) -> Plan:
    vault = open_vault(config, or_ephemeral=True)
    with closing(vault):
        store = open_to_read(config, vault)
        try:
            wanted = due(moment, config.retention.raw_days)
            rows = await store.expiring(wanted, mails_before=moment - MAIL_DAYS * DAY, links_before=moment)
        finally:
            await store.close()
        raw = [day for day, keys in vault.days.items() if keys.raw is not None]
        return Plan(
            as_of=to_text(moment)[:19] + "Z",
            raw_through=_day(wanted.raw_through),
            records_through=_day(wanted.records_through),
            mails_before=_day(utc_day(moment) - MAIL_DAYS),
            raw_keys=sum(day <= wanted.raw_through for day in raw),
            record_keys=sum(day <= wanted.records_through for day in vault.days),
            rows=rows,
            models=len(model_registry(config).expiring(ending_date(moment))),
            oldest_raw=_day(min(raw)) if raw else None,
        )


async def _carry_out(config: Config, moment: int) -> Answer | None:
    """Here when nobody else writes to the store, else by the daemon that does. Raises :class:`StoreHeld` beside another
    command: only a daemon looks at what was ordered."""
    with ExitStack() as stack:
        vault = open_vault(config, writes=True)
        stack.callback(vault.close)
        order = Order(int.from_bytes(os.urandom(7), "big"), now(), moment)
        try:
            stack.enter_context(
                state_lock(
                    config.state,
                    config.store_url,
                    by="sentinel privacy retention",
                    instead="try again once it has ended",
                )
            )
        except StoreHeld as held:
            if held.by != DAEMON:
                raise
            click.echo(f"the daemon carries it out; this waits for up to {PATIENCE:.0f} seconds", err=True)
            put_order(vault.keyring, order)
            deadline = asyncio.get_running_loop().time() + PATIENCE
            while (answer := answer_to(vault.keyring, order)) is None:
                if asyncio.get_running_loop().time() > deadline:
                    return None
                await asyncio.sleep(_LOOK)
            return answer
        audit = stack.enter_context(opened_audit(config, vault))
        ledger = stack.enter_context(closing(open_ledger(config, vault)))
        store = open_store(config, vault)
        try:
            await store.bind(vault.fingerprint)
            by = make_retention(
                lambda: config, store, vault, audit.log, ledger, alone=_alone, actor=operator(), rest=0.0
            )
            put_order(vault.keyring, order)
            await by.obey()
        finally:
            await store.close()
        return answer_to(vault.keyring, order)


async def _alone(work: Callable[[], Awaitable[_T]]) -> _T:
    """Nobody else judges: we hold the lock."""
    return await work()


def _print(plan: Plan, done: Expired | None, as_json: bool) -> None:
    if as_json:
        print_json({"due": plan, "done": done})
        return
    if done is None:
        click.echo(f"as of {plan.as_of}; oldest raw address: {plan.oldest_raw or 'none'}")
        click.echo(
            f"raw values through {plan.raw_through}: keys of {plan.raw_keys} days, {plan.rows.raw} events\n"
            f"records through {plan.records_through} ({KEEP_DAYS} days): keys of {plan.record_keys} days,"
            f" {plan.rows.records} records, {plan.rows.alerts} alerts\n"
            f"mails done with before {plan.mails_before} ({MAIL_DAYS} days): {plan.rows.mails}\n"
            f"models that learned from what is due: {plan.models}\n"
            f"links in mails that have ended ({LINK_DAYS} days, at a former address {FORMER_DAYS}): {plan.rows.links}"
        )
        return
    lines = [f"{number} {text}" for name, text in _WORDS.items() if (number := getattr(done, name))]
    click.echo("\n".join(lines) or "nothing was due")


def _day(day: int) -> str:
    return date_of(day).isoformat()
