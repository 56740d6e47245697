"""`sentinel evaluate`: attackers stopped against people bothered, on labelled events."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.status import Status

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.inputs import open_input, source_options
from sentinel.daemon.build import build_enricher, load_ruleset, open_lookups, tenant_settings
from sentinel.daemon.state import prepare_state
from sentinel.errors import FieldError, SourceError
from sentinel.events.event import Feedback
from sentinel.privacy.vault import Vault
from sentinel.sources import SOURCES, Line, Options, cut

if TYPE_CHECKING:
    from sentinel.evaluation.scores import Scoring

#: Events between two lines of progress.
_STEP = 5000


@click.command("evaluate")
@source_options
@json_option
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the curves into this file (.svg).")
@click.option(
    "--answered", is_flag=True, help="Whom your threshold challenges proves at once who they are; attackers fail."
)
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
    answered: bool,
) -> int:
    """How many attackers would be stopped, and how many people bothered? On labelled events ("-": standard input).

    Judges FILES in order with your rules and thresholds, as the daemon would, and beside them with the published
    reference model. Every line needs a label: legitimate, attack or attack:KIND. Everything is kept in memory; stored
    history is not read. A bad line goes to standard error with its number and is skipped; the exit status is then 1.
    What the figures mean: docs/evaluate.md.

    \b
    Example:
      sentinel evaluate --plot curves.svg traffic.ndjson    # made by `simulate --attackers all`
      sentinel evaluate --from rba --json rba-dataset.csv
    """
    from sentinel.cli.evaluate_print import print_report
    from sentinel.evaluation.plot import svg
    from sentinel.evaluation.scores import Scoring
    from sentinel.evaluation.tables import compared, report_of

    if plot is not None and plot.suffix.lower() != ".svg":
        raise click.UsageError(
            f"--plot: expected a name that ends in .svg, got {plot.name}; browsers show and print SVG"
        )
    config = context.config
    prepare_state(config)
    vault = Vault.ephemeral()
    try:
        settings = tenant_settings(config, load_ruleset(config), vault.pseudonym, vault.lookup_of)(tenant)
        scoring = Scoring(settings, build_enricher(vault.pseudonym, open_lookups(config)), tenant, answered=answered)
        with Console(stderr=True).status("judging") as status, ExitStack() as stack:
            good = True
            for path in files:
                lines = SOURCES[source](cut(open_input(path, stack)), Options(year=year, timezone=timezone))
                good = _score(str(path), lines, scoring, status) and good
    finally:
        vault.close()
    report = report_of(scoring.run, settings.thresholds)
    if as_json:
        print_json(msgspec.to_builtins(report, str_keys=True))
    else:
        print_report(report, Console(width=None if sys.stdout.isatty() else 132, highlight=False))
    if plot is not None:
        try:
            plot.write_text(svg(compared(scoring.run.rows)), encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"--plot: {plot}: {error.strerror}") from None
    return 0 if good else 1


def _score(name: str, lines: Iterator[Line], scoring: "Scoring", status: Status) -> bool:
    """Score one input; false when a line was bad. Raises :class:`SourceError` at the first line without a label."""
    good = True
    for line in lines:
        problem: str | None = None
        if isinstance(line.item, FieldError):
            problem = str(line.item)
        elif isinstance(line.item, Feedback):
            problem = None if scoring.answer(line.item) else "event: no such event before this answer"
        else:
            try:
                scoring.event(line.item)
            except SourceError as error:
                raise SourceError(f"{name}:{line.number}: {error}") from None
            if scoring.run.events % _STEP == 0:
                status.update(f"judging: {scoring.run.events:,} events")
        if problem is not None:
            good = False
            click.echo(f"{name}:{line.number}: {problem}", err=True)
    return good
