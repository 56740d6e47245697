"""`sentinel assess`: scores files, one assessment a line."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TextIO

import click
import msgspec

from sentinel.cli.context import Context, pass_config, run_async
from sentinel.cli.inputs import open_inputs, source_options
from sentinel.config.values import StoreAddress
from sentinel.daemon.build import build_enricher, build_pipeline, load_ruleset, open_lookups
from sentinel.daemon.lock import state_lock
from sentinel.daemon.state import open_store, open_vault, prepare_state
from sentinel.enrich.sighting import Enricher
from sentinel.errors import FieldError
from sentinel.events.alert import Notice
from sentinel.events.assessment import encode_assessment
from sentinel.events.clock import to_text
from sentinel.events.event import Feedback
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import answer, arrive
from sentinel.pipeline.item import Answer, Arrival, Item, Outcome
from sentinel.privacy.vault import Vault
from sentinel.sources import SOURCES, Line, Options, cut
from sentinel.store.sqlite.store import SqliteStore

#: Lines judged together when the input does not wait for us.
_BATCH = 256


@click.command("assess")
@source_options
@click.option(
    "--state", help="Judge on this store and keep what is learned, as sqlite:FILE (default: a fresh one in memory)."
)
@click.option("--alerts", type=click.File("w", lazy=False), help="Write one line a mail to this file.")
@click.option("--strict", is_flag=True, help="Stop at the first bad line.")
@pass_config
@run_async
async def command(
    context: Context,
    files: tuple[Path, ...],
    source: str,
    year: int | None,
    timezone: str | None,
    state: str | None,
    alerts: TextIO | None,
    strict: bool,
    tenant: str,
) -> int:
    """Score the events of FILES in file order, one assessment a line ("-": standard input).

    Reads no clock and sends nothing. A bad line goes to standard error with its number and is skipped; the exit
    status is then 1.

    \b
    Example:
      sentinel assess --from sshd --year 2026 /var/log/auth.log
      sentinel assess --alerts mails.jsonl events.ndjson
    """
    config = context.config
    with ExitStack() as stack:
        inputs = open_inputs(files, stack)
        prepare_state(config)
        if state is not None:
            config = msgspec.structs.replace(config, store=_store_address(state))
            stack.enter_context(state_lock(config.state, config.store_url, by="sentinel assess"))
            vault = open_vault(config, writes=True)
            store = open_store(config, vault)
        else:
            vault = Vault.ephemeral()
            store = SqliteStore(None, vault)
        try:
            rules = load_ruleset(config)
            enricher = build_enricher(vault.pseudonym, open_lookups(config))
            run = _Run(build_pipeline(config, store, vault, rules), enricher, tenant, alerts)
            good = True
            for name, stream in inputs:
                lines = SOURCES[source](cut(stream), Options(year=year, timezone=timezone))
                good = await run.file(name, lines, eager=strict or _is_live(stream), strict=strict) and good
                if strict and not good:
                    break
        finally:
            await store.close()
            vault.close()
    return 0 if good else 1


class _Run:
    def __init__(self, pipeline: Pipeline, enricher: Enricher, tenant: str, alerts: TextIO | None) -> None:
        self._pipeline = pipeline
        self._enricher = enricher
        self._tenant = tenant
        self._alerts = alerts

    async def file(self, name: str, lines: Iterator[Line], *, eager: bool, strict: bool) -> bool:
        """Judge one input; false when a line was bad."""
        good = True
        batch: list[tuple[int, Item]] = []
        for line in lines:
            if isinstance(line.item, FieldError):
                # Output and errors keep the order of the input.
                good = await self._flush(name, batch) and False
                click.echo(f"{name}:{line.number}: {line.item}", err=True)
                if strict:
                    return False
                continue
            item: Item
            if isinstance(line.item, Feedback):
                item = answer(self._enricher, self._tenant, line.item)
            else:
                item = arrive(self._enricher, self._tenant, line.item)
            batch.append((line.number, item))
            if eager or len(batch) >= _BATCH:
                good = await self._flush(name, batch) and good
                if strict and not good:
                    return False
        return await self._flush(name, batch) and good

    async def _flush(self, name: str, batch: list[tuple[int, Item]]) -> bool:
        if not batch:
            return True
        good = True
        outcomes = await self._pipeline.process([item for _, item in batch])
        for (number, item), outcome in zip(batch, outcomes, strict=True):
            if outcome.error is not None:
                good = False
                field = "event" if isinstance(item, Answer) else "id"
                click.echo(f"{name}:{number}: {field}: {outcome.error}", err=True)
            elif isinstance(item, Arrival):
                self._print(item, outcome)
        sys.stdout.buffer.flush()
        batch.clear()
        if self._alerts is not None:
            self._alerts.flush()
        return good

    def _print(self, item: Arrival, outcome: Outcome) -> None:
        assessment = outcome.assessment
        assert assessment is not None  # an arrival without an error has one
        if outcome.duplicate:
            assessment = msgspec.structs.replace(assessment, duplicate=True)
        sys.stdout.buffer.write(encode_assessment(assessment) + b"\n")
        if self._alerts is not None:
            for notice in outcome.notices:
                self._alerts.write(_mail_line(item, notice) + "\n")


def _mail_line(item: Arrival, notice: Notice) -> str:
    told = {
        "alert": notice.id,
        "account": item.account if notice.account is not None else None,
        "kind": notice.kind,
        "time": to_text(notice.time),
        "events": notice.events,
        "risk": notice.risk,
    }
    return msgspec.json.encode(told).decode()


def _store_address(text: str) -> StoreAddress:
    """The store that --state names; a relative file is relative to the working directory, as every path typed is."""
    try:
        address = StoreAddress(text)
    except ValueError as error:
        raise click.UsageError(f"--state: expected {StoreAddress.expected}; {error}") from None
    scheme, _, rest = address.partition(":")
    return StoreAddress(f"sqlite:{Path(rest).absolute()}") if scheme == "sqlite" and rest != ":memory:" else address


def _is_live(stream: BinaryIO) -> bool:
    """A pipe or terminal: answer each line at once."""
    return not stream.seekable()
