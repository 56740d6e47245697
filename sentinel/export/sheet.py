"""``events.csv``: one row an event, safe to open in a spreadsheet, and readable back to the exact values.

**Formulas.** A spreadsheet calculates a cell that begins with ``=``, ``+``, ``-`` or ``@`` (some also after a tab or a
line break, and in Japanese settings the full-width forms), and people choose what stands in user agents and ids. Such a
cell gets a ``'`` in front. Programs of other countries split at ``;`` or at tabs whatever the quotes say, so the same
is done after each ``,``, ``;``, tab and line break inside a cell. A ``'`` that stands in such a place already gets one
more by the same rule, so that :func:`restore` takes exactly what :func:`neutralise` gave.

**Form.** RFC 4180: commas, CRLF, every cell quoted. UTF-8 with a byte order mark, because the most used spreadsheet
takes a file without one for the old code page of the country and breaks every umlaut; Python reads it as
``utf-8-sig``.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from sentinel.export.data_event import AssessmentData, EventData

#: What a spreadsheet may take for the beginning of a formula.
TRIGGERS: Final = "=+\\-@＝＋－＠\\t\\r\\n"
_SEPARATORS: Final = ",;\\t\\r\\n"
_DANGEROUS: Final = re.compile(f"(^|[{_SEPARATORS}])(?='*[{TRIGGERS}])")
_NEUTRALISED: Final = re.compile(f"(^|[{_SEPARATORS}])'(?='*[{TRIGGERS}])")

_PARTS: Final = ("place", "network", "device")
_OWN: Final = tuple(name for name in EventData.__struct_fields__ if name not in (*_PARTS, "assessment"))
_JUDGED: Final = ("risk", "level", "decision", "would", "alert", "campaign")
#: The columns: fields of :class:`EventData`, of its parts as ``part.field``, then what was made of it.
COLUMNS: Final = (
    *_OWN,
    *(f"{part}.{field}" for part in _PARTS for field in EventData.__annotations__[part].__struct_fields__),
    *(f"assessment.{name}" for name in _JUDGED),
    "assessment.rules",
    "assessment.reasons",
)

BOM: Final = b"\xef\xbb\xbf"


def neutralise(cell: str) -> str:
    """The cell with a ``'`` wherever a spreadsheet might begin to calculate.

    >>> neutralise("=1+1"), neutralise("a=b"), neutralise("x;=1"), neutralise("'=1")
    ("'=1+1", 'a=b', "x;'=1", "''=1")
    """
    return _DANGEROUS.sub(r"\1'", cell)


def restore(cell: str) -> str:
    """The value that :func:`neutralise` was given.

    >>> restore("'=1+1"), restore("''=1"), restore("'tis")
    ('=1+1', "'=1", "'tis")
    """
    return _NEUTRALISED.sub(r"\1", cell)


def heading() -> bytes:
    """The first line, with the byte order mark."""
    return BOM + _line(COLUMNS)


def row(event: EventData) -> bytes:
    """One event's line. Lists are joined by ``|``, times are UTC, truth values ``true`` and ``false``."""
    values = [getattr(event, name) for name in _OWN]
    for part in _PARTS:
        values += msgspec.structs.astuple(getattr(event, part))
    assessment = event.assessment or AssessmentData(risk=None, level=None, decision="")
    values += [getattr(assessment, name) for name in _JUDGED]
    values.append([found.rule for found in assessment.findings])
    values.append([found.title for found in assessment.findings])
    return _line(_cell(value) for value in values)


def read(data: bytes) -> Iterator[dict[str, str]]:
    """The rows of an ``events.csv`` by column, every cell restored."""
    for each in csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        yield {name: restore(cell) for name, cell in each.items()}


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return "|".join(map(str, value))
        case _:
            return str(value)


def _line(cells: Iterable[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([neutralise(cell) for cell in cells])
    # A lone surrogate is no text that UTF-8 has; JSON would not have let it in either.
    return out.getvalue().encode("utf-8", "replace")
