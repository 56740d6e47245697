"""`sentinel campaigns`: attacks on many accounts at once, and one verdict for a whole one."""

import click

from sentinel.cli.context import Context, json_option, pass_config, run_async
from sentinel.cli.looks import purpose_option
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
from sentinel.events.clock import now
from sentinel.store.protocol import AskedVerdict

_KIND = "campaign"


@click.group("campaigns")
def command() -> None:
    """List, show and close campaigns: attacks on many accounts from one source."""


@command.command("list")
@tenant_option
@all_option
@limit_option
@purpose_option
@json_option
@pass_config
@run_async
async def list_campaigns(
    context: Context, tenant: str, closed_too: bool, limit: int, purpose: str, as_json: bool
) -> int:
    """List open campaigns, newest first.

    \b
    Example:
      sentinel campaigns list
    """
    async with opened(context) as at:
        at.looked("campaigns.list", tenant, None, purpose)
        state = None if closed_too else "open"
        await print_list(at, await at.store.alerts(tenant, kind=_KIND, limit=limit, state=state), as_json)
    return 0


@command.command("show")
@click.argument("campaign")
@tenant_option
@limit_option
@purpose_option
@json_option
@pass_config
@run_async
async def show(context: Context, campaign: str, tenant: str, limit: int, purpose: str, as_json: bool) -> int:
    """Show a campaign: its events, how many accounts it tried, and how many let it in.

    \b
    Example:
      sentinel campaigns show a-0123456789abcdef0123
    """
    async with opened(context) as at:
        row = await at.row(tenant, campaign, _KIND)
        at.looked("campaigns.show", tenant, None, purpose)
        await print_one(at, row, limit, as_json)
    return 0


@command.command("close")
@click.argument("campaigns", nargs=-1, required=True)
@verdict_option
@tenant_option
@json_option
@pass_config
@run_async
async def close_campaigns(
    context: Context, campaigns: tuple[str, ...], verdict: str, tenant: str, as_json: bool
) -> int:
    """Close CAMPAIGNS with one verdict for all their events.

    `legitimate` answers for every event; `compromised` for those that got in or had the right password: accounts that
    were only tried are not compromised. Further events join a closed campaign without a new mail.

    \b
    Example:
      sentinel campaigns close a-0123456789abcdef0123 --verdict legitimate
    """
    async with opened(context) as at:
        for campaign in campaigns:
            await at.row(tenant, campaign, _KIND)
        asked = [
            AskedVerdict(tenant=tenant, about="alert", target=campaign, verdict=verdict, time=now())  # type: ignore[arg-type]  # click checked it
            for campaign in campaigns
        ]
        at.looked("campaigns.close", tenant)
        done = await close(at, asked, lambda text: click.echo(text, err=True), by="sentinel campaigns close")
    return print_closed(done, campaigns, as_json)
