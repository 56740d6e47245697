"""`sentinel alerts`: what is open, and verdicts that close it."""

import click

from sentinel.cli.context import Context, json_option, pass_config, run_async
from sentinel.cli.looks import approved_option, purpose_option
from sentinel.cli.verdicts import (
    all_option,
    close,
    limit_option,
    opened,
    print_closed,
    print_list,
    print_one,
    tenant_option,
    verdict_option,
)
from sentinel.errors import SentinelError
from sentinel.events.clock import now
from sentinel.store.protocol import AskedVerdict


@click.group("alerts")
def command() -> None:
    """List, show and close alerts."""


@command.command("list")
@tenant_option
@click.option("--account", help="Of this account only.")
@all_option
@limit_option
@purpose_option
@approved_option
@json_option
@pass_config
@run_async
async def list_alerts(
    context: Context,
    tenant: str,
    account: str | None,
    closed_too: bool,
    limit: int,
    purpose: str,
    approved_by: str | None,
    as_json: bool,
) -> int:
    """List open alerts, newest first.

    \b
    Example:
      sentinel alerts list
      sentinel alerts list --account u-1 --all --json
    """
    async with opened(context) as at:
        state = None if closed_too else "open"
        handle = at.handle(tenant, account) if account is not None else None
        at.looked("alerts.list", tenant, handle, purpose, person=account is not None, approved_by=approved_by)
        rows = []
        if account is None or handle is not None:
            rows = await at.store.alerts(tenant, account=handle, limit=limit, state=state)
        await print_list(at, rows, as_json)
    return 0


@command.command("show")
@click.argument("alert")
@tenant_option
@limit_option
@purpose_option
@approved_option
@json_option
@pass_config
@run_async
async def show(
    context: Context, alert: str, tenant: str, limit: int, purpose: str, approved_by: str | None, as_json: bool
) -> int:
    """Show an alert and its events.

    \b
    Example:
      sentinel alerts show a-0123456789abcdef0123
    """
    async with opened(context) as at:
        row = await at.row(tenant, alert)
        person = row.account is not None
        at.looked("alerts.show", tenant, row.account, purpose, person=person, approved_by=approved_by)
        await print_one(at, row, limit, as_json)
    return 0


@command.command("close")
@click.argument("alerts", nargs=-1)
@click.option("--event", "events", multiple=True, help="The verdict is about this one event; repeat it.")
@click.option("--account", "accounts", multiple=True, help="About all open alerts of this account; repeat it.")
@verdict_option
@tenant_option
@json_option
@pass_config
@run_async
async def close_alerts(
    context: Context,
    alerts: tuple[str, ...],
    events: tuple[str, ...],
    accounts: tuple[str, ...],
    verdict: str,
    tenant: str,
    as_json: bool,
) -> int:
    """Close ALERTS, events or accounts with a verdict, as if the service had given it for each event.

    `legitimate` lets the values of these logins into the trusted past, `compromised` takes them out; both stick until
    the other is given. Works beside a running daemon, which then carries it out.

    \b
    Example:
      sentinel alerts close a-0123456789abcdef0123 --verdict legitimate
      sentinel alerts close --account u-1 --verdict compromised
    """
    if not alerts and not events and not accounts:
        raise click.UsageError("name an alert, or give --event or --account")
    async with opened(context) as at:
        asked = []
        concerned = []
        for alert in alerts:
            concerned.append((await at.row(tenant, alert)).account)
            asked.append(_asked(tenant, "alert", alert, verdict))
        for event in events:
            record = await at.store.record(at.enricher.event_key(tenant, event))
            if record is None or record.type == "feedback":
                raise SentinelError(f"no event {event!r} is stored for tenant {tenant!r}")
            concerned.append(record.account)
            asked.append(_asked(tenant, "event", record.key, verdict))
        for account in accounts:
            handle = at.handle(tenant, account)
            if handle is None or not await at.store.alerts(tenant, account=handle, limit=1, state="open"):
                raise SentinelError(f"the account {account!r} of tenant {tenant!r} has no open alert")
            concerned.append(handle)
            asked.append(_asked(tenant, "account", handle, verdict))
        for handle in concerned:
            at.looked("alerts.close", tenant, handle)
        done = await close(at, asked, lambda text: click.echo(text, err=True), by="sentinel alerts close")
    return print_closed(done, [*alerts, *events, *accounts], as_json)


def _asked(tenant: str, about: str, target: str, verdict: str) -> AskedVerdict:
    return AskedVerdict(tenant=tenant, about=about, target=target, verdict=verdict, time=now())  # type: ignore[arg-type]  # click checked them
