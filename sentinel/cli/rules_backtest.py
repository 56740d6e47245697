"""`sentinel rules backtest`: what a change of the rules would have raised and dropped over stored history."""

import asyncio
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from sentinel.cli.bar import progress_bar
from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.looks import looked
from sentinel.cli.rules_backtest_report import Report, print_report, report_of
from sentinel.cli.span import Moment, Span
from sentinel.config import Config, load
from sentinel.daemon.build import load_ruleset, tenant_settings
from sentinel.daemon.state import open_to_read, open_vault
from sentinel.errors import SentinelError
from sentinel.pipeline.backtest import Plan, answered, play
from sentinel.pipeline.compare import compare
from sentinel.pipeline.played import Played
from sentinel.rules.load import packaged_rules
from sentinel.store.protocol import Extent


@click.command("backtest")
@click.option(
    "--since",
    type=Span(),
    default="30d",
    show_default=True,
    help="What counts: so long before the end (12h, 30d) or from a date on.",
)
@click.option("--until", type=Span(), help="A date that ends what is replayed [default: the newest stored event].")
@click.option(
    "--rules",
    "changed",
    type=click.Path(exists=True, path_type=Path),
    help="Changed rules: a directory or file laid over the rules in force.",
)
@click.option("--instead", is_flag=True, help="Take --rules in place of the local directory, not over it.")
@click.option("--ids/--no-ids", default=True, show_default=True, help="Open the events' ids for the examples.")
@json_option
@pass_config
def backtest(
    context: Context,
    since: Any,
    until: Any,
    changed: Path | None,
    instead: bool,
    ids: bool,
    as_json: bool,
) -> int:
    """Replay the stored history under the rules in force and under changed ones, and tell the difference.

    Without --rules, the rules as they come with the product are replayed against those in force: what your local
    files change. All history is replayed, so that the past is built; only what came since counts. Nothing is changed,
    and the daemon may go on. Two processes work, one for each set of rules.

    \b
    Example:
      sentinel rules backtest --since 30d --rules /tmp/changed
    """  # fmt: skip
    config = context.config
    local = config.rules.directory
    if instead and changed is None:
        raise click.UsageError("--instead needs --rules")
    if changed is None:
        sides = ([packaged_rules()], [packaged_rules(), local])
    else:
        sides = ([packaged_rules(), local], [packaged_rules(), *([] if instead else [local]), changed])
    for directories in sides:
        load_ruleset(config, directories)  # what is wrong with them is told before anything else
    extent, answers = asyncio.run(_look(config))
    end = until.micros if isinstance(until, Moment) else extent.newest
    begin = since.micros if isinstance(since, Moment) else end - since
    plan = Plan(records=extent.records, since=begin, until=end, answered=answers)
    before, after = _play_both(context.path, sides, plan)
    comparison = compare(before, after, begin)
    report = report_of(comparison, since=begin, until=end)
    if ids:
        report = asyncio.run(_with_ids(config, report))
    if as_json:
        print_json(report)
    else:
        print_report(report)
    return 0


async def _look(config: Config) -> tuple[Extent, frozenset[str]]:
    vault = open_vault(config, or_ephemeral=True)
    store = open_to_read(config, vault)
    try:
        extent = await store.extent()
        if not extent.records:
            raise SentinelError("there is no history to replay yet")
        looked(config, vault, "rules.backtest")
        return extent, await answered(store)
    finally:
        await store.close()
        vault.close()


def _play_both(config_file: Path | None, sides: Sequence[Sequence[Path]], plan: Plan) -> tuple[Played, Played]:
    """Replay both sides, each in a process of its own."""
    # Spawned, not forked: a fork would share the parent's open store.
    spawn = multiprocessing.get_context("spawn")
    packed_plan = msgspec.msgpack.encode(plan)
    pipes: list[Connection] = []
    workers = []
    for directories in sides:
        mine, theirs = spawn.Pipe(duplex=False)
        worker = spawn.Process(target=_side, args=(theirs, config_file, list(directories), packed_plan), daemon=True)
        worker.start()
        theirs.close()
        pipes.append(mine)
        workers.append(worker)
    try:
        results = _gather(pipes, plan.records)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    return results[0], results[1]


def _gather(pipes: Sequence[Connection], records: int) -> list[Played]:
    """What both sides say: numbers are progress, bytes the result, a text what went wrong."""
    results: dict[int, Played] = {}
    with progress_bar(Console(stderr=True)) as progress:
        tasks = [progress.add_task(text, total=records) for text in ("rules as they are", "rules as changed")]
        while len(results) < len(pipes):
            for ready in wait([pipe for at, pipe in enumerate(pipes) if at not in results]):
                at = pipes.index(ready)
                try:
                    said = pipes[at].recv()
                except EOFError:
                    raise SentinelError("a replay broke off; there may be too little memory") from None
                if isinstance(said, int):
                    progress.update(tasks[at], completed=said)
                elif isinstance(said, bytes):
                    results[at] = Played.unpack(said)
                else:
                    raise SentinelError(said)
    return [results[at] for at in range(len(pipes))]


def _side(pipe: Connection, config_file: Path | None, directories: list[Path], packed_plan: bytes) -> None:
    """One side, in its own process."""
    import gc

    # Judging online comes first on a shared machine.
    os.nice(5)
    gc.set_threshold(50_000, 20, 100)  # the state has no cycles; see daemon.py
    try:
        config = load(config_file)
        vault = open_vault(config, or_ephemeral=True)
        settings = tenant_settings(config, load_ruleset(config, directories), vault.pseudonym, vault.lookup_of)
        plan = msgspec.msgpack.decode(packed_plan, type=Plan)

        async def replay() -> Played:
            store = open_to_read(config, vault)
            try:
                return await play(store, settings, plan, pipe.send)
            finally:
                await store.close()

        pipe.send(asyncio.run(replay()).pack())
    except SentinelError as error:
        pipe.send(str(error))
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    finally:
        pipe.close()


async def _with_ids(config: Config, report: Report) -> Report:
    """The report with the ids of its examples' events in place of the records' keys, where the key opens them."""
    store = open_to_read(config, open_vault(config, or_ephemeral=True))
    try:
        examples = []
        for example in report.examples:
            record = await store.record(example.record)
            examples.append(msgspec.structs.replace(example, event=record.event_id if record else None))
    finally:
        await store.close()
    return msgspec.structs.replace(report, examples=examples)
