"""Changing single rules without a file of their own: status, risk and parameters, for a part of the events."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sentinel.rules.compiled import compile_rule
from sentinel.rules.load import RuleFile
from sentinel.rules.rule import Param, Status


class TuningError(Exception):
    """A change does not fit its rule; ``key`` is where within the change."""

    def __init__(self, message: str, *key: str) -> None:
        super().__init__(message)
        self.message = message
        self.key = key


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changes of a rule; ``None`` and absent parameters stay. ``source`` says where it is written."""

    source: str
    status: Status | None = None
    risk: float | None = None
    params: Mapping[str, Any] = {}


def change_rule(file: RuleFile, change: RuleChange) -> RuleFile:
    """The rule with the change, compiled anew where it must be. Raises :class:`TuningError`."""
    rule = file.compiled.rule
    for name, value in change.params.items():
        _check_param(rule.params, name, value)
    changed = msgspec.structs.replace(
        rule,
        status=change.status or rule.status,
        risk=rule.risk if change.risk is None else change.risk,
        params={**rule.params, **change.params},
    )
    sources = dict(file.sources) | {f"params.{name}": change.source for name in change.params}
    if change.status is not None:
        sources["status"] = change.source
    if change.risk is not None:
        sources["risk"] = change.source
    if (changed.params, changed.risk) == (rule.params, rule.risk):
        compiled = msgspec.structs.replace(file.compiled, rule=changed)
    else:
        made, problems = compile_rule(changed)
        if made is None:
            key, problem = problems[0]
            # The expressions are the rule's own: with parameters of the same types only a value can be wrong.
            raise TuningError(problem.message, *[str(part) for part in key])
        compiled = made
    return msgspec.structs.replace(file, compiled=compiled, sources=sources)


class ChangedRules:
    """Rules with changes, each compiled once: compiling takes milliseconds, and tenants share entries."""

    def __init__(self, files: Iterable[RuleFile]) -> None:
        self.files = {file.compiled.rule.id: file for file in files}
        self._made: dict[tuple[str, ...], RuleFile] = {}

    def get(self, id: str, changes: Sequence[RuleChange]) -> RuleFile:
        """The rule with ``changes`` one over the other, told apart by their sources. Raises :class:`TuningError`."""
        if not changes:
            return self.files[id]
        key = (id, *[change.source for change in changes])
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = change_rule(self.get(id, changes[:-1]), changes[-1])
        return found


def unknown_rule(name: str, known: list[str]) -> str:
    """What to say of a rule that is not there."""
    return f"there is no such rule{_meant(name, known)}; `sentinel rules list` shows them"


def _check_param(params: Mapping[str, Param], name: str, value: Any) -> None:
    if name not in params:
        has = ", ".join(params) or "none"
        raise TuningError(f"the rule has no such parameter{_meant(name, list(params))} (it has: {has})", "params", name)
    if (wanted := _kind(params[name])) != (found := _kind(value)):
        raise TuningError(f"expected {wanted}, got {found}", "params", name)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() if all(isinstance(item, str) for item in value):
            return "a list of texts"
        case _:
            return "something else"


def _meant(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f", did you mean {near[0]}?" if near else ""
