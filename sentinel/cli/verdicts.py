"""What `alerts` and `campaigns` share: listing, showing, and verdicts that close."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any, Final

import click

from sentinel.api.accounts import show_alert
from sentinel.audit.entry import Action
from sentinel.cli import tenants
from sentinel.cli.context import Context, print_json
from sentinel.cli.looks import looked
from sentinel.cli.waiting import wait_for, who_does_it
from sentinel.config import Config
from sentinel.daemon.build import bare_lookups, build_enricher, build_pipeline, load_ruleset
from sentinel.daemon.lock import StoreHeld, state_lock
from sentinel.daemon.state import open_store, open_to_read, open_vault, prepare_state
from sentinel.enrich.sighting import Enricher
from sentinel.errors import SentinelError
from sentinel.events.clock import now, to_text
from sentinel.pipeline.pack import unpack_assessment, unpack_sighting
from sentinel.pipeline.verdicts import carry_out
from sentinel.privacy.keyring import KEYRING_NAME
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import AlertRow, AskedVerdict, Store

tenant_option: Final = tenants.tenant_option("Whose alerts.")
all_option: Final = click.option("--all", "closed_too", is_flag=True, help="Those closed as well.")
limit_option: Final = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many."
)
verdict_option: Final = click.option(
    "--verdict", type=click.Choice(["legitimate", "compromised"]), required=True, help="What it was."
)


class Opened:
    """The store with what opens and finds things in it."""

    def __init__(self, context: Context, vault: Vault, store: Store, enricher: Enricher) -> None:
        self.context = context
        self.vault = vault
        self.store = store
        self.enricher = enricher

    def handle(self, tenant: str, account: str) -> str | None:
        """What an account is known by in the store; ``None`` when it was never heard of."""
        key = self.vault.find(self.enricher.account_key(tenant, account))
        return key.handle if key is not None else None

    def looked(
        self,
        action: Action,
        tenant: str,
        account: str | None = None,
        purpose: str = "",
        *,
        person: bool = False,
        approved_by: str | None = None,
    ) -> None:
        """Take down that this is shown or done (see :func:`sentinel.cli.looks.looked`)."""
        looked(
            self.context.config,
            self.vault,
            action,
            tenant=tenant,
            account=account,
            purpose=purpose,
            person=person,
            approved_by=approved_by,
        )

    async def row(self, tenant: str, id: str, kind: str | None = None) -> AlertRow:
        """An alert. Raises :class:`SentinelError` when there is none."""
        found = await self.store.alert(tenant, id)
        if found is None or kind not in (None, found.kind):
            what = kind or "alert"
            raise SentinelError(f"there is no {what} {id!r} of tenant {tenant!r}; `sentinel {what}s list` shows them")
        return found

    async def shown(self, row: AlertRow) -> dict[str, Any]:
        """An alert as it is shown."""
        first = await self.store.record(row.event) if row.account is not None else None
        account = first.account_id if first is not None else None
        return show_alert(row) | {"account": account}

    async def events(self, row: AlertRow, limit: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """The first events of an alert as they are shown, and counts of all. Those of accounts whose processing is
        restricted are counted and not shown."""
        shown: list[dict[str, Any]] = []
        accounts: set[str] = set()
        entered: set[str] = set()
        restricted: dict[str | None, bool] = {None: False}
        number = 0
        async for record in self.store.alert_events(row):
            number += 1
            sighting = unpack_sighting(record.sighting)
            if sighting.account is not None:
                accounts.add(sighting.account)
                if sighting.judged and sighting.outcome == "success":
                    entered.add(sighting.account)
            if len(shown) < limit and not await self._restricted(record.account, restricted):
                assessment = unpack_assessment(record.assessment, record.event_id, record.account_id)
                shown.append(
                    {
                        "event": record.event_id,
                        "account": record.account_id,
                        "time": to_text(record.time),
                        "type": sighting.type,
                        "outcome": sighting.outcome,
                        "risk": assessment.risk,
                        "rules": [finding.rule for finding in assessment.findings],
                    }
                )
        return shown, {"events": number, "accounts": len(accounts), "entered": len(entered)}

    async def _restricted(self, handle: str | None, known: dict[str | None, bool]) -> bool:
        if handle not in known:
            profile = await self.store.profile(handle) if handle is not None else None
            known[handle] = profile is not None and profile.restricted
        return known[handle]


@asynccontextmanager
async def opened(context: Context) -> AsyncIterator[Opened]:
    """The store of the configuration, beside a running daemon or without one."""
    config = context.config
    prepare_state(config)
    vault = open_vault(config, or_ephemeral=True)
    begun = (config.state / KEYRING_NAME).exists()
    # A store that was made before its keyring would look like one whose keyring was lost.
    store = open_store(config, vault) if begun else open_to_read(config, vault)
    try:
        if begun:
            await store.bind(vault.fingerprint)
        yield Opened(context, vault, store, build_enricher(vault.pseudonym, bare_lookups()))
    finally:
        await store.close()
        vault.close()


async def print_list(at: Opened, rows: Sequence[AlertRow], as_json: bool) -> None:
    """A line an alert."""
    shown = [await at.shown(row) for row in rows]
    if as_json:
        print_json(shown)
        return
    if not shown:
        click.echo("none", err=True)
    for one in shown:
        who = f"  {one['account']}" if one["account"] else ""
        click.echo(
            f"{one['alert']}  {one['kind']}  {one['level']}  {one['state']}  {one['last']}  "
            f"{one['events']} events  {','.join(one['rules'])}{who}"
        )


async def print_one(at: Opened, row: AlertRow, limit: int, as_json: bool) -> None:
    """An alert with its events."""
    shown = await at.shown(row)
    events, counts = await at.events(row, limit)
    if as_json:
        print_json(shown | {"counts": counts, "list": events})
        return
    for name, value in shown.items():
        if value is not None:
            click.echo(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    click.echo(f"accounts: {counts['accounts']}, let in: {counts['entered']}")
    for event in events:
        what = f"{event['account'] or '-'}  {event['type']} {event['outcome']}"
        click.echo(f"  {event['time']}  {event['event']}  {what}  {','.join(event['rules'])}")
    if more := counts["events"] - len(events):
        why = "see --limit" if len(events) == limit else "not shown: the processing of their accounts is restricted"
        click.echo(f"  … {more} more; {why}")


async def close(
    at: Opened, asked: Sequence[AskedVerdict], tell: Callable[[str], None], *, by: str
) -> list[AskedVerdict]:
    """Have verdicts carried out: here when nobody else judges into the store, else by the daemon that does. ``by`` is
    the command, for those who find the store taken.

    Returns them as they are then; with ``done`` 0 the daemon has not come to it yet.
    """
    ids = [await at.store.ask_verdict(verdict) for verdict in asked]
    config = at.context.config
    if (held := await _carry_out_here(config, by)) is not None:
        tell(who_does_it(held))

        async def all_done() -> bool | None:
            return {verdict.id for verdict in await at.store.asked_verdicts()}.isdisjoint(ids) or None

        async def here() -> None:
            await _carry_out_here(config, by)

        await wait_for(all_done, here)
    return [found for id in ids for found in await at.store.asked_verdicts(id)]


def print_closed(done: Sequence[AskedVerdict], names: Sequence[str], as_json: bool) -> int:
    """What came of verdicts; exit status 1 when the daemon has not come to one."""
    if as_json:
        print_json(
            [
                {"closed": name, "verdict": one.verdict, "events": one.answered, "done": bool(one.done)}
                for name, one in zip(names, done, strict=True)
            ]
        )
    else:
        for name, one in zip(names, done, strict=True):
            if one.done:
                click.echo(f"{name}: {one.verdict}, {one.answered} events answered")
            else:
                click.echo(f"{name}: kept; whoever judges into this store next will carry it out", err=True)
    return 0 if all(one.done for one in done) else 1


async def _carry_out_here(config: Config, by: str) -> StoreHeld | None:
    """Carry out all verdicts that were asked for, unless another process judges into the store: then who that is."""
    with ExitStack() as stack:
        try:
            stack.enter_context(state_lock(config.state, config.store_url, by=by))
        except StoreHeld as held:
            return held
        vault = open_vault(config, writes=True)
        stack.callback(vault.close)
        store = open_store(config, vault)
        try:
            pipeline = build_pipeline(config, store, vault, load_ruleset(config), tell=True)
            for waiting in await store.asked_verdicts():
                await carry_out(waiting, store, pipeline.process, now=now())
        finally:
            await store.close()
    return None
