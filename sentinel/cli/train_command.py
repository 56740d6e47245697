"""`sentinel train`: models of this service's own history."""

import asyncio
import os
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.config import Config
from sentinel.daemon.build import build_enricher, load_ruleset, open_lookups, tenant_settings
from sentinel.daemon.models import model_desk, today
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.errors import SentinelError
from sentinel.models.in_force import ModelsInForce
from sentinel.models.recipe import packaged_recipe
from sentinel.models.registry import Registry
from sentinel.models.stored import KINDS

if TYPE_CHECKING:
    from sentinel.training.train import Outcome


@click.command("train")
@click.option("--tenant", "tenants", multiple=True, help="Whose models; may be given again [default: every tenant's].")
@click.option("--keep/--measure-only", default=True, show_default=True, help="Keep what was trained, or only measure.")
@json_option
@pass_config
def command(context: Context, tenants: tuple[str, ...], keep: bool, as_json: bool) -> int:
    """Train models on the stored history, and put those in force that are better than what is.

    Reads beside the daemon, at low priority; nothing of it is kept but the models. Impostors are made of other people's
    logins and of lists: nobody has to label anything, and what was answered ("it was me", "it was not") weighs more.
    Restricted accounts, erased ones and flagged events are left out; raw addresses are never opened. A model is put in
    force only if it beats the one there is on later days of accounts that neither learned from; else it is kept as a
    candidate (`sentinel models promote`). Where there is too little history nothing is trained, and the exit status
    is 1.

    \b
    Example:
      sentinel train
      sentinel train --tenant shop --measure-only --json
    """
    config = context.config
    os.nice(10)  # whoever logs in meanwhile goes before
    chosen = sorted(set(tenants) or {"default", *config.tenants})
    told: dict[str, Any] = {}
    console = Console(stderr=True)
    for tenant in chosen:
        try:
            outcomes = asyncio.run(_train(config, tenant, console, keep=keep))
        except SentinelError as error:
            if len(chosen) == 1 or not _is_too_little(error):
                raise
            told[tenant] = {"refused": str(error)}
            if not as_json:
                click.echo(str(error), err=True)
            continue
        told[tenant] = [msgspec.to_builtins(outcome) for outcome in outcomes]
        if not as_json:
            for outcome in outcomes:
                _print(tenant, outcome, keep=keep)
    if as_json:
        print_json(told)
    return 0 if any(isinstance(outcomes, list) for outcomes in told.values()) else 1


def _is_too_little(error: SentinelError) -> bool:
    from sentinel.training.train import TooLittleError

    return isinstance(error, TooLittleError)


async def _train(config: Config, tenant: str, console: Console, *, keep: bool) -> "list[Outcome]":
    """Train a tenant's models. Raises :class:`SentinelError`."""
    from sentinel.simulation.addresses import Addresses
    from sentinel.training import train
    from sentinel.training.elsewhere import Listed
    from sentinel.training.fit import split
    from sentinel.training.history import collect
    from sentinel.training.impostors import Impostors

    recipes = {kind: packaged_recipe(kind) for kind in KINDS}
    impostor = recipes["impostor"]
    vault = open_vault(config, or_ephemeral=True)
    store = open_to_read(config, vault)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        desk = model_desk(config)
        settings = tenant_settings(config, load_ruleset(config), vault.pseudonym, vault.lookup_of, desk)(tenant)
        listed = Listed(Addresses.load(config.state), build_enricher(vault.pseudonym, open_lookups(config)), tenant)
        total = (await store.extent()).records
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(f"{tenant}: reading history", total=total)
            collected = await collect(
                store,
                tenant,
                settings,
                Impostors(listed, impostor.seed),
                window_days=impostor.window_days,
                seed=impostor.seed,
                progress=lambda done: bar.update(task, completed=done),
            )
    finally:
        await store.close()
        vault.close()
    train.expect_enough(collected, impostor, tenant)
    try:
        rows = split(collected.table, impostor.holdout_share)
    except ValueError as error:
        raise train.TooLittleError(f"tenant {tenant}: {error}") from None
    registry = Registry(config.state / "models")
    in_force: ModelsInForce = desk.of(tenant)
    outcomes = []
    with console.status(f"{tenant}: fitting") as status:
        for kind in KINDS:
            made = train.fit(
                rows,
                kind,
                recipes[kind],
                tenant=tenant,
                version=registry.next_version(tenant, kind, today()),
                progress=lambda what: status.update(f"{tenant}: {what}"),
            )
            outcome = train.decide(made, rows, recipes[kind], in_force)
            if keep:
                train.keep(made, outcome, registry)
            outcomes.append(outcome)
    return outcomes


def _print(tenant: str, outcome: "Outcome", *, keep: bool) -> None:
    what = outcome.what if keep else f"would be {outcome.what}"
    click.echo(f"{tenant}: {outcome.kind} {outcome.version} {what}, {outcome.why}")
    for name, value in outcome.figures.items():
        before = outcome.before.get(name) if outcome.before else None
        beside = f"   in force: {before:.4g}" if before is not None else ""
        click.echo(f"  {name:24} {value:.4g}{beside}")
