"""The audit log: written and read back; errors in words."""

import os
import sqlite3
import stat
import tracemalloc
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from sentinel.audit.entry import ACTIONS, Logged
from sentinel.audit.reading import read
from sentinel.errors import FieldError, StoreError
from tests.audit.making import entry, log, tamper, whole

ROOT = Path(__file__).parents[2]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    one = log(tmp_path)
    assert one.verify() == whole(0)
    assert [one.append([entry(0)]), one.append([entry(1), entry(2)])] == [1, 3]
    found = one.show()
    assert [each.seq for each in found] == [1, 2, 3]
    for number, each in enumerate(found):
        assert msgspec.to_builtins(entry(number)).items() <= msgspec.to_builtins(each).items()
    assert one.verify() == log(tmp_path).verify() == whole(3)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("audit.db", "audit.head")] == [0o600, 0o600]


def test_entries_are_found_by_what_they_say_and_in_pages(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(number) for number in range(60)])
    for name, value in (("account", "row-3"), ("action", "account.show"), ("actor", "web-1"), ("tenant", "shop")):
        wanted = [number + 1 for number in range(60) if getattr(entry(number), name) == value]
        assert [each.seq for each in one.show(**{name: value})] == wanted  # type: ignore[arg-type]
    assert [each.seq for each in one.show(since=entry(57).time)] == [58, 59, 60]
    assert [each.seq for each in one.show(limit=2)] == [59, 60]
    assert [each.seq for each in one.show(limit=2, before=59)] == [57, 58]
    assert one.show(account="row-3", actor="nobody") == []


def test_an_entry_is_checked() -> None:
    for field, value in (
        ("purpose", "x" * 201),
        ("purpose", "two\nlines"),
        ("purpose", "\x1b[2J"),
        ("purpose", "\udc80"),
        ("actor", ""),
        ("account", "x" * 201),
        ("tenant", "a\0b"),
        ("time", -1),
        ("time", 2**63),
        ("sealed", bytes(65_537)),
        ("action", "account.dance"),
        ("role", "king"),
    ):
        with pytest.raises(FieldError) as failure:
            entry(0, **{field: value})
        assert failure.value.field == field


def test_every_action_is_explained() -> None:
    text = (ROOT / "docs/audit.md").read_text()
    assert [action for action in ACTIONS if f"| `{action}` |" not in text] == []


def test_entries_written_together_are_written_all_or_none(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(0)])
    with pytest.raises(StoreError):
        one.append([entry(1), entry(2, sealed=["SQLite takes no lists"])])
    assert one.verify() == whole(1)


def test_errors_are_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no audit log; nothing was logged yet, or it was taken away"):
        log(tmp_path, create=False)
    one = log(tmp_path)
    one.append([entry(0)])
    other = log(tmp_path, key=b"x" * 32)
    with pytest.raises(StoreError, match=r"another key \(sentinel\.key\)"):
        other.append([entry(1)])
    with pytest.raises(StoreError, match=r"another key \(sentinel\.key\)"):
        other.verify()
    with pytest.raises(ValueError, match="32 bytes"):
        log(tmp_path, key=b"short")
    assert one.verify() == whole(1)
    one.close()
    other.close()
    (tmp_path / "audit.db").write_bytes(b"nothing that SQLite ever wrote, but long enough to be read" * 100)
    with pytest.raises(StoreError, match="the file is damaged"):
        log(tmp_path)
    (tmp_path / "audit.db").unlink()
    one = log(tmp_path)
    tamper(
        tmp_path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = CAST(x'4352d4ff' AS TEXT) WHERE rowid = 1",
    )
    with pytest.raises(StoreError, match="the file is damaged"):
        log(tmp_path)
    one.close()
    (tmp_path / "audit.db").write_bytes(b"")
    with pytest.raises(StoreError, match="an empty file: it was put in place of the real one"):
        log(tmp_path, create=False).verify()


def test_a_log_taken_away_under_a_writer_takes_no_more(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(0)])
    (tmp_path / "audit.db").rename(tmp_path / "aside.db")
    with pytest.raises(StoreError, match="taken away or replaced while it was open"):
        one.append([entry(1)])


def test_the_log_of_a_newer_sentinel_is_left_alone(tmp_path: Path) -> None:
    log(tmp_path).close()
    tamper(tmp_path, "PRAGMA user_version = 2")
    with pytest.raises(StoreError, match="upgrade sentinel"):
        log(tmp_path)


def test_a_head_that_cannot_be_written_is_told_and_the_entry_stands(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(0)])
    (tmp_path / "audit.head").unlink()
    (tmp_path / "audit.head").mkdir()
    with pytest.raises(StoreError, match=r"audit\.head: cannot be read"):
        one.append([entry(1)])
    (tmp_path / "audit.head").rmdir()
    assert len(one.show()) == 2


def test_nothing_of_a_tampered_entry_speaks_to_the_terminal(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(0)])
    tamper(tmp_path, "UPDATE entry SET purpose = CAST(x'1b5b324aff' AS TEXT)")
    assert one.show()[0].purpose == "\ufffd[2J\ufffd"
    assert one.verify().fault is not None


def test_memory_is_not_that_of_the_log(tmp_path: Path) -> None:
    """Verification reads row by row: a log of 16 MB takes no 2 MB."""
    one = log(tmp_path)
    for begin in range(0, 400, 50):
        one.append([entry(begin + step, sealed=os.urandom(40_000)) for step in range(50)])
    tracemalloc.start()
    try:
        assert one.verify() == whole(400)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("table", ["start", "entry"])
def test_a_table_that_is_gone_is_told_in_words(tmp_path: Path, table: str) -> None:
    log(tmp_path).append([entry(0)])
    tamper(tmp_path, f"DROP TABLE {table}")
    one = log(tmp_path)
    with pytest.raises(StoreError, match=r"tables of the audit log are not as .* audit.head .* verify --repair"):
        one.append([entry(1)])
    assert "tables are not as sentinel made them" in str(one.verify().fault)


def test_who_shows_the_log_keeps_no_writer_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = log(tmp_path)
    one.append([entry(number) for number in range(3)])

    def slowly(database: sqlite3.Connection, asked: dict[str, Any]) -> list[Logged]:
        found = read(database, asked)
        writer = Thread(target=one.append, args=[[entry(9)]])
        writer.start()
        writer.join(10)
        assert not writer.is_alive()
        return found

    monkeypatch.setattr("sentinel.audit.log.read", slowly)
    assert len(one.show()) == 3
    assert one.verify().last == 4
