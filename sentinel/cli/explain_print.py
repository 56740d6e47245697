"""An explanation for people: what came of the event first, then why, then what was seen."""

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from sentinel.events.clock import to_text
from sentinel.pipeline.explain import Explanation, RuleSeen

#: Outcomes that are told by names alone, in this order.
_BRIEF = ("silent", "does not apply", "off")


def print_explanation(explanation: Explanation, *, everything: bool) -> None:
    """Print it; ``everything``: all facts with their meaning, not only those that rules which held read."""
    # Ids and values are the senders': a bracket in them is no markup.
    console = Console(highlight=False, markup=False, soft_wrap=True)
    assessment, sighting = explanation.assessment, explanation.sighting
    console.print(assessment.event, style="bold", end="  ")
    console.print(f"{assessment.time}  {sighting['type']} {sighting['outcome']}")
    console.print(_verdict(explanation))
    for note in explanation.notes:
        console.print(f"note: {note}")
    _rules(console, explanation)
    console.print("\nSeen (raw and keyed values are not shown)")
    for name, value in _seen(sighting):
        console.print(f"  {name:<24} {value}")
    if explanation.windows:
        console.print("\nWindows that were counted")
        for name, count in explanation.windows.items():
            console.print(f"  {name}: {'unknown' if count is None else count}")
    if everything:
        known = [(f.name, _text(f.value), f.meaning) for f in explanation.facts if f.value not in (None, "", ())]
        console.print(_table("\nFacts", ("fact", "value", "meaning"), known))
        absent = [fact.name for fact in explanation.facts if fact.value in (None, "", ())]
        console.print(f"absent or empty: {', '.join(absent) or 'none'}")
    else:
        console.print("\n--all shows every fact with its meaning")


def _verdict(explanation: Explanation) -> str:
    assessment = explanation.assessment
    if assessment.risk is None:
        return f"not scored, decision {assessment.decision}"
    parts = [f"risk {assessment.risk:g} ({assessment.level})", f"decision {assessment.decision}"]
    if assessment.would is not msgspec.UNSET:
        parts.append(f"it would be {assessment.would} if enforced")
    parts.append(f"alert {assessment.alert or 'none'}")
    if assessment.warming_up:
        parts.append("the account is warming up: rules about new things wait")
    return ", ".join(parts)


def _rules(console: Console, explanation: Explanation) -> None:
    held = [rule for rule in explanation.rules if _held(rule)]
    console.print("\nRules that held" if held else "\nNo rule held")
    for rule in held:
        share = f", {rule.share:.0%} of the whole" if rule.share else ", correlated with a stronger one"
        weight = f"risk {rule.risk:g}{share}" if rule.status == "live" else f"risk {rule.risk:g} in shadow, not counted"
        console.print(f"  {rule.rule}: {weight}{rule.outcome.removeprefix('held')}")
        for name, value in rule.evidence.items():
            console.print(f"    {name} = {msgspec.json.encode(value).decode()}")
    others = [rule for rule in explanation.rules if not _held(rule) and rule.outcome not in _BRIEF]
    for rule in others:
        console.print(f"  {rule.rule}: {rule.outcome}")
    for outcome in _BRIEF:
        names = _names(explanation.rules, outcome)
        if names:
            console.print(f"{outcome}: {names}")


def _held(rule: RuleSeen) -> bool:
    """The rest of its outcome, if there is one, says what let it pass all the same."""
    return rule.outcome.split(":")[0] == "held"


def _names(rules: Sequence[RuleSeen], outcome: str) -> str:
    return ", ".join(
        f"{rule.rule} (shadow)" if rule.status == "shadow" else rule.rule for rule in rules if rule.outcome == outcome
    )


def _seen(sighting: dict[str, Any]) -> list[tuple[str, str]]:
    """What was seen, without what is keyed, false or empty."""
    out = []
    for name, value in sighting.items():
        if name in ("type", "outcome") or value in (None, "", "(keyed)", {}, (), [], False):
            continue
        out.append((name, to_text(value) if name in ("time", "account_created") else _text(value)))
    keyed = [name for name, value in sighting.items() if value == "(keyed)"]
    return [*out, ("known by pseudonym", ", ".join(keyed))]


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
