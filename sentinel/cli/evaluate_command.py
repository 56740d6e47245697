"""`sentinel evaluate`: attackers stopped against people bothered, on labelled events."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.status import Status

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.inputs import open_input, source_options
from sentinel.config import Config
from sentinel.daemon.build import build_enricher, load_ruleset, open_lookups, tenant_settings, untuned_settings
from sentinel.daemon.state import open_to_read, open_vault, prepare_state
from sentinel.errors import FieldError, SentinelError, SourceError
from sentinel.events.event import Feedback
from sentinel.privacy.vault import Vault
from sentinel.sources import SOURCES, Line, Options, cut

if TYPE_CHECKING:
    from sentinel.evaluation.history import Answers
    from sentinel.evaluation.scores import Labelled, Run

#: Events between two lines of progress.
_STEP = 5000


@click.command("evaluate")
@partial(source_options, required=False)
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
    """How many attackers would be stopped, and how many people bothered? On labelled events.

    Judges FILES ("-": standard input) in order with your rules and thresholds, as the daemon would, and beside them the
    published reference model does. Every line needs a label: legitimate, attack or attack:KIND. Everything is kept in
    memory. A bad line goes to standard error with its number and is skipped; the exit status is then 1. What the
    figures mean: docs/evaluate.md.

    Without FILES, on stored history: what was answered as compromised is an attacker, all else is taken for people's.

    \b
    Example:
      sentinel evaluate --plot curves.svg traffic.ndjson    # made by `simulate --attackers all`
      sentinel evaluate --from rba --json rba-dataset.csv
    """
    from sentinel.cli.evaluate_print import print_report
    from sentinel.evaluation.plot import svg
    from sentinel.evaluation.scores import Labelled
    from sentinel.evaluation.tables import compared, report_of

    if answered and not files:
        raise click.UsageError("--answered is for files; in stored history the answers that were given count")
    if plot is not None and plot.suffix.lower() != ".svg":
        raise click.UsageError(
            f"--plot: expected a name that ends in .svg, got {plot.name}; browsers show and print SVG"
        )
    config = context.config
    with Console(stderr=True).status("judging") as status:
        if files:
            prepare_state(config)
            vault = Vault.ephemeral()
            try:
                settings = tenant_settings(config, load_ruleset(config), vault.pseudonym, vault.lookup_of)(tenant)
                enricher = build_enricher(vault.pseudonym, open_lookups(config))
                scoring = Labelled(settings, enricher, tenant, answered=answered)
                good = True
                with ExitStack() as stack:
                    for path in files:
                        lines = SOURCES[source](cut(open_input(path, stack)), Options(year=year, timezone=timezone))
                        good = _score(str(path), lines, scoring, status) and good
            finally:
                vault.close()
            run = scoring.run
            report = report_of(run, settings.thresholds)
        else:
            run, answers = asyncio.run(_history(config, tenant, status))
            report, good = report_of(run, untuned_settings(config)(tenant).thresholds, answers), True
    if as_json:
        print_json(msgspec.to_builtins(report, str_keys=True))
    else:
        print_report(report, Console(width=None if sys.stdout.isatty() else 132, highlight=False))
    if plot is not None:
        try:
            plot.write_text(svg(compared(run.rows)), encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"--plot: {plot}: {error.strerror}") from None
    return 0 if good else 1


async def _history(config: Config, tenant: str, status: Status) -> "tuple[Run, Answers]":
    """Score what is stored. Raises :class:`SentinelError` when there is nothing."""
    from sentinel.evaluation.history import count_answers, score_history, verdicts_of

    vault = open_vault(config, or_ephemeral=True)
    store = open_to_read(config, vault)
    try:
        settings = tenant_settings(config, load_ruleset(config), vault.pseudonym, vault.lookup_of)
        verdicts = await verdicts_of(store, tenant)

        def progress(done: int) -> None:
            status.update(f"judging: {done:,} records")

        run = await score_history(store, settings, verdicts, tenant, progress)
    finally:
        await store.close()
        vault.close()
    if not run.events:
        raise SentinelError("there is no history yet; give a labelled file, as `sentinel simulate` makes it")
    return run, count_answers(verdicts)


def _score(name: str, lines: Iterator[Line], scoring: "Labelled", status: Status) -> bool:
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
