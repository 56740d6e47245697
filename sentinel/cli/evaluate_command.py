"""`sentinel evaluate`: attackers stopped against people bothered, on labelled events or on stored history."""

import gc
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.evaluate_options import Asked, Earlier, HoldOutType, Without
from sentinel.cli.inputs import source_options
from sentinel.cli.outputs import expect_writable, writable
from sentinel.errors import SentinelError
from sentinel.pipeline.holdout import Part

#: Endings of what can be drawn.
_PICTURES = (".svg", ".png")


@click.command("evaluate")
@partial(source_options, required=False)
@json_option
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the curves into this file (.svg, .png)."
)
@click.option(
    "--challenges", type=click.FloatRange(0, 1000), default=3.0, show_default=True, metavar="N",
    help="At the one threshold for all, challenge at most so many of 1,000 logins of people.",
)  # fmt: skip
@click.option(
    "--without", type=Without(), default="", metavar="FIELDS",
    help="Drop fields from every event, by commas: device_id, rtt_ms, client, session_id. The reference sees none.",
)  # fmt: skip
@click.option(
    "--hold-out", type=HoldOutType(), metavar="DATE|SHARE",
    help="Count only logins since a date, or of the last share of the time (0.3); the rest builds the past.",
)  # fmt: skip
@click.option(
    "--accounts", type=click.IntRange(1), default=1, show_default=True, metavar="MOD",
    help="Count only one in MOD of the accounts, by a hash: those that training leaves out.",
)  # fmt: skip
@click.option(
    "--earlier", type=Earlier(), metavar="A-B",
    help="Count only logins of accounts with A to B earlier ones (1-5: cold start).",
)  # fmt: skip
@click.option(
    "--answered", is_flag=True, help="Whom your threshold challenges proves at once who they are; attackers fail."
)
@click.option(
    "--attackers", type=click.IntRange(0), default=300, show_default=True, metavar="N",
    help="Without FILES: put attackers of each kind onto N logins.",
)  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Without FILES: which logins, which attackers.")
@pass_config
def command(
    context: Context,
    files: tuple[Path, ...],
    source: str,
    year: int | None,
    timezone: str | None,
    tenant: str,
    as_json: bool,
    plot: Path | None,
    challenges: float,
    without: tuple[str, ...],
    hold_out: Any,
    accounts: int,
    earlier: Any,
    answered: bool,
    attackers: int,
    seed: int,
) -> int:
    """How many attackers would be stopped, and how many of your people bothered?

    Without FILES, on stored history: attackers are put onto a sample of its logins and judged against each account's
    past as it was then, leaving no trace: from anywhere, through VPNs, from the person's region, with a stolen
    session, and informed ones who read the rules and try twenty times. Nothing is changed; the daemon may go on.

    With FILES ("-": standard input), on labelled events, in order. Every line needs a label: legitimate, attack or
    attack:KIND. A bad line goes to standard error with its number and is skipped; the exit status is then 1.

    Your rules and thresholds judge as the daemon would, and beside them the published reference model does. What the
    figures mean: docs/evaluate.md.

    \b
    Example:
      sentinel evaluate --plot curves.svg                   # your own people, attackers put onto them
      sentinel evaluate --answered traffic.ndjson           # made by `simulate --attackers all`
      sentinel evaluate --from rba --json rba-dataset.csv
    """
    from sentinel.cli.evaluate_print import print_report
    from sentinel.cli.evaluate_run import on_files, on_history
    from sentinel.evaluation.compared import compared
    from sentinel.evaluation.plot import svg
    from sentinel.evaluation.rows import Rows
    from sentinel.evaluation.tables import report_of
    from sentinel.models.recipe import packaged_recipe
    from sentinel.picture import png

    if answered and not files:
        raise click.UsageError("--answered is for files; in stored history the answers that were given count")
    if plot is not None and plot.suffix.lower() not in _PICTURES:
        raise click.UsageError(f"--plot: expected a name that ends in .svg or .png, got {plot.name}")
    least, most = earlier or (0, None)
    asked = Asked(
        hold_out=hold_out,
        part=Part(parts=accounts, least=least, most=most),
        without=without or (),
        answered=answered,
        attackers=attackers,
        seed=seed,
    )
    if plot is not None:  # what is missing for it is told before the work
        expect_writable("--plot", plot)
        if plot.suffix.lower() == ".png":
            png(svg(compared(Rows())))
    gc.set_threshold(50_000, 20, 100)  # the state has no cycles; see daemon.py
    console = Console(stderr=True)
    if files:
        options = {"source": source, "year": year, "timezone": timezone}
        found = on_files(context.config, tenant, files, options, asked, console)
    else:
        found = on_history(context.config, tenant, asked, console)
    if not files and not found.run.events:
        raise SentinelError("there is no history yet; give a labelled file, as `sentinel simulate` makes it")
    prior = packaged_recipe("impostor").prior
    report = report_of(found.run, found.thresholds, found.answers, challenges=challenges, prior=prior)
    if as_json:
        print_json(msgspec.to_builtins(report, str_keys=True))
    else:
        print_report(report, Console(width=None if sys.stdout.isatty() else 132, highlight=False))
    if plot is not None:
        picture = svg(compared(found.run.rows))
        drawn = png(picture) if plot.suffix.lower() == ".png" else picture.encode()
        with writable("--plot", plot) as file:
            file.write(drawn)
    return 0 if found.good else 1
