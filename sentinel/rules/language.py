"""The rule language: CEL (the Common Expression Language) over the declared facts, type-checked at load.

The library is the language owner's own (``cel-expr-python``). A rule is a pure function of the facts it
reads, and most facts take few values, so results are remembered per combination: that costs a dictionary
look-up where an evaluation costs ten microseconds, and one absent fact cannot spoil another rule.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from cel_expr_python import cel

from sentinel.facts import FACTS, FactValue

#: Combinations remembered per expression before starting over.
MAX_REMEMBERED: Final = 8192

_TYPES: Final = {
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
    "list(string)": cel.Type.List(cel.Type.STRING),
}
_STRING = re.compile(
    r"""[rRbB]*("{3}.*?"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|//[^\n]*""", re.DOTALL
)
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*")
_POSITION = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_DOUBLE_INT = re.compile(r"applied to '\((double, int|int, double)\)'")


class ExpressionError(Exception):
    """The expression is wrong. ``line`` and ``column`` count from 1 within it."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Expression:
    """A compiled expression. ``reads`` are the names of the facts and windows it depends on, in order."""

    __slots__ = ("_constants", "_key", "_program", "_remembered", "reads", "returns", "text")

    def __init__(self, text: str, program: Any, reads: tuple[str, ...], constants: dict[str, Any]) -> None:
        self.text = text
        self.reads = reads
        self.returns: str = program.return_type().name()
        self._program = program
        self._constants = constants
        self._key = key_of(reads)
        self._remembered: dict[Any, Any] = {}

    @property
    def params(self) -> frozenset[str]:
        """Names of the parameters it reads."""
        return frozenset(name.removeprefix("params.") for name in self._constants)

    @property
    def identity(self) -> str:
        """Text and parameters: equal for expressions that mean the same."""
        return f"{self.text.strip()} {sorted(self._constants.items())}"

    def evaluate(self, values: Mapping[str, FactValue | None]) -> Any:
        """The value, or ``None`` when it depends on an absent fact (or cannot be computed)."""
        key = self._key(values)
        try:
            return self._remembered[key]
        except KeyError:
            pass
        data = {
            name: list(value) if isinstance(value, tuple) else value
            for name in self.reads
            if (value := values.get(name)) is not None
        }
        data.update(self._constants)
        result = self._program.eval(data=data)
        value = None if result.type() == cel.Type.ERROR else result.plain_value()
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = value
        return value


def key_of(names: Sequence[str]) -> Callable[[Mapping[str, FactValue | None]], Any]:
    """A function that gives the values of ``names`` as one key, to remember by. What is missing counts as absent."""
    if not names:
        return lambda values: ()
    of = itemgetter(*names)

    def key(values: Mapping[str, FactValue | None]) -> Any:
        try:
            return of(values)
        except KeyError:
            return of({name: values.get(name) for name in names})

    return key


def compile_expression(
    text: str, *, windows: tuple[str, ...] = (), params: Mapping[str, Any] | None = None
) -> Expression:
    """Compile and type-check ``text``.

    ``windows`` names the rule's windows (int facts ``windows.NAME``), ``params`` its parameters (numbers fit int
    and double alike). Raises :class:`ExpressionError`.
    """
    constants = {f"params.{name}": value for name, value in (params or {}).items()}
    names = _names(text)
    # Making an environment costs more than compiling, and most expressions read neither windows nor parameters.
    used_windows = tuple(name for name in windows if any(found.startswith(f"windows.{name}") for found in names))
    used_params = tuple(
        (name, param_type(value)) for name, value in constants.items() if any(found.startswith(name) for found in names)
    )
    environment, declared = _environment(used_windows, used_params)
    try:
        program = environment.compile(text)
    except RuntimeError as error:
        raise _explain(str(error), text, windows, params or {}) from None
    reads = tuple(dict.fromkeys(name for found in names if (name := _longest(found, declared)) is not None))
    used = {name: value for name, value in constants.items() if name in reads}
    return Expression(text, program, tuple(name for name in reads if name not in constants), used)


@lru_cache(1024)
def _environment(windows: tuple[str, ...], params: tuple[tuple[str, str], ...]) -> tuple[Any, dict[str, Any]]:
    declared: dict[str, Any] = {name: _TYPES[fact.type] for name, fact in FACTS.items()}
    declared |= {f"windows.{name}": cel.Type.INT for name in windows}
    declared |= {name: _TYPES.get(type, cel.Type.DYN) for name, type in params}
    return cel.NewEnv(variables=declared), declared


def param_type(value: Any) -> str:
    """What a parameter is: ``number`` (fits int and double alike), ``bool``, ``string`` or ``list(string)``."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "list(string)"


def conjuncts(text: str) -> list[str]:
    """The parts of ``a && b && c`` at the top level; one part when there is an ``||`` or ``?`` beside them.

    When one part is false, the whole is, whatever the others are.
    """
    bare = _STRING.sub(lambda match: " " * len(match[0]), text)
    parts: list[str] = []
    depth = start = 0
    for at, sign in enumerate(bare):
        depth += (sign in "([{") - (sign in ")]}")
        if depth:
            continue
        if sign == "?" or bare.startswith("||", at):
            return [text]
        if bare.startswith("&&", at):
            parts.append(text[start:at])
            start = at + 2
    return [*parts, text[start:]]


def _names(text: str) -> list[str]:
    bare = _STRING.sub(lambda match: " " * len(match[0]), text)
    return [re.sub(r"\s+", "", match[0]) for match in _NAME.finditer(bare)]


def _longest(found: str, declared: Mapping[str, Any]) -> str | None:
    parts = found.split(".")
    for length in range(len(parts), 0, -1):
        if (name := ".".join(parts[:length])) in declared:
            return name
    return None


def _explain(error: str, text: str, windows: Iterable[str], params: Iterable[str]) -> ExpressionError:
    match = _POSITION.search(error)
    if match is None:
        return ExpressionError(error.split("\n")[0])
    line, column = int(match[1]), int(match[2])
    message = match[3].replace(" [INVALID_ARGUMENT]", "").replace(" (in container '')", "")
    if _DOUBLE_INT.search(message):
        message += ": counts are int, measures double; write 900.0 to compare a measure with a number"
    elif unknown := _UNDECLARED.match(message):
        message += f"; {_hint(unknown[1], windows, params)}"
        # The library points at the last dot of a name; people look for its beginning.
        start = column - max(unknown[1].rfind("."), 0)
        if text.split("\n")[line - 1].startswith(unknown[1], max(start - 1, 0)):
            column = start
    return ExpressionError(message, line, column)


def _hint(name: str, windows: Iterable[str], params: Iterable[str]) -> str:
    """What could have been meant by the name of nothing."""
    table, _, _ = name.partition(".")
    for kind, known in (("windows", windows), ("params", params)):
        if table == kind:
            return f"the rule has the {kind}: {', '.join(known)}" if known else f"the rule has no {kind}"
    close = get_close_matches(name, FACTS, 1)
    hint = "`sentinel facts` lists what a rule can read"
    return f"did you mean {close[0]}? {hint}" if close else hint
