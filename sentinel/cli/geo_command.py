"""`sentinel geo`: the databases of places and networks."""

from pathlib import Path

import click

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.daemon.state import prepare_state
from sentinel.enrich.databases import status as database_status
from sentinel.enrich.update import update as update_database
from sentinel.enrich.update import update_list
from sentinel.errors import SentinelError


@click.group("geo")
def command() -> None:
    """Show and update the databases of places and networks, and the operator's lists."""


@command.command("status")
@json_option
@pass_config
def status(context: Context, as_json: bool) -> int:
    """Which databases are in force, how old and how large.

    \b
    Example:
      sentinel geo status
    """
    prepare_state(context.config)
    geo = context.config.geo
    found = database_status(context.config.state, city=geo.city, asn=geo.asn, anonymous=geo.anonymous)
    if as_json:
        print_json(found)
        return 0
    for entry in found:
        if entry.path is None:
            click.echo(f"{entry.kind:<9}  none")
            continue
        size = (entry.bytes or 0) / 1e6
        credit = f"  {entry.attribution}" if entry.attribution else ""
        click.echo(f"{entry.kind:<9}  {entry.origin:<10}  {entry.type}  {entry.built}  {size:.1f} MB{credit}")
    for item in geo.lists:
        click.echo(f"list       {item.kind:<10}  {item.path}")
    return 0


@command.command("update")
@click.argument("kind", type=click.Choice(["city", "asn", "anonymous", "list"]))
@click.argument("source")
@click.option("--sha256", help="Expected SHA-256 of the file as fetched, in hex.")
@click.option(
    "--list", "target", type=click.Path(path_type=Path), help="With kind list: which list file of the configuration."
)
@pass_config
def update(context: Context, kind: str, source: str, sha256: str | None, target: Path | None) -> int:
    """Take a newer database or list from SOURCE, a file or an http(s) URL.

    It is checked and swapped in at once; on any error the old one stays. A running daemon takes it up on SIGHUP.

    \b
    Example:
      sentinel geo update city ./GeoLite2-City.mmdb
    """
    prepare_state(context.config)
    if kind == "list":
        listed = {item.path.resolve(): item for item in context.config.geo.lists}
        item = listed.get(target.resolve()) if target else None
        if item is None:
            raise SentinelError("--list names one of the files in [[geo.lists]] of the configuration")
        number = update_list(item.kind, source, item.path, sha256=sha256)
        click.echo(f"{item.path}: {number} networks of kind {item.kind}")
        return 0
    found = update_database(kind, source, context.config.state, sha256=sha256)  # type: ignore[arg-type]  # click has checked the kind
    click.echo(
        f"{kind}: {found.type} of {found.built}, {(found.bytes or 0) / 1e6:.1f} MB; send SIGHUP to a running daemon"
    )
    return 0
