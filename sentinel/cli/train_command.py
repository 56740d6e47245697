"""`sentinel train`: models of this service's own history."""

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console

from sentinel.cli.bar import progress_bar
from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.looks import looked
from sentinel.cli.tenants import DEFAULT, Tenant, known_tenants
from sentinel.config import Config
from sentinel.daemon.build import build_enricher, load_ruleset, open_lookups, tenant_settings
from sentinel.daemon.models import model_desk, model_registry, today
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.errors import SentinelError
from sentinel.events.clock import day_of, end_of
from sentinel.models.recipe import Recipe, packaged_recipe
from sentinel.models.stored import KINDS, Kind

if TYPE_CHECKING:
    from sentinel.training.train import Outcome


@click.command("train")
@click.option(
    "--tenant",
    "tenants",
    type=Tenant(),
    multiple=True,
    help="Whose models; may be given again [default: every tenant's].",
)
@click.option("--measure-only", is_flag=True, help="Measure what would come of it, and keep nothing.")
@json_option
@pass_config
def command(context: Context, tenants: tuple[str, ...], measure_only: bool, as_json: bool) -> int:
    """Train models on the stored history, and put those in force that are better than what is.

    Reads beside the daemon, at low priority; nothing of it is kept but the models. Impostors are made of other people's
    logins and of lists: nobody has to label anything, and what was answered ("it was me", "it was not") weighs more.
    Left out are restricted accounts, erased ones, and what was flagged and neither confirmed nor settled since; raw
    addresses are never opened. A model is put in force only if it beats the one there is on later days of accounts that
    neither learned from; else it is kept as a candidate (`sentinel models promote`). Where there is too little history
    nothing is trained, and the exit status is 1.

    \b
    Example:
      sentinel train
      sentinel train --tenant shop --measure-only --json
    """
    config = context.config
    with suppress(OSError):
        os.nice(10)  # whoever logs in meanwhile goes before; where that is forbidden, the unit has said so itself
    known = asyncio.run(known_tenants(config)) or {DEFAULT}
    chosen = sorted(set(tenants) or known)
    told: dict[str, Any] = {}
    failed = False
    console = Console(stderr=True)
    for tenant in chosen:
        try:
            outcomes = asyncio.run(_train(config, tenant, console, keep=not measure_only))
        except SentinelError as error:
            # The next tenant's models do not wait for what is wrong with this one.
            failed = failed or not _is_too_little(error)
            told[tenant] = {"refused": str(error)}
            click.echo(str(error), err=True)
            continue
        told[tenant] = [msgspec.to_builtins(outcome) for outcome in outcomes]
        if not as_json:
            for outcome in outcomes:
                _print(tenant, outcome, keep=not measure_only)
    if as_json:
        print_json(told)
    return 0 if not failed and any(isinstance(outcomes, list) for outcomes in told.values()) else 1


def _is_too_little(error: SentinelError) -> bool:
    from sentinel.training.train import TooLittleError

    return isinstance(error, TooLittleError)


async def _train(config: Config, tenant: str, console: Console, *, keep: bool) -> "list[Outcome]":
    """Train a tenant's models. Raises :class:`SentinelError`."""
    from sentinel.simulation.addresses import Addresses
    from sentinel.training.elsewhere import Listed
    from sentinel.training.run import Progress, gather, make

    recipes: dict[Kind, Recipe] = {kind: packaged_recipe(kind) for kind in KINDS}
    day = today()
    vault = open_vault(config, or_ephemeral=True)
    try:
        store = open_to_read(config, vault)
        try:
            desk = model_desk(config)
            settings = tenant_settings(config, load_ruleset(config), vault.pseudonym, vault.lookup_of, desk)(tenant)
            listed, stored = None, (await store.extent()).records
            if stored:
                # Once what it needs is in order, and before anybody's event is read.
                looked(config, vault, "models.train", tenant=tenant, purpose="" if keep else "measured, nothing kept")
            if stored >= recipes["impostor"].minimum.logins:
                enricher = build_enricher(vault.pseudonym, open_lookups(config))
                listed = Listed(Addresses.load(config.state), enricher, tenant)
            with progress_bar(console) as bar:
                task = bar.add_task(f"{tenant}: reading history", total=1.0)
                rows = await gather(
                    store,
                    tenant,
                    settings,
                    listed,
                    recipes["impostor"],
                    until=end_of(day_of(day)),  # what is dated later came from a wrong clock
                    progress=Progress(read=lambda share: bar.update(task, completed=share)),
                )
        finally:
            await store.close()
    finally:
        vault.close()
    with console.status(f"{tenant}: fitting") as status:
        return make(
            rows,
            tenant,
            recipes,
            desk.of(tenant),
            model_registry(config),
            today=day,
            keeping=keep,
            progress=Progress(doing=lambda what: status.update(f"{tenant}: {what}")),
        )


def _print(tenant: str, outcome: "Outcome", *, keep: bool) -> None:
    what = outcome.what if keep else f"would be {outcome.what}"
    click.echo(f"{tenant}: {outcome.kind} {outcome.version} {what}, {outcome.why}")
    for name, value in outcome.figures.items():
        before = outcome.before.get(name) if outcome.before else None
        beside = f"   in force: {before:.4g}" if before is not None else ""
        click.echo(f"  {name:24} {value:.4g}{beside}")
