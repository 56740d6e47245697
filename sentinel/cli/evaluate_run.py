"""Scoring for `sentinel evaluate`: lines of files, or what the daemon stored."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from sentinel.cli.bar import progress_bar
from sentinel.cli.evaluate_options import Asked
from sentinel.cli.inputs import open_inputs
from sentinel.cli.looks import looked
from sentinel.config import Config
from sentinel.daemon.build import build_enricher, load_ruleset, open_lookups, tenant_settings
from sentinel.daemon.state import open_to_read, open_vault, prepare_state
from sentinel.errors import FieldError, SentinelError, SourceError
from sentinel.evaluation.answers import Answers, count_answers
from sentinel.evaluation.contexts import Contexts
from sentinel.evaluation.history import Plan, score_history
from sentinel.evaluation.labelled import Labelled
from sentinel.evaluation.scores import Run
from sentinel.events.event import Feedback
from sentinel.pipeline.answers import verdicts_of
from sentinel.privacy.vault import Vault
from sentinel.scoring import Thresholds
from sentinel.sources import SOURCES, Line, Options, cut

#: Events between two looks at the bar.
_STEP = 1000


class Found(msgspec.Struct):
    """What came of it; ``good``: no line was bad."""

    run: Run
    thresholds: Thresholds
    answers: Answers | None = None
    good: bool = True


def on_files(
    config: Config, tenant: str, files: Sequence[Path], options: Mapping[str, Any], asked: Asked, console: Console
) -> Found:
    """Score labelled lines. Raises :class:`SourceError` at the first without a label."""
    prepare_state(config)
    vault = Vault.ephemeral()
    good = True
    with ExitStack() as stack:
        stack.callback(vault.close)
        inputs = open_inputs(files, stack)
        settings = tenant_settings(config, load_ruleset(config), vault.pseudonym, vault.lookup_of)(tenant)
        scoring = Labelled(
            settings,
            build_enricher(vault.pseudonym, open_lookups(config)),
            tenant,
            settings.scorer,
            answered=asked.answered,
            part=asked.part,
            without=asked.without,
        )
        stack.callback(scoring.close)
        bar = stack.enter_context(progress_bar(console))
        task = bar.add_task("judging", total=None)
        reader = SOURCES[options["source"]]
        for name, stream in inputs:
            lines = reader(cut(stream), Options(year=options["year"], timezone=options["timezone"]))
            good = _score(name, lines, scoring, bar, task) and good
    run = scoring.run
    if asked.hold_out is not None:
        run = run.since(asked.hold_out.begin(run.first, run.last))
    return Found(run, settings.thresholds, good=good)


def on_history(config: Config, tenant: str, asked: Asked, console: Console) -> Found:
    """Score what is stored, and attackers put onto it. Changes nothing."""
    with progress_bar(console) as bar:
        return asyncio.run(_history(config, tenant, asked, bar))


async def _history(config: Config, tenant: str, asked: Asked, bar: Progress) -> Found:
    vault = open_vault(config, or_ephemeral=True)
    store = open_to_read(config, vault)
    try:
        settings = tenant_settings(config, load_ruleset(config), vault.pseudonym, vault.lookup_of)
        judged = settings(tenant)
        extent = await store.extent()
        if extent.records:
            looked(config, vault, "history.evaluate", tenant=tenant)
        verdicts = await verdicts_of(store, tenant)
        task = bar.add_task("reading the address data", total=extent.records)
        plan = Plan(
            since=asked.hold_out.begin(extent.oldest, extent.newest) if asked.hold_out else 0,
            part=asked.part,
            without=asked.without,
            number=asked.attackers,
            seed=asked.seed,
            records=extent.records,
        )
        if asked.attackers and extent.records:
            drawn = (_contexts(config), build_enricher(vault.pseudonym, open_lookups(config)))
            plan = msgspec.structs.replace(plan, attackers=drawn)

        def progress(done: int) -> None:
            bar.update(task, description="judging", completed=done)

        run = await score_history(store, settings, verdicts, tenant, judged.scorer, plan, progress)
    finally:
        await store.close()
        vault.close()
    return Found(run, judged.thresholds, count_answers(verdicts))


def _contexts(config: Config) -> Contexts:
    """What attackers draw from. Raises :class:`SentinelError` without the package that knows real browsers."""
    from sentinel.simulation.addresses import Addresses
    from sentinel.simulation.agents import Agents

    prepare_state(config)
    try:
        agents = Agents()
    except SentinelError as error:
        raise SentinelError(f"{error}; or leave attackers out: --attackers 0") from None
    return Contexts(Addresses.load(config.state), agents)


def _score(name: str, lines: Iterator[Line], scoring: Labelled, bar: Progress, task: Any) -> bool:
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
                bar.update(task, description=f"judging: {scoring.run.events:,} events", completed=scoring.run.events)
        if problem is not None:
            good = False
            click.echo(f"{name}:{line.number}: {problem}", err=True)
    return good
