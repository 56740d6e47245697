"""`sentinel explain`: one event through every step."""

import sys
from pathlib import Path

import click
import msgspec

from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.explain_print import print_explanation
from sentinel.cli.looking import expect_shown
from sentinel.cli.looks import approved_option, looked, purpose_option
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.build import build_enricher, load_ruleset, open_lookups, tenant_settings
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.errors import FieldError, SentinelError
from sentinel.events.event import decode_event
from sentinel.past.commons import Commons
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.explain import explain_arrival, explain_record
from sentinel.pipeline.handles import lookups, with_handles
from sentinel.pipeline.item import Arrival
from sentinel.privacy.vault import Vault


@click.command("explain")
@click.argument("event")
@tenant_option("Whose event it is.")
@click.option("--all", "everything", is_flag=True, help="Every fact with its meaning, not only those that were read.")
@purpose_option
@approved_option
@json_option
@pass_config
@run_async
async def command(
    context: Context,
    event: str,
    tenant: str,
    everything: bool,
    purpose: str,
    approved_by: str | None,
    as_json: bool,
) -> int:
    """Take EVENT through every step: what was seen, what each rule read and added.

    EVENT is the id of a stored event; or "-" for an event as JSON on standard input, or a file (@FILE, or a path that
    is no event's id), which is judged against the stored past as it is now. Nothing is changed or kept.

    \b
    Example:
      sentinel explain e-1
      sentinel explain - < event.json
    """
    config = context.config
    vault = open_vault(config, or_ephemeral=True)
    rules = load_ruleset(config)
    enricher = build_enricher(vault.pseudonym, open_lookups(config))
    settings = tenant_settings(config, rules, vault.pseudonym, vault.lookup_of)(tenant)
    store = open_to_read(config, vault)

    def look(account: str | None, person: bool) -> None:
        looked(
            config, vault, "event.explain", tenant=tenant, account=account, purpose=purpose, person=person,
            approved_by=approved_by,
        )  # fmt: skip

    try:
        commons = Commons(vault.commons_key(tenant), (await store.commons()).get(tenant, ()))
        record = await store.record(enricher.event_key(tenant, event)) if event != "-" else None
        if record is not None and record.type != "feedback":
            look(record.account, record.account is not None)
            await expect_shown(store, record.account)
            explanation = await explain_record(store, record, settings, event, record.account_id, commons)
        elif (data := _pasted(event)) is not None:
            try:
                pasted = decode_event(data)
            except FieldError as error:
                raise SentinelError(f"{'standard input' if event == '-' else event}: {error}") from None
            if pasted.id is None:
                pasted = msgspec.structs.replace(pasted, id="pasted")
            arrival = arrive(enricher, tenant, pasted)
            if pasted.account is not None:
                # It is shown beside the account's past.
                key = vault.find(enricher.account_key(tenant, pasted.account))
                handle = key.handle if key is not None else None
                look(handle, person=True)
                await expect_shown(store, handle)
            explanation = await explain_arrival(store, _asked(vault, arrival), settings, commons)
        else:
            raise SentinelError(f"no event {event!r} is stored for tenant {tenant!r}, and there is no such file")
    finally:
        await store.close()
        vault.close()
    if as_json:
        print_json(explanation)
    else:
        print_explanation(explanation, everything=everything)
    return 0


def _asked(vault: Vault, arrival: Arrival) -> Arrival:
    """The arrival with the handles of its accounts; those never heard of get one that is not kept."""
    return with_handles(arrival, {lookup: vault.find(lookup) or vault.guest(lookup) for lookup in lookups(arrival)})


def _pasted(event: str) -> bytes | None:
    """The JSON of a pasted event; ``None`` when ``event`` is neither "-" nor a file."""
    if event == "-":
        return sys.stdin.buffer.read()
    path = Path(event.removeprefix("@"))
    try:
        if not event.startswith("@") and not path.is_file():
            return None
        return path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
