"""What is in the clear of a row, and stays, is bound into what is sealed: changed, or moved to another, it does not
open."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sentinel.errors import StoreError
from sentinel.events.clock import DAY
from sentinel.store.protocol import Changes
from sentinel.store.sqlite.store import SqliteStore
from tests.store.contract import FAILURES, everything, recall, record
from tests.store.named import NamedVault


async def opened(path: Path) -> SqliteStore:
    """The store, with an event, an alert and a track in it, and two questions."""
    store = SqliteStore(path, NamedVault())
    await store.commit(everything())
    await store.commit(Changes(records=[record("event-2")]))
    for question in (b"one", b"two"):
        await store.ask(question, now=1)
    return store


def change(path: Path, statement: str) -> None:
    """What a thief who can write would do."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute(statement).rowcount
        database.commit()


@pytest.mark.parametrize("column", ["tenant", "type"])
async def test_an_event_of_another_tenant_or_type_does_not_open(tmp_path: Path, column: str) -> None:
    store = await opened(tmp_path / "store.db")
    assert await store.record("event-2") is not None
    change(tmp_path / "store.db", f"UPDATE event SET {column} = 'other' WHERE key = 'event-2'")
    with pytest.raises(StoreError, match="does not open"):
        await store.record("event-2")
    await store.close()


@pytest.mark.parametrize("column", ["tenant", "kind"])
async def test_an_alert_of_another_tenant_or_kind_does_not_open(tmp_path: Path, column: str) -> None:
    store = await opened(tmp_path / "store.db")
    change(tmp_path / "store.db", f"UPDATE alert SET {column} = 'other'")
    with pytest.raises(StoreError, match="does not open"):
        await store.alerts("other" if column == "tenant" else "default")
    await store.close()


@pytest.mark.parametrize("later", [1, DAY])
async def test_entries_of_a_track_expire_when_they_were_to(tmp_path: Path, later: int) -> None:
    store = await opened(tmp_path / "store.db")
    change(tmp_path / "store.db", f"UPDATE track SET expires = expires + {later}")
    again = SqliteStore(tmp_path / "store.db", store.vault)  # it has nothing cached
    with pytest.raises(StoreError, match="does not open"):
        await recall(again, tracks=(FAILURES,))
    await again.close()
    await store.close()


async def test_a_question_is_asked_and_answered_once(tmp_path: Path) -> None:
    store = await opened(tmp_path / "store.db")
    (first, _), (second, _) = await store.questions()
    await store.reply(first, b"done", now=2)
    change(tmp_path / "store.db", f"UPDATE asked SET done = 2, answer = (SELECT answer FROM asked WHERE id = {first})")
    assert await store.answer(first) == b"done"
    with pytest.raises(StoreError, match="does not open"):
        await store.answer(second)
    change(tmp_path / "store.db", "UPDATE asked SET done = 0, question = (SELECT question FROM asked WHERE id = 2)")
    with pytest.raises(StoreError, match="does not open"):
        await store.questions()
    await store.close()


async def test_the_log_is_begun_anew_before_it_is_cut_off(tmp_path: Path) -> None:
    """Both in one would keep commits waiting for the disk and for the file's pages together."""
    store = await opened(tmp_path / "store.db")
    asked: list[str] = []
    for database in (store._write_db, store._copy_db):
        database.set_trace_callback(asked.append)
    assert await store.scrub()
    modes = [statement.split("(")[1].rstrip(")") for statement in asked if "checkpoint" in statement]
    assert modes == ["PASSIVE", "RESTART", "TRUNCATE"]
    assert (tmp_path / "store.db-wal").stat().st_size == 0
    await store.close()
