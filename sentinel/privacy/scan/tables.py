"""Databases row by row: what a file keeps in pieces stands here in one, and short forms can be told from chance."""

import shutil
import sqlite3
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from sentinel.privacy.scan.forms import RAW_BYTES
from sentinel.privacy.scan.members import inflated, starts
from sentinel.privacy.scan.report import Problem, Report
from sentinel.privacy.scan.search import Found, Needles
from sentinel.privacy.scan.stream import Limits, Stream

MAGIC: Final = b"SQLite format 3\0"
#: Longest text or bytes that a short form can be the whole of.
_WHOLE: Final = 64
#: Packed values within packed values, and what compressed ones may inflate to.
_DEPTH: Final = 8
_INFLATED: Final = 16 << 20
#: Bytes that are searched together, and what stands between values then: in no form of anything.
_TOGETHER: Final = 1 << 18
_BETWEEN: Final = b"\xfe" * 8


def walk(path: Path, shown: str, needles: Needles, report: Report) -> None:
    """Look at every column of every row of a database that may be in use. It is copied first and not changed."""
    try:
        with TemporaryDirectory(prefix="sentinel-scan-") as folder, closing(_copy(path, Path(folder))) as database:
            database.text_factory = bytes
            _Walk(database, shown, needles, report).run()
    except (sqlite3.Error, OSError) as error:
        code = getattr(error, "sqlite_errorname", "") or getattr(error, "strerror", "") or type(error).__name__
        report.problems.append(Problem(shown, f"its tables cannot be read ({code})"))


def _copy(path: Path, folder: Path) -> sqlite3.Connection:
    """A connection to a copy of the database, its write-ahead log included.

    Where somebody has it open (there is a ``-shm``), SQLite copies it as of one moment. Where nobody has, it would make
    that file: then the files are copied and the log is applied to the copy.
    """
    copy = folder / "copy.db"
    if Path(f"{path}-shm").exists():
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as source:
            database = sqlite3.connect(copy)
            try:
                source.backup(database)
            except BaseException:
                database.close()
                raise
            return database
    for end in ("", "-wal", "-journal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{end}", f"{copy}{end}")
    return sqlite3.connect(copy)


class _Walk:
    """One database being looked through."""

    def __init__(self, database: sqlite3.Connection, shown: str, needles: Needles, report: Report) -> None:
        self._database = database
        self._shown = shown
        self._needles = needles
        self._report = report
        self._limits = Limits()
        # Texts and bytes that wait to be searched together: a search costs as much for one as for hundreds.
        self._waiting: list[tuple[bytes, dict[str, Any]]] = []
        self._size = 0

    def run(self) -> None:
        """All tables, the schema's own too. Raises :class:`sqlite3.Error`."""
        self._report.databases += 1
        names = self._database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
        for name in ["sqlite_schema", *(bytes(row[0]).decode("utf-8", "replace") for row in names.fetchall())]:
            self._report.tables += 1
            for row, cells in self._rows(name):
                self._report.rows += 1
                for column, cell in cells:
                    self._cell(name, column, row, cell)
        self._search()
        self._report.members += self._limits.members
        self._report.problems += [Problem(self._shown, problem) for problem in self._limits.problems]

    def _rows(self, table: str) -> Iterator[tuple[int, Iterator[tuple[str, Any]]]]:
        quoted = '"' + table.replace('"', '""') + '"'
        try:
            rows = self._database.execute(f"SELECT rowid, * FROM {quoted}")  # noqa: S608  # a quoted name
            first = 1
        except sqlite3.OperationalError:  # WITHOUT ROWID
            rows = self._database.execute(f"SELECT * FROM {quoted}")  # noqa: S608  # likewise
            first = 0
        columns = [column[0] for column in rows.description][first:]
        for place, row in enumerate(rows, 1):
            number = row[0] if first and isinstance(row[0], int) else place
            yield number, zip(columns, row[first:], strict=True)

    def _cell(self, table: str, column: str, row: int, cell: Any) -> None:
        place = {"table": table, "column": column, "row": row}
        for value, name in _whole(cell, self._needles):
            self._report.hit(self._needles.values, self._shown, value, name, **place)
        if isinstance(cell, bytes) and len(cell) >= RAW_BYTES:
            self._waiting.append((cell, place))
            self._size += len(cell)
            if self._size >= _TOGETHER:
                self._search()

    def _search(self) -> None:
        data = _BETWEEN.join(cell for cell, _ in self._waiting)
        begins = list(accumulate((len(cell) + len(_BETWEEN) for cell, _ in self._waiting), initial=0))
        for found in self._needles.search(data):
            at = bisect_right(begins, found.start) - 1
            offset = found.start - begins[at]
            self._hit(found, self._waiting[at][1], offset=offset)
        for at in sorted({bisect_right(begins, start) - 1 for start, _ in starts(data)}):
            self._members(*self._waiting[at])
        self._waiting, self._size = [], 0

    def _members(self, cell: bytes, place: dict[str, Any]) -> None:
        """What is compressed in a cell."""

        def sink(offset: int, found: Found, around: tuple[tuple[str, int], ...]) -> None:
            if around:  # what stands in the cell as it is was told before
                self._hit(found, place, offset=offset, inside=tuple(f"{kind} at {at}" for kind, at in around))

        stream = Stream(self._needles, sink, self._limits)
        stream.feed(cell)
        stream.finish()

    def _hit(self, found: Found, place: dict[str, Any], **more: Any) -> None:
        self._report.hit(self._needles.values, self._shown, found.value, found.form.name, **place, **more)


def _whole(cell: Any, needles: Needles) -> Iterator[tuple[int, str]]:
    """Short forms that ``cell``, or a value packed in it, is the whole of. ``value`` is an index."""
    yield from _short(cell, needles)
    if isinstance(cell, bytes) and len(cell) > 1:
        for packed in _unpacked(cell, _DEPTH):
            for value, name in _short(packed, needles):
                yield value, f"{name}, packed"


def _short(value: Any, needles: Needles) -> Iterator[tuple[int, str]]:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if isinstance(value, int) and not isinstance(value, bool):
        found = needles.numbers.get(value)
    elif isinstance(value, bytes) and len(value) <= _WHOLE:
        found = needles.whole.get(value) or needles.folded.get(value.lower())
    else:
        return
    if found is not None:
        yield found


def _unpacked(data: bytes, depth: int) -> Iterator[Any]:
    """Every value in msgpack or JSON, also within values, and in what is compressed."""
    plain = inflated(data, _INFLATED)
    if plain is not None:
        yield plain
        data = plain
    with suppress(msgspec.DecodeError, ValueError, RecursionError):
        decode = msgspec.json.decode if data[:1] in b"[{" else msgspec.msgpack.decode
        yield from _leaves(decode(data), depth)


def _leaves(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(key, depth)
            yield from _leaves(each, depth)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each, depth)
    elif isinstance(value, msgspec.msgpack.Ext):
        yield from _leaves(value.data, depth)
    else:
        yield value
        if isinstance(value, bytes) and len(value) > 1 and depth:
            yield from _unpacked(value, depth - 1)
