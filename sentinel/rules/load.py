"""Reading rule files: the packaged ones, then local files that override single keys of the same name."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

import sentinel
from sentinel.errors import FileError, SentinelError
from sentinel.events.event import Type
from sentinel.events.refusal import choices
from sentinel.rules.compiled import CompiledRule, compile_rule
from sentinel.rules.language import param_type
from sentinel.rules.rule import RULE_ID, Param, Rule, Window
from sentinel.toml_source import TomlFile, toml_files

#: Tables whose keys a local file overrides one by one; every other key is overridden whole.
_MERGED: Final = ("params", "windows")
#: What keys with a choice of values take.
_CHOICES: Final = choices(Window) | choices(Rule) | {"applies_to": f"one of {', '.join(get_args(Type))}"}


class RulesError(SentinelError):
    """Rule files are wrong; ``errors`` has one :class:`FileError` each, the text has them all."""

    def __init__(self, errors: list[FileError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


class RuleFile(msgspec.Struct, frozen=True):
    """A compiled rule and where its keys come from (top-level key → file)."""

    compiled: CompiledRule
    sources: dict[str, str]


def packaged_rules() -> Path:
    """The folder of the packaged rules: in the wheel, or beside the package in a checkout."""
    package = Path(sentinel.__file__).parent
    inside = package / "data" / "rules"
    return inside if inside.is_dir() else package.parent / "rules"


def load_rules(directories: Iterable[Path]) -> list[RuleFile]:
    """Read and compile every rule of ``directories`` (or single files); later ones override keys of earlier.

    A directory that is not there counts as empty. Raises :class:`RulesError` with all that is wrong.
    """
    layers: dict[str, list[TomlFile]] = {}
    errors: list[FileError] = []
    for directory in directories:
        for path in [directory] if directory.is_file() else toml_files(directory):
            try:
                file = TomlFile.read(path)
            except FileError as error:
                errors.append(error)
            else:
                layers.setdefault(path.stem, []).append(file)
    files = []
    for stem, layer in sorted(layers.items()):
        loaded, found = _load(stem, layer)
        errors += found
        if loaded is not None:
            files.append(loaded)
    if errors:
        raise RulesError(errors)
    return files


def _load(stem: str, layers: list[TomlFile]) -> tuple[RuleFile | None, list[FileError]]:
    if not RULE_ID.fullmatch(stem):
        return None, [FileError(layers[-1].path, "a rule's file is named by its id: lower case letters, digits and _")]
    data, sources = _merge(layers)
    try:
        rule = msgspec.convert(data, Rule)
    except msgspec.ValidationError as error:
        return None, [_locate(layers, *_explain(data, error))]
    if "id" in data:
        return None, [layers[-1].error("unknown key; the file's name is the id", "id")]
    rule = msgspec.structs.replace(rule, id=stem)
    errors = [_locate(layers, message, key) for key, message in _check_tests(rule)]
    errors += (changed := _changed_types(layers))
    if changed:
        return None, errors
    compiled, problems = compile_rule(rule)
    for key, problem in problems:
        file = _owner(layers, key)
        found = file.error(problem.message, *key)
        if isinstance(_value(file.data, key), str):
            line, column = file.place_in_value(*key, line=problem.line, column=problem.column)
            found = FileError(file.path, problem.message, key=found.key, line=line, column=column)
        errors.append(found)
    if compiled is not None:
        errors += _unread(layers, compiled)
    if errors or compiled is None:
        return None, errors
    return RuleFile(compiled, sources), []


def _merge(layers: list[TomlFile]) -> tuple[dict[str, Any], dict[str, str]]:
    data: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        for key, value in layer.data.items():
            if key in _MERGED and isinstance(value, dict) and isinstance(data.get(key), dict):
                data[key] = _over(data[key], value)
                sources |= {f"{key}.{name}": layer.path for name in value}
            else:
                data[key] = value
                sources[key] = layer.path
    return data, sources


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            # A window counts either events or distinct values: saying one takes back the other.
            left = {key: item for key, item in old.items() if not {key, *value} >= {"count", "distinct"}}
            merged[name] = left | value
        else:
            merged[name] = value
    return merged


def _check_tests(rule: Rule) -> list[tuple[tuple[str | int, ...], str]]:
    wanted = {True: "one that fires", False: "one that stays silent"}
    if rule.status == "off":
        # It may wait for facts that nothing computes yet.
        del wanted[True]
    missing = [text for fires, text in wanted.items() if not any(test.fires is fires for test in rule.test)]
    if not missing:
        return []
    return [(("test",), f"a rule has at least two tests; missing: {' and '.join(missing)}")]


def _changed_types(layers: list[TomlFile]) -> list[FileError]:
    """Parameters that an upper layer gives another type than a lower one: the rule would silently never hold."""
    errors = []
    types: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.data.get("params", {}).items():
            was = types.setdefault(name, param_type(value))
            if param_type(value) != was:
                errors.append(layer.error(f"expected a {was}, as where the parameter is first given", "params", name))
    return errors


def _unread(layers: list[TomlFile], compiled: CompiledRule) -> list[FileError]:
    """Parameters that only an upper layer has and nothing reads: a misspelt one would silently change nothing."""
    known = list(layers[0].data.get("params", {}))
    errors = []
    for layer in layers[1:]:
        new = [name for name in layer.data.get("params", {}) if name not in known]
        message = f"the rule has no such parameter (it has: {', '.join(known) or 'none'})"
        errors += [layer.error(message, "params", name) for name in new if name not in compiled.params]
        known += new
    return errors


def _explain(data: dict[str, Any], error: msgspec.ValidationError) -> tuple[str, tuple[str | int, ...]]:
    """The error's message and key. msgspec does not say which entry of a table is wrong, so each is tried."""
    for table, type in (("params", Param), ("windows", Window)):
        entries = data.get(table)
        if f"`$.{table}[...]" not in str(error) or not isinstance(entries, dict):
            continue
        for name, value in entries.items():
            try:
                msgspec.convert(value, type)
            except msgspec.ValidationError as inner:
                message, key = _split(str(inner))
                return message, (table, name, *key)
    return _split(str(error))


def _split(text: str) -> tuple[str, tuple[str | int, ...]]:
    """msgspec's text as a message and the key it is about."""
    message, _, place = text.partition(" - at `$")
    key: list[str | int] = []
    for part in place.rstrip("`").replace("[", ".[").split("."):
        if part.startswith("["):
            inner = part.strip("[]")
            key.append(int(inner) if inner.isdigit() else inner)
        elif part:
            key.append(part)
    for marker, hint in (("unknown field `", "unknown key"), ("missing required field `", "required")):
        if marker in message:
            key.append(message.split(marker)[1].rstrip("`"))
            message = hint
    if message.startswith("Invalid enum value"):
        message += next(
            (f"; expected {_CHOICES[part]}" for part in reversed(list(map(str, key))) if part in _CHOICES), ""
        )
    return message[0].lower() + message[1:], tuple(key)


def _owner(layers: list[TomlFile], key: tuple[str | int, ...]) -> TomlFile:
    for length in range(len(key), 0, -1):
        for layer in reversed(layers):
            if layer.position(*key[:length]) != (0, 0):
                return layer
    return layers[-1]


def _locate(layers: list[TomlFile], message: str, key: tuple[str | int, ...]) -> FileError:
    return _owner(layers, key).error(message, *key)


def _value(data: Any, key: tuple[str | int, ...]) -> Any:
    for part in key:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
