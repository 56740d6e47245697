"""`sentinel explain`: one event through every step."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.daemon.build import build_enricher, load_ruleset, open_lookups, tenant_settings
from sentinel.daemon.state import open_store, prepare_state
from sentinel.errors import SentinelError
from sentinel.events.event import decode_event
from sentinel.events.sighting import Raw
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.explain import Explanation, explain_arrival, explain_record
from sentinel.privacy.keys import LocalKey
from sentinel.privacy.sealer import Sealer


@click.command("explain")
@click.argument("event")
@click.option("--tenant", default="default", show_default=True, help="Whose event it is.")
@json_option
@pass_config
@run_async
async def command(context: Context, event: str, tenant: str, as_json: bool) -> int:
    """Take EVENT through every step: what was seen, what each rule read and added.

    EVENT is the id of a stored event; or "-" for an event as JSON on standard input, or @FILE, which is judged
    against the stored past and not kept.

    \b
    Example:
      sentinel explain e-1
      sentinel explain - < event.json
    """
    config = context.config
    prepare_state(config)
    key = LocalKey.load(config.state)
    rules = load_ruleset(config)
    enricher = build_enricher(key, open_lookups(config))
    settings = tenant_settings(config, rules, enricher.pseudonym)(tenant)
    store = open_store(config)
    try:
        if event == "-" or event.startswith("@"):
            pasted = decode_event(_pasted(event))
            if pasted.id is None:
                pasted = msgspec.structs.replace(pasted, id="pasted")
            explanation = await explain_arrival(store, arrive(enricher, tenant, pasted), settings)
        else:
            record = await store.record(enricher.event_key(tenant, event))
            if record is None or record.type == "feedback":
                raise SentinelError(f"no event {event!r} is stored for tenant {tenant!r}")
            raw = Sealer(key).open(record.sealed, Raw, row=record.key)
            explanation = await explain_record(store, record, settings, event, raw.account)
    finally:
        await store.close()
    if as_json:
        print_json(explanation)
    else:
        _print(explanation)
    return 0


def _pasted(event: str) -> bytes:
    if event == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(event[1:]).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{event[1:]}: {error.strerror}") from None


def _print(explanation: Explanation) -> None:
    # Ids and values are the senders': a bracket in them is no markup.
    console = Console(highlight=False, markup=False)
    assessment, sighting = explanation.assessment, explanation.sighting
    console.print(assessment.event, style="bold", end="  ")
    console.print(f"{assessment.time}  {sighting['type']} {sighting['outcome']}")
    seen = [(name, _text(value)) for name, value in sighting.items() if value not in (None, "", [], {}, False)]
    console.print(_table("Seen (no raw values)", ("part", "value"), seen))
    facts = [(f.name, _text(f.value), f.meaning) for f in explanation.facts if f.value not in (None, "", ())]
    console.print(_table("Facts", ("fact", "value", "meaning"), facts))
    if explanation.windows:
        windows = [(name, _text(value)) for name, value in explanation.windows.items()]
        console.print(_table("Windows", ("window", "count"), windows))
    rules = [
        (r.rule, r.status, r.outcome, _number(r.risk), f"{r.share:.0%}" if r.share else "") for r in explanation.rules
    ]
    console.print(_table("Rules", ("rule", "status", "outcome", "risk", "share"), rules))
    tally = Counter(rule.outcome.split(":")[0] for rule in explanation.rules)
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(tally.items()))
    risk = "none" if assessment.risk is None else f"{assessment.risk:g} ({assessment.level})"
    console.print(f"risk {risk}, decision {assessment.decision}, alert {assessment.alert or 'none'}; {counts}")
    for note in explanation.notes:
        console.print(f"note: {note}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
