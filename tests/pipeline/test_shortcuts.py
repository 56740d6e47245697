"""Plans, gates and remembered results save time and change nothing: every rule is evaluated in full beside them."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from sentinel.demo.traffic import live, traffic
from sentinel.facts import FACTS, FactValue, Look
from sentinel.rules.compiled import CompiledRule, CompiledWindow
from sentinel.rules.language import compile_expression
from sentinel.rules.ruleset import Count, Plan, RuleSet, Verdicts
from tests.builders import START, Story, packaged

_TYPES = {"bool": bool, "int": int, "double": float, "string": str, "list(string)": tuple}


class Checked(RuleSet):
    """Compares what came of each event with an evaluation that takes no shortcut."""

    checked = held = 0

    def evaluate(
        self, plan: Plan, facts: dict[str, FactValue | None], count: Count, look: Look | None = None
    ) -> Verdicts:
        verdicts = super().evaluate(plan, facts, count, look)
        assert look is not None
        values = {name: fact.compute(look) for name, fact in FACTS.items()}
        for name, value in values.items():
            # Whatever is remembered by 1 would be found again by 1.0 and True.
            assert value is None or type(value) is _TYPES[FACTS[name].type], name
            assert name not in facts or facts[name] == value, name
        sighting = look.sighting
        rules = [
            rule
            for rule in self._active
            if sighting.type in rule.rule.applies_to and (sighting.judged or not rule.judged_only)
        ]
        outcomes = {rule.rule.id: self._in_full(rule, values, count) for rule in rules}
        held = {id: outcome for id, outcome in outcomes.items() if isinstance(outcome, float)}
        assert {found.rule.rule.id: found.risk for found in verdicts.held} == held
        skipped = {id for id, outcome in outcomes.items() if outcome is None}
        assert {found.rule.rule.id for found in verdicts.skipped} == skipped
        Checked.checked, Checked.held = Checked.checked + 1, Checked.held + len(held)
        return verdicts

    def _in_full(self, rule: CompiledRule, values: Mapping[str, FactValue | None], count: Count) -> float | bool | None:
        """The risk where it holds, false where it does not, ``None`` where it cannot be judged."""
        given = dict(values)
        for window in rule.windows:
            given[window.name] = count(*self._reading(window))
        holds = _afresh(rule.rule.when, rule, given)
        if not holds:
            return None if holds is None else False
        risk = _afresh(rule.rule.risk, rule, given) if isinstance(rule.rule.risk, str) else rule.rule.risk
        return None if risk is None else min(100.0, max(0.0, round(float(risk), 2)))

    def _reading(self, window: CompiledWindow) -> tuple[int, CompiledWindow, int | None]:
        streams = [((series.where.identity if series.where else ""), *series.by) for series in self.series]
        number = streams.index(window.stream)
        member = self.series[number].members.index(window.distinct) if window.distinct else None
        return number, window, member


def _afresh(text: str, rule: CompiledRule, values: Mapping[str, FactValue | None]) -> Any:
    """An expression's value, with nothing remembered."""
    names = tuple(rule.rule.windows)
    found = _COMPILED.get((rule.rule.id, text))
    if found is None:
        found = _COMPILED[rule.rule.id, text] = compile_expression(text, windows=names, params=rule.rule.params)
    found._remembered.clear()
    return found.evaluate(values)


_COMPILED: dict[tuple[str, str], Any] = {}


def test_no_shortcut_changes_what_holds() -> None:
    story = Story(Checked(packaged()))
    events = list(traffic(7, START, people=16, days=4))
    events += [event for _, event in islice(live(7, START + timedelta(days=4), people=16), 250)]
    for event in events:
        story.judged(**event)
    assert Checked.checked == len(events)
    assert Checked.held > 50
