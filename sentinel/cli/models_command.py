"""`sentinel models`: what was trained, which is in force, and going on or back to another."""

from datetime import date
from typing import Any, get_args

import click
import msgspec

from sentinel.cli import models_drift
from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.config import Config
from sentinel.daemon.models import model_registry, today
from sentinel.errors import SentinelError
from sentinel.models.in_force import Shelf, Standing
from sentinel.models.recipe import packaged_card
from sentinel.models.stored import Kind

_kind = click.argument("kind", type=click.Choice(get_args(Kind)))
_tenant = click.option("--tenant", default="default", show_default=True, help="Whose model.")


@click.group("models")
def command() -> None:
    """List, show, promote and roll back the models that score logins."""


@command.command("list")
@click.option("--tenant", help="Of this tenant only.")
@json_option
@pass_config
def list_models(context: Context, tenant: str | None, as_json: bool) -> int:
    """List all models: in force, candidate, kept to go back to; and the baseline where it is in force.

    One that abstains gives no answer; the reason stands beside it, and the baseline stands in for it.

    \b
    Example:
      sentinel models list
    """
    shelf = _shelf(context.config)
    tenants = sorted({"default", *context.config.tenants, *shelf.registry.tenants()}) if tenant is None else [tenant]
    found = [each for name in tenants for each in shelf.look(name, today())]
    if as_json:
        print_json([_told(each) for each in found])
        return 0
    head = ("TENANT", "MODEL", "VERSION", "STATUS", "LEARNED FROM", "UNTIL")
    rows = [head, *((each.tenant, each.kind, each.version, each.status, *_window(each)) for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    reasons = ["", *(each.reason or "" for each in found)]
    for row, reason in zip(rows, reasons, strict=True):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(f"{line}  {reason}".rstrip())
    return 0


@command.command("show")
@_kind
@_tenant
@click.option("--version", "wanted", metavar="VERSION", help="Another one than the one in force, as `list` names it.")
@json_option
@pass_config
@run_async
async def show(context: Context, kind: Kind, tenant: str, wanted: str | None, as_json: bool) -> int:
    """Show a model: what it learned from, how it did on the hold-out, how logins drifted since, and its card.

    \b
    Example:
      sentinel models show impostor
      sentinel models show novelty --version 2026-11-01
    """
    found = _one(context.config, kind, tenant, wanted)
    told = _told(found)
    drifts = await models_drift.read_drift(context.config, tenant, [found])
    if as_json:
        print_json(told | {"drift": [models_drift.as_data(each) for each in drifts]})
        return 0
    figures = told.pop("figures", {})
    told["features"] = len(told.get("features", ()))
    for name, value in told.items():
        if value is not None:
            click.echo(f"{name:<15} {value}")
    for name, value in figures.items():
        click.echo(f"  {name:<30} {value:g}")
    for each in drifts:
        if each.report is not None and (line := models_drift.in_one_line(each.report)):
            click.echo(f"{'drift':<15} {line}")
    click.echo()
    click.echo(packaged_card(kind), nl=False)
    return 0


@command.command("promote")
@_kind
@_tenant
@json_option
@pass_config
def promote(context: Context, kind: Kind, tenant: str, as_json: bool) -> int:
    """Put the candidate in force; a running daemon takes it without a restart.

    The model before it and the two before that are kept, see `rollback`. Refused when this release could not use it.

    \b
    Example:
      sentinel models promote impostor
    """
    shelf = _shelf(context.config)
    for each in shelf.look(tenant, today()):
        if each.kind == kind and each.status == "candidate" and each.reason:
            raise SentinelError(f"{kind} {each.version} stays a candidate: {each.reason}")
    version = shelf.registry.promote(tenant, kind)
    _say(as_json, tenant, kind, version, f"{kind} {version} is in force for tenant {tenant}")
    return 0


@command.command("rollback")
@_kind
@_tenant
@json_option
@pass_config
def rollback(context: Context, kind: Kind, tenant: str, as_json: bool) -> int:
    """Put the model in force that was before; again, and it goes one further, at last to the baseline.

    What was in force becomes the candidate, so that `promote` takes it back; where there is a candidate already, it is
    removed.

    \b
    Example:
      sentinel models rollback impostor
    """
    version = _shelf(context.config).registry.rollback(tenant, kind)
    named = f"{kind} {version}" if version else f"the {kind} baseline"
    _say(as_json, tenant, kind, version, f"{named} is in force for tenant {tenant}")
    return 0


command.add_command(models_drift.command)


def _shelf(config: Config) -> Shelf:
    return Shelf(model_registry(config))


def _one(config: Config, kind: Kind, tenant: str, wanted: str | None) -> Standing:
    found = [each for each in _shelf(config).look(tenant, today()) if each.kind == kind]
    for each in found:
        if each.version == wanted or (wanted is None and each.status == "in force"):
            return each
    if wanted is None:
        raise SentinelError(f"tenant {tenant} has no {kind} model in force: {found[0].reason}")
    raise SentinelError(f"tenant {tenant} has no {kind} model {wanted}; `sentinel models list` shows them")


def _told(standing: Standing) -> dict[str, Any]:
    """All that is known of a model but its trees."""
    told: dict[str, Any] = {
        "tenant": standing.tenant,
        "kind": standing.kind,
        "version": standing.version,
        "status": standing.status,
        "baseline": standing.baseline,
        "reason": standing.reason,
    }
    if (file := standing.file) is not None:
        kept = ("first_day", "last_day", "rows", "sentinel", "sklearn", "recipe", "sha256", "features", "figures")
        told |= {name: msgspec.to_builtins(getattr(file, name)) for name in kept}
        told |= {"ends": _day(file.ends), "trees": len(file.trees.trees), "nodes": file.trees.nodes}
    return told


def _window(standing: Standing) -> tuple[str, str]:
    file = standing.file
    if file is None:
        return "", ""
    return (
        ("made-up traffic", "") if standing.baseline else (f"{file.first_day} – {file.last_day}", _day(file.ends) or "")
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _say(as_json: bool, tenant: str, kind: Kind, version: str | None, text: str) -> None:
    if as_json:
        print_json({"tenant": tenant, "kind": kind, "in_force": version})
    else:
        click.echo(text)
