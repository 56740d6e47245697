"""From a TOML file to a checked Config; every refusal names file, key, line and column."""

import difflib
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from sentinel.config.checks import check, check_decision, check_pages, check_siem_names, check_tuning
from sentinel.config.config import Config
from sentinel.config.expectation import choices, expected, expected_item, kind_of
from sentinel.config.settings import Settings, TenantSettings
from sentinel.config.values import Listen, Until
from sentinel.toml_source import Key, TomlFile, dotted

#: Read when neither ``--config`` nor ``$SENTINEL_CONFIG`` names a file.
SYSTEM_PATH: Final = Path("/etc/sentinel/sentinel.toml")

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ITEM = re.compile(r"`\$\[(\d+)\]`$")
S = TypeVar("S", bound=msgspec.Struct)


def load(path: Path | None = None) -> Config:
    """The configuration in ``path``, else in ``$SENTINEL_CONFIG``, else in /etc, else the defaults.

    Raises FileError about the first thing that is wrong. Paths in the file are relative to its folder.
    """
    if path is None and (named := os.environ.get("SENTINEL_CONFIG")):
        path = Path(named)
    if path is None and SYSTEM_PATH.exists():
        path = SYSTEM_PATH
    if path is None:
        return Config()
    return parse(TomlFile.read(path), path.absolute())


def load_again(path: Path | None, text: str) -> Config:
    """The configuration that was read from ``path`` when the file said ``text``."""
    return Config() if path is None else parse(TomlFile.parse(text, str(path)), path)


def parse(source: TomlFile, path: Path) -> Config:
    """The configuration in an already read file that stands at ``path`` (absolute)."""
    reader = Reader(source, path.parent)
    tenants = source.data.get("tenants", {})
    rest = {key: value for key, value in source.data.items() if key != "tenants"}
    settings = reader.table(Settings(), rest)
    check(source, settings)
    if not isinstance(tenants, dict):
        raise source.error("expected a table for each tenant, as in [tenants.NAME]", "tenants")
    config = Config(
        **{name: getattr(settings, name) for name in settings.__struct_fields__ if name != "tenants"},
        tenants={name: _tenant(reader, settings, name, value) for name, value in tenants.items()},
        path=path,
        text=source.text,
    )
    check_tuning(source, config)
    check_siem_names(source, config)
    return config


def _tenant(reader: "Reader", settings: Settings, name: str, value: Any) -> TenantSettings:
    key = ("tenants", name)
    if not _TENANT.fullmatch(name):
        message = "a tenant's name is 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit"
        raise reader.source.error(message, *key)
    common = TenantSettings(
        from_=settings.smtp.from_,
        service=settings.service,
        brand=settings.brand,
        decision=settings.decision,
        alerts=settings.alerts,
        privacy=settings.privacy,
    )
    tenant = reader.table(common, value, *key)
    check_decision(reader.source, tenant.decision, *key)
    check_pages(reader.source, tenant.service, tenant.brand, *key)
    if tenant.alerts.report != settings.alerts.report:
        message = "the weekly report is one of all tenants; say in [alerts] when it is sent"
        raise reader.source.error(message, *key, "alerts", "report")
    return tenant


class Reader:
    """Reads tables into the declared Structs, field by field, so that an error knows its key."""

    def __init__(self, source: TomlFile, folder: Path) -> None:
        self.source = source
        self._folder = folder

    def table(self, defaults: S, values: Any, *key: Key) -> S:
        """``defaults`` with what the table gives put over them."""
        return msgspec.structs.replace(defaults, **self._fields(type(defaults), values, key, defaults))

    def entry(self, declared: type[S], values: Any, *key: Key) -> S:
        """A ``declared`` Struct from a table that has no other defaults than the declared ones."""
        return declared(**self._fields(declared, values, key, None))

    def _fields(
        self,
        declared: type[msgspec.Struct],
        values: Any,
        key: tuple[Key, ...],
        defaults: msgspec.Struct | None,
    ) -> dict[str, Any]:
        if not isinstance(values, Mapping):
            raise self.source.error(f"expected a table, got {kind_of(values)}", *key)
        fields = _declared(declared)
        for name in values:
            if name not in fields:
                raise self._unknown(list(fields), name, key)
        found: dict[str, Any] = {}
        for name, (field, inner) in fields.items():
            if name in values:
                default = getattr(defaults, field.name, None)
                found[field.name] = self._value(field.type, inner, values[name], (*key, name), default)
            elif field.required:
                raise self.source.error(f"is missing; expected {expected(field.type)}", *key, name)
        return found

    def _value(self, declared: Any, inner: inspect.Type, value: Any, key: tuple[Key, ...], default: Any) -> Any:
        if isinstance(default, msgspec.Struct):
            return self.table(default, value, *key)
        if isinstance(inner, inspect.StructType):
            return self.entry(inner.cls, value, *key)
        match inner, value:
            case inspect.VarTupleType(item_type=inspect.StructType(cls=item)), list():
                return tuple(self.entry(item, each, *key, number) for number, each in enumerate(value))
            case inspect.DictType(value_type=inspect.StructType(cls=item)), dict():
                return {name: self.entry(item, each, *key, name) for name, each in value.items()}
        try:
            return msgspec.convert(value, declared, dec_hook=self._convert)
        except msgspec.ValidationError as error:
            raise self._refused(declared, value, key, error) from None

    def _convert(self, declared: type[Any], value: Any) -> Any:
        if declared is Until:
            return Until(value)
        if not isinstance(value, str):
            raise TypeError
        if declared is Listen:
            return Listen(value, self._folder)
        if declared is not Path:
            return declared(value)
        if not value or "\0" in value:
            raise ValueError("it is empty or holds a NUL character")
        try:
            return self._folder / Path(value).expanduser()
        except RuntimeError:
            raise ValueError("'~' cannot be resolved here; write the whole path") from None

    def _refused(self, declared: Any, value: Any, key: tuple[Key, ...], error: msgspec.ValidationError) -> Exception:
        item = _ITEM.search(str(error))
        wanted = expected(declared)
        if item and isinstance(value, list):
            key, value, wanted = (*key, int(item[1])), value[int(item[1])], expected_item(declared)
        # Only the classes of values.py chain an error with a reason, and it never quotes the value.
        reason = str(error.__cause__ or "")
        message = f"expected {wanted}; {reason}" if reason else f"expected {wanted}, got {kind_of(value)}"
        return self.source.error(message + _meant(str(value), choices(declared)), *key)

    def _unknown(self, names: list[str], name: str, key: tuple[Key, ...]) -> Exception:
        where = f"[{dotted(*key)}]" if key else "the top level"
        message = f"there is no such setting in {where}" + (_meant(name, names) or self._elsewhere(name))
        return self.source.error(message, *key, name)

    def _elsewhere(self, name: str) -> str:
        """A hint for a key in the wrong table, the usual slip with TOML."""
        for field in msgspec.structs.fields(Settings):
            if isinstance(field.default, msgspec.Struct):
                for inner in msgspec.structs.fields(type(field.default)):
                    if inner.encode_name == name:
                        return f"; did you mean {name} in [{field.encode_name}]?"
            elif field.encode_name == name:
                return f"; {name} belongs at the top, before the first [table]"
        return ""


@cache
def _declared(struct: type[msgspec.Struct]) -> dict[str, tuple[msgspec.structs.FieldInfo, inspect.Type]]:
    """By key, the declared fields of a Struct and their types without the help; allowlists ask thousands of times."""
    found = {}
    for field in msgspec.structs.fields(struct):
        node = inspect.type_info(field.type)
        while isinstance(node, inspect.Metadata):
            node = node.type
        found[field.encode_name] = field, node
    return found


def _meant(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near and near[0] != name else ""
