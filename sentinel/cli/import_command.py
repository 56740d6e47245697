"""`sentinel import`: history into the store, without alerting."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import click
import msgspec
from rich.console import Console

from sentinel.cli.bar import progress_bar
from sentinel.cli.context import Context, pass_config, run_async
from sentinel.cli.inputs import open_inputs, source_options
from sentinel.cli.looks import looked
from sentinel.daemon.build import build_enricher, build_pipeline, load_ruleset, open_lookups
from sentinel.daemon.lock import state_lock
from sentinel.daemon.state import open_store, open_vault, prepare_state
from sentinel.enrich.sharing import Sharing
from sentinel.enrich.sighting import Enricher
from sentinel.errors import FieldError
from sentinel.events.event import Event, Feedback, canonical
from sentinel.pipeline.edge import answer, arrive
from sentinel.pipeline.item import Item
from sentinel.privacy.keys import Secret
from sentinel.sources import SOURCES, Line, Options, cut

_BATCH = 256


@click.command("import")
@source_options
@click.option("--print", "only_print", is_flag=True, help="Only convert: write the events as NDJSON.")
@click.option("--pseudonyms", is_flag=True, help="With --print: for others to see, with pseudonyms in place of ids.")
@pass_config
@run_async
async def command(
    context: Context,
    files: tuple[Path, ...],
    source: str,
    year: int | None,
    timezone: str | None,
    tenant: str,
    only_print: bool,
    pseudonyms: bool,
) -> int:
    """Take the history in FILES into the store; nobody is mailed.

    Everything is judged on its way, so that the past is trusted as far as it would have been. The daemon must not
    run on the same store meanwhile. Exit 1 when a line was bad.

    \b
    Example:
      sentinel import --from sshd --year 2026 /var/log/auth.log
      sentinel import --from rba --print logins.csv > logins.ndjson
      sentinel import --print --pseudonyms events.ndjson > to-show.ndjson
    """
    if pseudonyms and not only_print:
        raise click.UsageError("--pseudonyms needs --print: what is stored has the installation's own")
    options = Options(year=year, timezone=timezone)
    with ExitStack() as stack:
        inputs = open_inputs(files, stack)
        if only_print:
            good = True
            # The secret goes with this run: nobody can undo what is written.
            sharing = Sharing(Secret.ephemeral(), *open_lookups(context.config)) if pseudonyms else None
            for name, stream in inputs:
                for line in SOURCES[source](cut(stream), options):
                    if isinstance(line.item, FieldError):
                        good = False
                        click.echo(f"{name}:{line.number}: {line.item}", err=True)
                    elif isinstance(line.item, Feedback):
                        shown = sharing.feedback(line.item) if sharing else line.item
                        sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
                    else:
                        sys.stdout.buffer.write(canonical(sharing.event(line.item) if sharing else line.item) + b"\n")
            return 0 if good else 1
        config = context.config
        prepare_state(config)
        stack.enter_context(state_lock(config.state, config.store_url, by="sentinel import"))
        vault = open_vault(config, writes=True)
        looked(config, vault, "event.import", tenant=tenant)
        rules = load_ruleset(config)
        enricher = build_enricher(vault.pseudonym, open_lookups(config))
        store = open_store(config, vault)
        try:
            pipeline = build_pipeline(config, store, vault, rules)
            tally = {"events": 0, "duplicates": 0, "bad": 0}
            with progress_bar(Console(stderr=True)) as progress:
                task = progress.add_task("reading", total=None)
                for name, stream in inputs:
                    for batch in _batches(SOURCES[source](cut(stream), options)):
                        items = [
                            _item(enricher, tenant, line.item)
                            for line in batch
                            if not isinstance(line.item, FieldError)
                        ]
                        outcomes = iter(await pipeline.process(items))
                        for line in batch:
                            outcome = None if isinstance(line.item, FieldError) else next(outcomes)
                            problem = line.item if outcome is None else outcome.error
                            if problem is not None:
                                tally["bad"] += 1
                                click.echo(f"{name}:{line.number}: {problem}", err=True)
                            else:
                                tally["duplicates" if outcome and outcome.duplicate else "events"] += 1
                        progress.update(
                            task, description=f"{name}: {tally['events']:,} events", completed=tally["events"]
                        )
        finally:
            await store.close()
            vault.close()
    click.echo(
        f"{tally['events']} events taken, {tally['duplicates']} known already, {tally['bad']} bad lines", err=True
    )
    return 1 if tally["bad"] else 0


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while batch := list(islice(lines, _BATCH)):
        yield batch


def _item(enricher: Enricher, tenant: str, item: Event | Feedback) -> Item:
    if isinstance(item, Feedback):
        return answer(enricher, tenant, item)
    # The clock only tells which events are too old for their raw values to be kept.
    return arrive(enricher, tenant, item, received=time.time_ns() // 1000, silent=True)
