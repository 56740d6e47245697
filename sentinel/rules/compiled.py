"""A compiled rule, and the series its windows read."""

from collections.abc import Callable
from hashlib import sha256
from math import isfinite
from typing import Any

import msgspec

from sentinel.facts import FACTS
from sentinel.rules.language import Expression, ExpressionError, compile_expression, conjuncts
from sentinel.rules.rule import Rule, Window

#: What a key a compile error belongs to looks like: path in the file, then the error.
Problem = tuple[tuple[str | int, ...], ExpressionError]


class CompiledWindow(msgspec.Struct, frozen=True):
    """One window of a rule: the condition of its series, what it is kept by, what it counts."""

    name: str  #: ``windows.NAME``
    where: Expression | None
    by: tuple[str, ...]
    distinct: str | None
    span: int
    early_where: Expression | None = None  #: the part of ``where`` that reads no past

    @property
    def stream(self) -> tuple[str, ...]:
        """Windows with the same stream share one series."""
        return (self.where.identity if self.where else "", *self.by)


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule ready to be evaluated. ``reads`` are the facts it needs, without its own windows.

    ``gate`` is the part of ``when`` that reads neither a window nor a fact that *varies*, where it can be told
    apart: while it is false the rule cannot hold, and nothing need be counted. ``early_gate`` is the part that
    reads only *early* facts: while that is false, the rule need not be thought of at all.
    """

    rule: Rule
    when: Expression
    risk: Expression | float
    windows: tuple[CompiledWindow, ...]
    reads: tuple[str, ...]
    gate: Expression | None = None
    early_gate: Expression | None = None

    @property
    def params(self) -> frozenset[str]:
        """Names of the parameters that something in the rule reads."""
        texts = [self.when, self.risk, *(window.where for window in self.windows)]
        return frozenset().union(*(text.params for text in texts if isinstance(text, Expression)))

    @property
    def steady(self) -> bool:
        """It reads neither windows nor facts that vary: its outcome is worth remembering by all it reads."""
        return not self.windows and not any(varies(name) for name in self.reads)

    @property
    def judged_only(self) -> bool:
        """It reads what only events judged like a login have; it does not apply to others."""
        return any(FACTS[name].judged for name in self.reads)


class Series(msgspec.Struct, frozen=True):
    """The stream that windows read: which events enter, what they are kept by, what is kept of them."""

    id: str
    where: Expression | None
    by: tuple[str, ...]
    members: tuple[str, ...]
    keep: int  #: micros; twice the longest span, so that events late by one span are still counted right
    early: bool  #: membership can be told by early facts alone
    early_where: Expression | None = None  #: the part of ``where`` that reads only early facts


def compile_rule(rule: Rule) -> tuple[CompiledRule | None, list[Problem]]:
    """Compile every expression of ``rule``; the problems name the key each belongs to."""
    problems: list[Problem] = [
        (("params", name), ExpressionError("expected a number that fits 64 bits"))
        for name, value in rule.params.items()
        if isinstance(value, int) and not -(2**63) <= value < 2**63
    ]
    problems += [
        (("params", name), ExpressionError("expected a finite number"))
        for name, value in rule.params.items()
        if isinstance(value, float) and not isfinite(value)
    ]
    if problems:
        return None, problems
    windows = []
    for name, window in rule.windows.items():
        compiled = _compile_window(name, window, rule.params, problems)
        if compiled is not None:
            windows.append(compiled)
    names = tuple(rule.windows)
    when = _compile(("when",), rule.when, problems, names, rule.params)
    if when is not None and not _gives(when, "BOOL", bool):
        problems.append((("when",), ExpressionError(f"expected a condition (bool), got {when.returns.lower()}")))
    risk: Expression | float | None
    if isinstance(rule.risk, str):
        risk = _compile(("risk",), rule.risk, problems, names, rule.params)
        if risk is not None and not (_gives(risk, "INT", int) or _gives(risk, "DOUBLE", float)):
            problems.append((("risk",), ExpressionError(f"expected a number, got {risk.returns.lower()}")))
    else:
        risk = float(rule.risk)
        if not 0 <= risk <= 100:
            problems.append((("risk",), ExpressionError("expected a number from 0 to 100")))
    if problems or when is None or risk is None:
        return None, problems
    read = when.reads + (risk.reads if isinstance(risk, Expression) else ())
    facts = tuple(dict.fromkeys(name for name in read if name in FACTS))
    gate = _part(rule.when, rule.params, lambda name: not varies(name))
    early_gate = _part(rule.when, rule.params, is_early)
    return CompiledRule(rule, when, risk, tuple(windows), facts, gate, early_gate), []


def _part(text: str, params: dict[str, Any], may_read: Callable[[str], bool]) -> Expression | None:
    """The conjuncts of ``text`` that read no window and only facts that ``may_read`` allows."""
    chosen = []
    for part in conjuncts(text):
        try:
            # A part compiles without the windows exactly when it reads none.
            compiled = compile_expression(part, params=params)
        except ExpressionError:
            continue
        if all(may_read(name) for name in compiled.reads):
            chosen.append(f"({part}\n)")  # the part may end in a comment
    return compile_expression(" && ".join(chosen), params=params) if chosen else None


def varies(name: str) -> bool:
    """Whether a fact takes so many values that hardly two events share one: measures, counts, pseudonyms."""
    fact = FACTS[name]
    return fact.keyed or fact.type in ("int", "double")


def is_early(name: str) -> bool:
    """Whether a fact is known before the profile is, and takes few values: what to do is decided by such."""
    fact = FACTS[name]
    return not fact.past and (fact.type == "bool" or fact.few)


def series_of(rules: list[CompiledRule]) -> list[Series]:
    """The series that the windows of ``rules`` need, each once."""
    found: dict[tuple[str, ...], list[CompiledWindow]] = {}
    for rule in rules:
        for window in rule.windows:
            found.setdefault(window.stream, []).append(window)
    out = []
    shared: dict[str, Expression] = {}  # one condition for all series that have it
    for stream, windows in sorted(found.items()):
        members = tuple(sorted({window.distinct for window in windows if window.distinct}))
        digest = sha256("\x1f".join((*stream, "", *members)).encode()).hexdigest()[:12]
        where = windows[0].where
        if where is not None:
            where = shared.setdefault(where.identity, where)
        early = where is None or all(is_early(name) for name in where.reads)
        keep = 2 * max(window.span for window in windows)
        out.append(Series(digest, where, windows[0].by, members, keep, early, windows[0].early_where))
    return out


def _compile_window(
    name: str, window: Window, params: dict[str, Any], problems: list[Problem]
) -> CompiledWindow | None:
    path = ("windows", name)
    before = len(problems)
    if (window.count is None) == (window.distinct is None):
        problems.append((path, ExpressionError('expected either count = "events" or distinct = a fact')))
    for position, fact in enumerate(window.by):
        _check_fact((*path, "by", position), fact, problems)
    if window.distinct is not None:
        _check_fact((*path, "distinct"), window.distinct, problems)
    span = 0
    try:
        span = window.span
    except ValueError as error:
        problems.append(((*path, "over"), ExpressionError(str(error))))
    where = None
    if window.where is not None:
        where = _compile((*path, "where"), window.where, problems, (), params)
        if where is not None and not _gives(where, "BOOL", bool):
            problems.append(((*path, "where"), ExpressionError("expected a condition (bool)")))
    if len(problems) > before:
        return None
    early_where = _part(window.where, params, is_early) if window.where is not None else None
    return CompiledWindow(f"windows.{name}", where, tuple(window.by), window.distinct, span, early_where)


def _gives(expression: Expression, name: str, type: type) -> bool:
    """Whether the expression gives a value of CEL type ``name``; of a parameter alone its value tells."""
    if expression.returns != "DYN" or expression.reads:
        return expression.returns in (name, "DYN")
    return isinstance(value := expression.evaluate({}), type) and isinstance(value, bool) == (name == "BOOL")


def _check_fact(path: tuple[str | int, ...], name: str, problems: list[Problem]) -> None:
    fact = FACTS.get(name)
    if fact is None:
        problems.append((path, ExpressionError(f"there is no fact {name}; `sentinel facts` lists them")))
    elif fact.past or fact.type == "list(string)":
        problems.append(
            (path, ExpressionError(f"{name} depends on the past or is a list; windows cannot be kept by it"))
        )


def _compile(
    path: tuple[str | int, ...],
    text: str,
    problems: list[Problem],
    windows: tuple[str, ...],
    params: dict[str, Any],
) -> Expression | None:
    try:
        return compile_expression(text, windows=windows, params=params)
    except ExpressionError as error:
        problems.append((path, error))
        return None
