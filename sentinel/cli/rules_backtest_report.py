"""The report of `sentinel rules backtest`, as text and as JSON."""

from collections.abc import Sequence

import click
import msgspec

from sentinel.events.clock import to_text
from sentinel.pipeline.compare import Comparison, Example, RuleChange, Totals


class ShownExample(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is judged differently now. ``event`` is its id where it could be opened, ``record`` its key."""

    event: str | None
    record: str
    account: str | None  #: pseudonym
    time: str
    risk: tuple[float, float]
    decision: tuple[str, str]
    gained: list[str]
    lost: list[str]
    both: list[str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a change gains and loses; pairs are before and after."""

    since: str
    until: str
    events: int
    logins: int
    alerts_gained: int
    alerts_lost: int
    accounts: int
    before: Totals
    after: Totals
    rules: list[RuleChange]
    examples: list[ShownExample]


def report_of(found: Comparison, *, since: int, until: int) -> Report:
    """The report of a comparison."""
    return Report(
        since=to_text(since),
        until=to_text(until),
        events=found.events,
        logins=found.logins,
        alerts_gained=found.gained,
        alerts_lost=found.lost,
        accounts=found.accounts,
        before=found.before,
        after=found.after,
        rules=found.rules,
        examples=[_shown(example) for example in found.examples],
    )


def _shown(example: Example) -> ShownExample:
    return ShownExample(
        event=None,
        record=example.event,
        account=example.account,
        time=to_text(example.time),
        risk=example.risk,
        decision=example.decision,
        gained=example.gained,
        lost=example.lost,
        both=example.both,
    )


def print_report(report: Report) -> None:
    """The report for people."""
    before, after = report.before, report.after
    click.echo(f"{report.since} to {report.until}: {report.events} events, {report.logins} successful logins\n")
    rows = [
        ("", "before", "after"),
        ("alerts", str(before.alerts), str(after.alerts)),
        *((f"decision {name}", str(before.decisions[name]), str(after.decisions[name])) for name in after.decisions),
        ("mails to people", str(sum(before.mails.values())), str(sum(after.mails.values()))),
        ("mails per 1,000 logins", f"{before.mails_per_1000_logins:g}", f"{after.mails_per_1000_logins:g}"),
        ("mails to operators", str(before.operator_mails), str(after.operator_mails)),
    ]
    _table(rows)
    click.echo(f"\n{report.alerts_gained} alerts gained, {report.alerts_lost} lost, about {report.accounts} accounts")
    changed = [rule for rule in report.rules if (rule.before, rule.gained, rule.lost) != (rule.after, 0, 0)]
    if changed:
        click.echo("")
        _table(
            [
                ("rule", "held before", "after", "alerts gained", "lost", "accounts"),
                *((r.rule, *map(str, (r.before, r.after, r.gained, r.lost, r.accounts))) for r in changed),
            ]
        )
    if unchanged := len(report.rules) - len(changed):
        click.echo(f"\n{unchanged} rules held on as many events, in the same alerts")
    if report.examples:
        click.echo("\nMost telling; `sentinel explain EVENT` shows one from the inside:")
    for example in report.examples:
        signs = [*(f"+{rule}" for rule in example.gained), *(f"-{rule}" for rule in example.lost), *example.both]
        click.echo(
            f"  {example.time}  {example.event or 'record ' + example.record}\n"
            f"    {example.decision[0]} -> {example.decision[1]}, risk {example.risk[0]:g} -> {example.risk[1]:g}"
            f"  {' '.join(signs)}"
        )


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        click.echo("  ".join([f"{first:<{widths[0]}}", *cells]))
