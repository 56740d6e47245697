"""What a scan found and what it looked through. A value is never repeated, only its number and how it begins."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

#: Hits of one file that are told one by one; the others are only counted.
_TOLD: Final = 50
#: First characters of a value that are shown.
_SHOWN: Final = 2


class Hit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place. ``value`` counts the given values from 1; ``begins`` is how that one begins.

    ``offset`` counts bytes from the start of the file or, with ``inside``, of the innermost member, which are
    named from the outside in. In a table: ``table``, ``column``, and ``row``, the row id or else the place of the row.
    """

    file: str
    form: str
    value: int
    begins: str
    offset: int | None = None
    inside: tuple[str, ...] = ()
    table: str = ""
    column: str = ""
    row: int | None = None

    def __str__(self) -> str:
        place = f"table {self.table}, column {self.column}, row {self.row}" if self.table else ""
        if self.offset is not None:
            place += f"{', ' if place else ''}{'byte' if self.inside or self.table else 'at byte'} {self.offset}"
        for member in reversed(self.inside):
            place += f" of {member}"
        return f"{self.file}: {place or 'its name'}: value {self.value} ({self.begins}) as {self.form}"


class Problem(msgspec.Struct, frozen=True):
    """What was not, or not wholly, looked through, and why."""

    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: not looked through: {self.message}"


class Report(msgspec.Struct):
    """The outcome. ``hits`` holds at most fifty of a file, ``found`` and ``found_in`` count them all."""

    values: int = 0
    forms: int = 0
    files: int = 0
    bytes: int = 0
    members: int = 0
    databases: int = 0
    tables: int = 0
    rows: int = 0
    found: int = 0
    hits: list[Hit] = []
    problems: list[Problem] = []
    found_in: dict[str, int] = {}

    @property
    def clean(self) -> bool:
        """Nothing was found, and everything was looked through."""
        return not self.found and not self.problems

    def hit(self, values: Sequence[str], file: str, value: int, form: str, **place: Any) -> None:
        """Note a hit of the value with index ``value``."""
        self.found += 1
        self.found_in[file] = self.found_in.get(file, 0) + 1
        if self.found_in[file] <= _TOLD:
            begins = f"{values[value][: min(_SHOWN, len(values[value]) // 3)]}…"
            self.hits.append(Hit(file=file, form=form, value=value + 1, begins=begins, **place))

    def summary(self) -> str:
        """What was looked through, in one sentence."""
        return (
            f"{self.files:,} files ({self.bytes:,} bytes), {self.members:,} compressed members,"
            f" {self.databases:,} databases ({self.tables:,} tables, {self.rows:,} rows)"
            f" looked through for {self.values:,} values in {self.forms:,} forms"
        )
