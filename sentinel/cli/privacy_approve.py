"""`sentinel privacy approve`: the second person, where a look at somebody needs one."""

from contextlib import closing

import click

from sentinel.audit.details import ROW
from sentinel.cli.actor import operator
from sentinel.cli.context import Context, pass_config
from sentinel.cli.looking import account_argument, open_keys, tenant_option
from sentinel.cli.looks import purpose_option
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.second_person import HOLDS, approval, needs_second
from sentinel.errors import SentinelError
from sentinel.events.clock import MINUTE, now


@click.command("approve")
@account_argument
@tenant_option
@purpose_option
@pass_config
def approve(context: Context, account: str, tenant: str, purpose: str) -> int:
    """Agree that somebody else looks ACCOUNT up within the next hour ([privacy] purpose = "workforce").

    Log in under your own name and run it as sentinel's user (`sudo -u sentinel`): it is your name that counts, as the
    system keeps it from your login on. It becomes an entry of the audit log, and so does the look.

    \b
    Example:
      sentinel privacy approve u-1 --purpose "ticket 7"
    """
    config = context.config
    if not needs_second(config, tenant):
        raise SentinelError('[privacy] purpose is not "workforce": looks need no second person here')
    name = operator()
    with closing(open_keys(config)) as vault, opened_audit(config, vault) as audit:
        key = vault.find(vault.pseudonym("account", tenant, account))
        row = key.row(ROW) if key is not None else None
        audit.log.append([approval(time=now(), actor=name, tenant=tenant, row=row, purpose=purpose)])
    click.echo(f"approved for {HOLDS // MINUTE} minutes; whoever looks gives: --approved-by {name}")
    return 0
