"""`sentinel simulate`: made-up traffic to try rules on."""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
from rich.console import Console

from sentinel.cli.bar import progress_bar
from sentinel.cli.context import Context, pass_config
from sentinel.cli.outputs import writable
from sentinel.daemon.state import prepare_state
from sentinel.events.limits import FIRST_YEAR, LAST_YEAR

_KINDS = (
    "naive, vpn, targeted, stolen_session, spray, stuffing, slow_spray, distributed_guessing, enumeration, push_bombing"
)


@click.command("simulate")
@click.option("--accounts", type=click.IntRange(1, 100_000), default=300, show_default=True, help="How many people.")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="For how long.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-01-01",
    show_default=True,
    help="First day, in UTC.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--attackers", default="", metavar="KINDS", help=f'Attackers, by commas, or "all": {_KINDS}.', show_default=False
)
@click.option(
    "--intruders", type=click.IntRange(0), default=20, show_default=True, help="So many of each of the first four."
)
@click.option("--campaigns", type=click.IntRange(0), default=2, show_default=True, help="So many of each other kind.")
@click.option(
    "--quiet-days", type=click.IntRange(0), default=30, show_default=True, help="Days before the first attack."
)
@click.option(
    "--labels/--no-labels", default=True, help="Say which events are attacks; without, events can be posted over HTTP."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write here (default: standard output).")
@pass_config
def command(
    context: Context,
    accounts: int,
    days: int,
    start: datetime,
    seed: int,
    attackers: str,
    intruders: int,
    campaigns: int,
    quiet_days: int,
    labels: bool,
    out: Path | None,
) -> int:
    """Write the logins of made-up people as events, one a line: phones and carriers, travel, typos, upgrades.

    Nobody attacks unless asked for. Addresses come from the packaged data, browsers from the package
    fake-useragent: pip install '.[simulate]' in the source's folder. Every event carries a label, "legitimate" or
    "attack:KIND".

    \b
    Example:
      sentinel simulate --accounts 100 --days 60 --attackers naive,spray > traffic.ndjson
      sentinel simulate --days 30 | sentinel assess --alerts mails.jsonl -
    """
    from sentinel.simulation.addresses import Addresses
    from sentinel.simulation.attacks import KINDS
    from sentinel.simulation.traffic import Wish, simulate

    kinds = KINDS if attackers == "all" else tuple(kind.strip() for kind in attackers.split(",") if kind.strip())
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise click.UsageError(f"--attackers: no such kind: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if start.year < FIRST_YEAR or start > datetime(LAST_YEAR, 12, 31) - timedelta(days=days):
        raise click.UsageError(f"--start: expected a day from {FIRST_YEAR} on, and all --days before {LAST_YEAR + 1}")
    wish = Wish(
        accounts=accounts,
        days=days,
        start=start.replace(tzinfo=UTC),
        seed=seed,
        attackers=kinds,
        quiet_days=quiet_days,
        intruders=intruders,
        campaigns=campaigns,
    )
    prepare_state(context.config)
    console = Console(stderr=True)
    encode = msgspec.json.Encoder().encode
    with ExitStack() as stack:
        target = stack.enter_context(writable("--out", out)) if out else sys.stdout.buffer
        bar = stack.enter_context(progress_bar(console))
        task = bar.add_task("reading the address data", total=days)
        addresses = Addresses.load(context.config.state)
        for number, event in enumerate(simulate(wish, addresses)):
            if not labels:
                del event["label"]
                event.pop("extra", None)
            target.write(encode(event) + b"\n")
            if number % 2000 == 0:
                done = (datetime.fromisoformat(event["time"]) - wish.start).days
                bar.update(task, description="simulating", completed=done)
        target.flush()
    return 0
