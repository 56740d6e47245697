"""All rules together: what to compute for an event, and what holds."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from math import isnan
from typing import Any, Final

import msgspec

from sentinel.events.clock import DAY
from sentinel.events.event import TYPES
from sentinel.facts import FACTS, FactValue, Look
from sentinel.rules.compiled import CompiledRule, CompiledWindow, Series, series_of
from sentinel.rules.language import Expression
from sentinel.rules.load import RuleFile

_canonical: Final = msgspec.json.Encoder(order="deterministic").encode


#: A decision about a source is good for a day at most, however far back the rule looks: addresses change hands.
MAX_SOURCE_SPAN: Final = DAY


class Held(msgspec.Struct, frozen=True):
    """A rule that held: its risk (0 to 100) and the facts it read, keyed values left out.

    ``kept_by`` are the facts that the windows which decided are kept by, one entry for each kind of window
    that suffices alone: a rule that asks "one network or one agent" says here which it was.
    """

    rule: CompiledRule
    risk: float
    evidence: dict[str, Any]
    kept_by: tuple[tuple[str, ...], ...] = ()

    @property
    def span(self) -> int:
        """The longest of the windows that decided, in micros; 0 without windows."""
        return max((window.span for window in self.rule.windows if window.by in self.kept_by), default=0)

    @property
    def source_span(self) -> int | None:
        """How long a decision about the source is good for, in micros; none when it is about the account."""
        spans = [w.span for w in self.rule.windows if w.by in self.kept_by and "account" not in w.by]
        return min(max(spans), MAX_SOURCE_SPAN) if spans else None


class NotJudged(msgspec.Struct, frozen=True):
    """A rule whose outcome depends on facts that are absent."""

    rule: CompiledRule
    missing: list[str]


#: Combinations of facts remembered per kind of event before starting over.
MAX_REMEMBERED: Final = 16_384

#: Counts a window of a series for the event at hand; ``None`` where a value it is kept by is unknown.
Count = Callable[[int, CompiledWindow, int | None], int | None]


#: A fact's name and the function that computes it.
Computed = tuple[str, Callable[[Look], FactValue | None]]


class Touched(msgspec.Struct, frozen=True):
    """A series that an event has to do with. ``enters``: it is counted there; ``None``: its profile will tell."""

    number: int
    series: Series
    enters: bool | None


class Verdicts(msgspec.Struct, frozen=True):
    """What came of all rules, each in order of their ids, and the windows that had to be counted."""

    held: tuple[Held, ...]
    skipped: tuple[NotJudged, ...]
    windows: dict[str, int | None]


class _Reading(msgspec.Struct, frozen=True):
    """A window that a rule reads: number of its series, and which of its members it counts."""

    name: str
    window: CompiledWindow
    series: int
    member: int | None


#: A rule, the windows to count first, and those that matter only if it could still hold then.
_Counting = tuple[CompiledRule, tuple[_Reading, ...], tuple[_Reading, ...]]


class _Plan(msgspec.Struct, frozen=True):
    """What to do for one type of event."""

    steady: tuple[CompiledRule, ...]  #: rules without windows whose facts do not vary
    counting: tuple[_Counting, ...]  #: all others
    facts: tuple[Computed, ...]  #: of ``read`` those that are not early
    read: tuple[str, ...]  #: facts that steady rules and gates read
    remembered: dict[tuple[Any, ...], tuple[tuple[Held, ...], tuple[NotJudged, ...], tuple[_Counting, ...]]]


class RuleSet:
    """Compiled rules of one tenant. Immutable; a reload makes a new one.

    Events feed the windows of the rules in ``feeding``, too, which are judged with other settings.
    """

    def __init__(self, files: Iterable[RuleFile], *, feeding: Iterable[CompiledRule] = ()) -> None:
        self.files: tuple[RuleFile, ...] = tuple(files)
        active = [file.compiled for file in self.files if file.compiled.rule.status != "off"]
        self._by_id = {rule.rule.id: rule for rule in active}
        self.series: list[Series] = series_of([*active, *feeding])
        self.digest: str = "sha256:" + sha256(_canonical([_content(file) for file in self.files])).hexdigest()
        conditions = {name for series in self.series if series.early_where for name in series.early_where.reads}
        conditions |= {name for rule in active if rule.early_gate for name in rule.early_gate.reads}
        self._conditions = tuple(sorted(conditions))
        self._touching: dict[tuple[Any, ...], tuple[Touched, ...]] = {}
        #: Facts that tell which series an event has to do with, known before its profile is, with what computes them.
        self.early_facts: tuple[Computed, ...] = tuple((name, FACTS[name].compute) for name in self._conditions)
        index = {_stream(series): number for number, series in enumerate(self.series)}
        self._plans = {
            (type, judged): self._plan([rule for rule in active if type in rule.rule.applies_to], judged, index)
            for type in TYPES
            for judged in (False, True)
        }

    def rule(self, id: str) -> CompiledRule | None:
        """The rule with this id, if there is one and it is not off."""
        return self._by_id.get(id)

    def facts(self, type: str, judged: bool) -> tuple[Computed, ...]:
        """Facts that judging an event of ``type`` needs at first besides the early ones, with what computes them.

        What only rules with open gates read is computed when one is open.
        """
        return self._plans[type, judged].facts

    def touched(self, type: str, judged: bool, facts: Mapping[str, FactValue | None]) -> tuple[Touched, ...]:
        """The series that an event with these early facts may enter, or that a rule for it may count."""
        key = (type, judged, *[facts[name] for name in self._conditions])
        found = self._touching.get(key)
        if found is None:
            found = self._touch(self._plans[type, judged], facts)
            if len(self._touching) >= MAX_REMEMBERED:
                self._touching.clear()
            self._touching[key] = found
        return found

    def _touch(self, plan: _Plan, facts: Mapping[str, FactValue | None]) -> tuple[Touched, ...]:
        counted = {
            reading.series
            for rule, first, rest in plan.counting
            if rule.early_gate is None or rule.early_gate.evaluate(facts) is not False
            for reading in (*first, *rest)
        }
        out = []
        for number, series in enumerate(self.series):
            enters: bool | None = True
            if series.early_where is not None and series.early_where.evaluate(facts) is False:
                enters = False
            elif series.where is not None:
                enters = series.where.evaluate(facts) is True if series.early else None
            if number in counted or enters is not False:
                out.append(Touched(number, series, enters))
        return tuple(out)

    def evaluate(
        self,
        type: str,
        judged: bool,
        facts: Mapping[str, FactValue | None],
        count: Count,
        look: Look | None = None,
    ) -> Verdicts:
        """Which rules hold and which cannot be judged. Facts that are not there yet are computed from ``look``.

        Rules are pure, and most events look alike to them: what neither counts nor measures is remembered by
        all it reads. The others are looked at only where their gate is open.
        """
        plan = self._plans[type, judged]
        key = tuple([facts[name] for name in plan.read])
        found = plan.remembered.get(key)
        if found is None:
            found = (
                *_evaluate(plan.steady, facts),
                tuple(entry for entry in plan.counting if _is_open(entry[0], facts)),
            )
            if len(plan.remembered) >= MAX_REMEMBERED:
                plan.remembered.clear()
            plan.remembered[key] = found
        held, skipped, counting = found
        windows: dict[str, int | None] = {}
        if not counting:
            return Verdicts(held, skipped, windows)
        values = dict(facts)
        for rule, first, rest in counting:
            if look is not None:
                fill(values, rule.reads, look)
            for window in rule.windows:
                values[window.name] = None
            for reading in first:
                number = count(reading.series, reading.window, reading.member)
                windows[reading.name] = values[reading.window.name] = number
            if rest and rule.when.evaluate(values) is False:
                continue  # whatever the others would count
            for reading in rest:
                number = count(reading.series, reading.window, reading.member)
                windows[reading.name] = values[reading.window.name] = number
            more_held, more_skipped = _evaluate((rule,), values)
            for found_held in more_held:
                held = (*held, msgspec.structs.replace(found_held, kept_by=_deciding(rule, values)))
            skipped = skipped + more_skipped
        return Verdicts(tuple(sorted(held, key=_rule_id)), tuple(sorted(skipped, key=_rule_id)), windows)

    def _plan(self, rules: list[CompiledRule], judged: bool, index: Mapping[tuple[str, ...], int]) -> _Plan:
        chosen: list[_Counting] = []
        for rule in rules:
            if rule.judged_only and not judged:
                continue
            readings = []
            for window in rule.windows:
                number = index[window.stream]
                members = self.series[number].members
                member = members.index(window.distinct) if window.distinct else None
                name = f"{rule.rule.id}.{window.name.removeprefix('windows.')}"
                readings.append(_Reading(name, window, number, member))
            # What a rule counts is listed first, what that is weighed against comes later.
            wheres = [reading.window.where.identity if reading.window.where else "" for reading in readings]
            first = tuple(reading for reading, where in zip(readings, wheres, strict=True) if where == wheres[0])
            chosen.append((rule, first, tuple(reading for reading in readings if reading not in first)))
        steady = tuple(rule for rule, _, _ in chosen if rule.steady)
        counting = tuple(entry for entry in chosen if not entry[0].steady)
        read = {name: None for rule in steady for name in rule.reads}
        read |= {name: None for rule, _, _ in counting if rule.gate for name in rule.gate.reads}
        late = tuple((name, FACTS[name].compute) for name in read if name not in self._conditions)
        return _Plan(steady, counting, late, tuple(read), {})


def fill(facts: dict[str, FactValue | None], names: Iterable[str], look: Look) -> None:
    """Compute those of the facts ``names`` that are not in ``facts`` yet."""
    for name in names:
        if name not in facts:
            facts[name] = FACTS[name].compute(look)


def _is_open(rule: CompiledRule, facts: Mapping[str, FactValue | None]) -> bool:
    return rule.gate is None or rule.gate.evaluate(facts) is not False


def _evaluate(
    rules: Iterable[CompiledRule], facts: Mapping[str, FactValue | None]
) -> tuple[tuple[Held, ...], tuple[NotJudged, ...]]:
    held: list[Held] = []
    skipped: list[NotJudged] = []
    for rule in rules:
        outcome = rule.when.evaluate(facts)
        if not isinstance(outcome, bool):
            skipped.append(NotJudged(rule, _missing(rule.when, facts)))
        elif outcome:
            risk = rule.risk.evaluate(facts) if isinstance(rule.risk, Expression) else rule.risk
            if isinstance(rule.risk, Expression) and (not isinstance(risk, (int, float)) or isnan(risk)):
                skipped.append(NotJudged(rule, _missing(rule.risk, facts)))
            else:
                held.append(Held(rule, min(100.0, max(0.0, round(float(risk), 2))), _evidence(rule, facts)))
    return tuple(held), tuple(skipped)


def _deciding(rule: CompiledRule, facts: Mapping[str, FactValue | None]) -> tuple[tuple[str, ...], ...]:
    """What the windows are kept by that make the rule hold even if no other window were known."""
    kinds = tuple(dict.fromkeys(window.by for window in rule.windows))
    if len(kinds) == 1:
        return kinds
    found = []
    for by in kinds:
        hidden: dict[str, FactValue | None] = {window.name: None for window in rule.windows if window.by != by}
        if rule.when.evaluate({**facts, **hidden}) is True:
            found.append(by)
    return tuple(found) or kinds


def _rule_id(verdict: Held | NotJudged) -> str:
    return verdict.rule.rule.id


def _stream(series: Series) -> tuple[str, ...]:
    return (series.where.identity if series.where else "", *series.by)


def _content(file: RuleFile) -> Any:
    data = msgspec.to_builtins(file.compiled.rule)
    del data["test"]
    return data


def _missing(expression: Expression, facts: Mapping[str, FactValue | None]) -> list[str]:
    return [name for name in expression.reads if facts.get(name) is None]


def _evidence(rule: CompiledRule, facts: Mapping[str, FactValue | None]) -> dict[str, Any]:
    evidence: dict[str, Any] = {}
    for name in rule.reads:
        value = facts.get(name)
        if value is not None and not FACTS[name].keyed:
            evidence[name] = list(value) if isinstance(value, tuple) else value
    for window in rule.windows:
        if (count := facts.get(window.name)) is not None:
            evidence[window.name] = count
    return evidence
