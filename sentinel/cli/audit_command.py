"""`sentinel audit`: who looked at and changed personal data, and whether that record is whole."""

import re
from contextlib import closing
from typing import Any, Final

import click

from sentinel.audit.details import ROW, open_details
from sentinel.audit.entry import ACTIONS, Entry, Logged
from sentinel.audit.fault import MENDED
from sentinel.audit.verify import Report
from sentinel.cli.actor import operator
from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.looks import approved_option
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.second_person import approved, check_approval, needs_second
from sentinel.daemon.state import open_vault, prepare_state
from sentinel.events.clock import DAY, HOUR, MINUTE, SECOND, now, to_text
from sentinel.privacy.account_key import AccountKey

_SPAN: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


class _Span(click.ParamType[int]):
    """A span of time as ``30m``, ``12h`` or ``7d``, in micros."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _SPAN.fullmatch(str(value))
        if match is None:
            self.fail("expected a number and s, m, h or d, as 7d", param, ctx)
        return int(match[1]) * _UNITS[match[2]]


@click.group("audit")
def command() -> None:
    """Show and verify the log of looks at and changes to personal data."""


@command.command("verify")
@click.option("--repair", is_flag=True, help="When only the head is at fault, set it anew and write down why.")
@json_option
@pass_config
def verify(context: Context, repair: bool, as_json: bool) -> int:
    """Check that no entry was changed, taken out, put in or moved; exit 1 when one was.

    Says which entry is the first that does not fit, and what was done to it. With --repair, a head that was lost, or
    that is newer than the log, is set anew; what is gone stays gone. When an entry itself does not fit, nothing mends
    that: keep audit.db as evidence in another place, then --repair begins a new log.

    \b
    Example:
      sentinel audit verify
    """
    prepare_state(context.config)
    vault = open_vault(context.config, writes=True)
    with closing(vault), opened_audit(context.config, vault, create=repair) as audit:
        report = audit.log.repair(now(), operator()) if repair else audit.log.verify()
    if as_json:
        print_json(report)
    else:
        click.echo(_told(report, repair))
    return 0 if report.fault is None else 1


@command.command("show")
@click.option("--account", help="About this account only.")
@tenant_option("Of this tenant only; with --account: default unless given.", None)
@click.option("--action", type=click.Choice(ACTIONS), metavar="ACTION", help="Of this kind only, as account.export.")
@click.option("--actor", help="By this API key or person only.")
@click.option("--since", type=_Span(), help="Not older than this, as 12h or 7d.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@click.option("--purpose", default="", help="Why you look; written into the log.")
@approved_option
@json_option
@pass_config
def show(
    context: Context,
    account: str | None,
    tenant: str | None,
    action: str | None,
    actor: str | None,
    since: int | None,
    limit: int,
    purpose: str,
    approved_by: str | None,
    as_json: bool,
) -> int:
    """Show entries, newest last. That you looked becomes an entry itself.

    \b
    Example:
      sentinel audit show --since 7d
      sentinel audit show --account u-1 --action account.export --json
    """
    prepare_state(context.config)
    time, who = now(), operator()
    vault = open_vault(context.config, writes=True)
    with closing(vault), opened_audit(context.config, vault) as audit:
        if account is not None:
            tenant = tenant or "default"
        key = audit.account_key(tenant, account) if account is not None and tenant is not None else None
        row = key.row(ROW) if key is not None else None
        if account is not None and tenant is not None and needs_second(context.config, tenant):
            check_approval(audit.log, now=time, actor=who, by=approved_by, tenant=tenant, row=row)
            purpose = approved(approved_by, purpose)
        look = Entry(
            time=time,
            actor=who,
            role="operator",
            action="audit.show",
            purpose=purpose,
            tenant=tenant,
            account=row,
        )
        before = audit.log.append([look])
        entries: list[Logged] = []
        if account is None or row is not None:
            entries = audit.log.show(
                before=before,
                account=row,
                tenant=tenant,
                action=action,
                actor=actor,
                since=time - since if since is not None else None,
                limit=limit,
            )
        shown = [_shown(entry, key) for entry in entries] if as_json else []
    if as_json:
        print_json(shown)
        return 0
    if not entries:
        click.echo("none", err=True)
    for entry in entries:
        click.echo(
            f"{entry.seq}  {_time(entry)}  {entry.role} {entry.actor}  {entry.action}  {entry.tenant or '-'}"
            f"  {entry.account or '-'}" + (f"  {entry.purpose}" if entry.purpose else "")
        )
    return 0


def _shown(entry: Logged, key: AccountKey | None) -> dict[str, Any]:
    """An entry for machines. Sealed details are opened where one account's entries are shown (``key``), else it says
    only whether there are any."""
    return {
        "entry": entry.seq,
        "time": _time(entry),
        "tenant": entry.tenant,
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "purpose": entry.purpose,
        "account": entry.account,
        "sealed": entry.sealed is not None,
        "details": open_details(key, entry) if key is not None else None,
    }


def _time(entry: Logged) -> str:
    try:
        return to_text(entry.time)
    except (OverflowError, TypeError):  # tampered with: no such day
        return str(entry.time)


def _told(report: Report, repair: bool) -> str:
    if report.fault is not None:
        told = f"broken: {report.fault.kind}: {report.fault.text}; up to entry {report.last} it holds"
        if repair:
            told += "\nthe head was set anew" if report.fault.kind in MENDED else "\nnothing mends that; see --help"
        return told
    text = f"{report.entries} entries, from {report.start + 1} to {report.last}: nothing was changed"
    if not report.entries:
        text = "no entries"
    if report.after_head:
        text += (
            f"\n{report.after_head} of them are newer than the head: a writer was stopped or is at work;"
            " the next entry mends it"
        )
    return text
