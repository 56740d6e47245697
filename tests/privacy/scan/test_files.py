"""Files, their names, and databases: in the log, in pages of deleted rows, in pieces, and packed in columns."""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.privacy.scan.files import scan, size
from sentinel.privacy.scan.report import Report
from sentinel.privacy.scan.search import Needles

MAIL = "person-7@example.org"
PACKED = bytes((192, 0, 2, 71))
NUMBER = int.from_bytes(PACKED, "big")
NEEDLES = Needles([MAIL, "192.0.2.71", "2001:db8::7:1:5", "Anna"])


def look(*paths: Path) -> Report:
    return scan(paths, NEEDLES)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "some.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY, a, b)")
        database.execute("CREATE TABLE 'odd \"name' (k TEXT PRIMARY KEY, v) WITHOUT ROWID")
        yield database


def test_all_files_below_are_looked_through_and_counted(tmp_path: Path) -> None:
    (tmp_path / "logs" / "old").mkdir(parents=True)
    (tmp_path / "logs" / "old" / "a.log").write_text(f"login of {MAIL.upper()}\n")
    (tmp_path / "b.log").write_text("nothing\n")
    report = look(tmp_path)
    assert (report.files, report.bytes, report.found) == (2, size([tmp_path]), 1)
    assert str(report.hits[0]) == f"{tmp_path}/logs/old/a.log: at byte 9: value 1 (pe…) as text"
    assert not report.clean
    assert look(tmp_path / "b.log").clean


def test_a_hit_never_repeats_the_value(tmp_path: Path) -> None:
    (tmp_path / f"{MAIL}.log").write_text(f"{MAIL} from 192.0.2.71, Anna")
    report = look(tmp_path)
    told = msgspec.json.encode(report).decode() + "".join(map(str, [*report.hits, *report.problems]))
    assert {hit.value for hit in report.hits} == {1, 2}
    assert "a name that holds a value" in told
    assert not any(value in told for value in (MAIL, "person", "192.0.2", "Ann"))


def test_what_cannot_be_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good").write_bytes(b"good")
    (tmp_path / "bad").write_bytes(b"bad")
    opened = Path.open

    def refuse(path: Path, *more: Any, **options: Any) -> Any:
        if path.name == "bad":
            raise PermissionError(13, "Permission denied")
        return opened(path, *more, **options)

    monkeypatch.setattr(Path, "open", refuse)
    report = look(tmp_path, tmp_path / "missing")
    assert [str(problem) for problem in report.problems] == [
        f"{tmp_path}/bad: not looked through: Permission denied",
        f"{tmp_path}/missing: not looked through: there is no such file or folder",
    ]
    assert report.files == 1
    assert not report.clean


def test_links_are_followed_once_and_pipes_left_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (tmp_path / "elsewhere").mkdir()
    state.mkdir()
    (tmp_path / "elsewhere" / "a.log").write_text(MAIL)
    (state / "logs").symlink_to(tmp_path / "elsewhere")
    (state / "again").symlink_to(state)
    os.mkfifo(state / "pipe")
    assert look(state, state).found == 1


def test_a_log_that_was_not_copied_is_looked_through(tmp_path: Path, database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO seen (a) VALUES (?)", (f"by {MAIL}",))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("-shm")}
    report = look(tmp_path)
    assert {Path(hit.file).name for hit in report.hits} == {"some.db-wal", "some.db"}
    assert [(hit.table, hit.column, hit.row, hit.offset) for hit in report.hits if hit.table] == [("seen", "a", 1, 3)]
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("-shm")}


@pytest.mark.parametrize("ends", [("", "-wal"), ("", "-shm", "-wal")])
def test_a_database_with_a_log_that_nobody_has_open_is_not_changed(
    tmp_path: Path, database: sqlite3.Connection, ends: tuple[str, ...]
) -> None:
    database.execute("INSERT INTO seen (a) VALUES (?)", (PACKED,))
    backup = tmp_path / "backup"
    backup.mkdir()
    for end in ends:
        (backup / f"some.db{end}").write_bytes((tmp_path / f"some.db{end}").read_bytes())
    report = look(backup)
    assert [(hit.table, hit.form) for hit in report.hits] == [("seen", "packed")]
    assert sorted(path.name for path in backup.iterdir()) == [f"some.db{end}" for end in ends]
    for end in ("", "-wal"):
        assert (backup / f"some.db{end}").read_bytes() == (tmp_path / f"some.db{end}").read_bytes()


def test_deleted_rows_that_were_not_overwritten_are_found(tmp_path: Path, database: sqlite3.Connection) -> None:
    database.execute("PRAGMA secure_delete = OFF")
    database.execute("INSERT INTO seen (a) VALUES (?)", (MAIL,))
    database.execute("DELETE FROM seen")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    report = look(tmp_path)
    assert [(Path(hit.file).name, hit.table, hit.value) for hit in report.hits] == [("some.db", "", 1)]


def test_what_the_file_keeps_in_pieces_is_found_in_its_column(tmp_path: Path, database: sqlite3.Connection) -> None:
    for before in range(0, 5000, 10):
        database.execute("INSERT INTO seen (a) VALUES (?)", (" " * before + MAIL + " " * 3000,))
    report = look(tmp_path / "some.db")
    assert {hit.row for hit in report.hits if hit.table} == {*range(1, 51)}
    assert report.found >= 500  # fifty are told
    assert len(report.hits) == 50


SHORT = (
    (PACKED, "packed"),
    (PACKED[::-1], "packed, little-endian"),
    (NUMBER, "integer"),
    (NUMBER - (1 << 32), "integer"),
    (float(NUMBER), "integer"),
    (str(NUMBER), "decimal integer"),
    ("C0000247", "hexadecimal of packed"),
    ("wAACRw==", "base64 of packed"),
    ("wAACRw", "base64 of packed"),
    ("ANNA", "text"),
    (msgspec.msgpack.encode({"at": 5, "from": [1, PACKED]}), "packed, packed"),
    (msgspec.msgpack.encode([True, {NUMBER: None}]), "integer, packed"),
    (msgspec.msgpack.encode(msgspec.msgpack.encode({"a": msgspec.msgpack.encode(["anna"])})), "text, packed"),
    (msgspec.msgpack.encode(msgspec.msgpack.Ext(7, PACKED)), "packed, packed"),
    (msgspec.json.encode({"ip": NUMBER}).decode(), "integer, packed"),
    (zlib.compress(msgspec.msgpack.encode([NUMBER])), "integer, packed"),
    (zlib.compress(b"padding " * 9 + MAIL.encode()), "text"),
    (bytes.fromhex("20010db8000000000000000700010005"), "packed"),
)


@pytest.mark.parametrize(("value", "form"), SHORT)
@pytest.mark.parametrize("table", ["seen (b)", "'odd \"name' (k, v)"])
def test_short_forms_are_found_in_columns(
    tmp_path: Path, database: sqlite3.Connection, value: Any, form: str, table: str
) -> None:
    values = "(?1)" if "seen" in table else "('key', ?1)"
    database.execute(f"INSERT INTO {table} VALUES {values}", (value,))
    report = look(tmp_path / "some.db")
    assert form in {hit.form for hit in report.hits if hit.column in ("b", "v") and hit.row == 1}
    assert (report.databases, report.tables, report.rows) == (1, 3, 3)  # two rows are the schema's


@pytest.mark.parametrize(
    "value", [b"x" + PACKED, NUMBER + 1, f"{NUMBER}0", "Annabel", msgspec.msgpack.encode([NUMBER + 1])]
)
def test_other_values_are_not(tmp_path: Path, database: sqlite3.Connection, value: Any) -> None:
    database.execute("INSERT INTO seen (b) VALUES (?)", (value,))
    assert look(tmp_path).clean


def test_a_database_that_is_damaged_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    assert "its tables cannot be read (SQLITE_" in str(look(tmp_path).problems[0])
