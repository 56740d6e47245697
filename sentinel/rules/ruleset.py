"""All rules together: what to compute for an event, and what holds."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from math import isnan
from typing import Any, Final

import msgspec

from sentinel.events.clock import DAY
from sentinel.facts import FACTS, FactValue, Look
from sentinel.rules.compiled import CompiledRule, CompiledWindow, Series, series_of
from sentinel.rules.language import Expression, key_of
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


#: Kinds of events (combinations of early facts) remembered before starting over, and combinations of the other facts
#: that are remembered for each of them.
MAX_PLANS: Final = 1024
MAX_REMEMBERED: Final = 4096

#: Counts a window of a series for the event at hand; ``None`` where a value it is kept by is unknown.
Count = Callable[[int, CompiledWindow, int | None], int | None]


#: A fact's name and the function that computes it.
Computed = tuple[str, Callable[[Look], FactValue | None]]


class Touched(msgspec.Struct, frozen=True):
    """A series that an event has to do with. ``enters``: it is counted there; ``None``: its profile will tell."""

    number: int
    series: Series
    enters: bool | None
    by: int  #: position in the plan's ``bys`` of what it is kept by
    needs: tuple[Computed, ...]  #: facts that may not be there yet when it is asked whether the event enters
    members: tuple[Computed, ...]


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


class _Counting(msgspec.Struct, frozen=True):
    """A rule that is looked at anew each time, where its gate is open.

    ``first`` are the windows to count at once, ``rest`` those that matter only if the rule could still hold then.
    """

    rule: CompiledRule
    needs: tuple[Computed, ...]  #: facts that may not be there yet when it is asked whether the rule holds
    more: tuple[Computed, ...]  #: those that its risk needs besides
    first: tuple[_Reading, ...]
    rest: tuple[_Reading, ...]


class Plan(msgspec.Struct, frozen=True):
    """What to do about one kind of event: all events of a type that look alike before their past is known."""

    touched: tuple[Touched, ...]  #: series that it may enter, or that a rule for it may count
    bys: tuple[tuple[Computed, ...], ...]  #: what those are kept by
    facts: tuple[Computed, ...]  #: to compute at first; what only rules with open gates read comes later
    steady: tuple[CompiledRule, ...]  #: rules without windows whose facts do not vary
    counting: tuple[_Counting, ...]  #: all others
    key: Callable[[Mapping[str, FactValue | None]], Any]  #: the facts that steady rules and gates read
    remembered: dict[Any, tuple[tuple[Held, ...], tuple[NotJudged, ...], tuple[_Counting, ...]]]


class RuleSet:
    """Compiled rules of one tenant. Immutable; a reload makes a new one.

    Events feed the windows of the rules in ``feeding``, too, which are judged with other settings.
    """

    def __init__(self, files: Iterable[RuleFile], *, feeding: Iterable[CompiledRule] = ()) -> None:
        self.files: tuple[RuleFile, ...] = tuple(files)
        self._active = [file.compiled for file in self.files if file.compiled.rule.status != "off"]
        self._by_id = {rule.rule.id: rule for rule in self._active}
        self.series: list[Series] = series_of([*self._active, *feeding])
        self.digest: str = "sha256:" + sha256(_canonical([_content(file) for file in self.files])).hexdigest()
        early = {name for series in self.series if series.early_where for name in series.early_where.reads}
        early |= {name for rule in self._active if rule.early_gate for name in rule.early_gate.reads}
        self._early = frozenset(early)
        #: Facts that say what kind of event it is, known before its past is, with what computes them.
        self.early_facts: tuple[Computed, ...] = tuple((name, FACTS[name].compute) for name in sorted(early))
        self._kind = key_of(sorted(early))
        self._index = {_stream(series): number for number, series in enumerate(self.series)}
        self._plans: dict[Any, Plan] = {}

    def rule(self, id: str) -> CompiledRule | None:
        """The rule with this id, if there is one and it is not off."""
        return self._by_id.get(id)

    def plan(self, type: str, judged: bool, early: Mapping[str, FactValue | None]) -> Plan:
        """What to do about an event with these early facts."""
        key = (type, judged, self._kind(early))
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[key] = self._make_plan(type, judged, early)
        return plan

    def _make_plan(self, type: str, judged: bool, early: Mapping[str, FactValue | None]) -> Plan:
        rules = [
            rule
            for rule in self._active
            if type in rule.rule.applies_to
            and (judged or not rule.judged_only)
            and (rule.early_gate is None or rule.early_gate.evaluate(early) is not False)
        ]
        steady = tuple(rule for rule in rules if rule.steady)
        varying = [rule for rule in rules if not rule.steady]
        read = {name: None for rule in steady for name in rule.reads}
        read |= {name: None for rule in varying if rule.gate for name in rule.gate.reads}
        late = tuple(name for name in read if name not in self._early)
        counting = tuple(self._counting(rule, late) for rule in varying)
        counted = {reading.series for entry in counting for reading in (*entry.first, *entry.rest)}
        touched, bys = self._touched(early, counted)
        return Plan(
            touched,
            bys,
            _computed(late),
            steady,
            counting,
            key_of(late),
            {},
        )

    def _counting(self, rule: CompiledRule, late: tuple[str, ...]) -> _Counting:
        readings = []
        for window in rule.windows:
            number = self._index[window.stream]
            member = self.series[number].members.index(window.distinct) if window.distinct else None
            name = f"{rule.rule.id}.{window.name.removeprefix('windows.')}"
            readings.append(_Reading(name, window, number, member))
        # What a rule counts is listed first, what that is weighed against comes later.
        wheres = [reading.window.where.identity if reading.window.where else "" for reading in readings]
        first = tuple(reading for reading, where in zip(readings, wheres, strict=True) if where == wheres[0])
        missing = [name for name in rule.reads if name not in self._early and name not in late]
        needs = [name for name in missing if name in rule.when.reads]
        more = [name for name in missing if name not in needs]
        rest = tuple(entry for entry in readings if entry not in first)
        return _Counting(rule, _computed(needs), _computed(more), first, rest)

    def _touched(
        self, early: Mapping[str, FactValue | None], counted: set[int]
    ) -> tuple[tuple[Touched, ...], tuple[tuple[Computed, ...], ...]]:
        out = []
        bys: list[tuple[str, ...]] = []
        for number, series in enumerate(self.series):
            enters: bool | None = True
            if series.early_where is not None and series.early_where.evaluate(early) is False:
                enters = False
            elif series.where is not None:
                enters = series.where.evaluate(early) is True if series.early else None
            if number in counted or enters is not False:
                if series.by not in bys:
                    bys.append(series.by)
                where = series.where.reads if series.where is not None else ()
                needs = _computed(name for name in where if name not in self._early)
                out.append(Touched(number, series, enters, bys.index(series.by), needs, _computed(series.members)))
        return tuple(out), tuple(_computed(by) for by in bys)

    def evaluate(
        self, plan: Plan, facts: dict[str, FactValue | None], count: Count, look: Look | None = None
    ) -> Verdicts:
        """Which rules hold and which cannot be judged. ``facts`` has the early ones and those of the plan; others are
        computed from ``look`` where a rule needs them, and entered there, as are the windows.

        Rules are pure, and most events look alike to them: what neither counts nor measures is remembered by
        all it reads. The others are looked at only where their gate is open.
        """
        key = plan.key(facts)
        found = plan.remembered.get(key)
        if found is None:
            found = (
                *_evaluate(plan.steady, facts),
                tuple(entry for entry in plan.counting if _is_open(entry.rule, facts)),
            )
            if len(plan.remembered) >= MAX_REMEMBERED:
                plan.remembered.clear()
            plan.remembered[key] = found
        held, skipped, counting = found
        windows: dict[str, int | None] = {}
        if not counting:
            return Verdicts(held, skipped, windows)
        before = held, skipped
        for entry in counting:
            rule = entry.rule
            if entry.first:
                for reading in entry.first:
                    number = count(reading.series, reading.window, reading.member)
                    windows[reading.name] = facts[reading.window.name] = number
                for reading in entry.rest:
                    facts[reading.window.name] = None
                # What is not there yet counts as absent: false is false then, whatever it would be.
                if (entry.rest or entry.needs) and rule.when.evaluate(facts) is False:
                    continue
                for reading in entry.rest:
                    number = count(reading.series, reading.window, reading.member)
                    windows[reading.name] = facts[reading.window.name] = number
            if look is not None:
                fill(facts, entry.needs, look)
            outcome = rule.when.evaluate(facts)
            if outcome is False:
                continue
            if outcome is True and look is not None:
                fill(facts, entry.more, look)
            more_held, more_skipped = _evaluate((rule,), facts)
            for found_held in more_held:
                held = (*held, msgspec.structs.replace(found_held, kept_by=_deciding(rule, facts)))
            skipped = skipped + more_skipped
        if (held, skipped) == before:
            return Verdicts(held, skipped, windows)
        return Verdicts(tuple(sorted(held, key=_rule_id)), tuple(sorted(skipped, key=_rule_id)), windows)


def _computed(names: Iterable[str]) -> tuple[Computed, ...]:
    return tuple((name, FACTS[name].compute) for name in names)


def fill(facts: dict[str, FactValue | None], needs: Iterable[Computed], look: Look) -> None:
    """Compute those facts that are not in ``facts`` yet."""
    for name, compute in needs:
        if name not in facts:
            facts[name] = compute(look)


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
