"""What only SQLite does: its file, its log, its schema versions, and the ways a disk fails."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from sentinel.database import BUSY_SECONDS, connect, still_there
from sentinel.errors import StoreError
from sentinel.events.clock import DAY, HOUR, MINUTE
from sentinel.events.sighting import Raw
from sentinel.past.commons import PERIOD, CommonRow
from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.store.protocol import Changes, CommonKey, Wanted
from sentinel.store.sqlite import commons, schema, writing
from sentinel.store.sqlite import store as sqlite_store
from sentinel.store.sqlite.cache import Cache
from sentinel.store.sqlite.schema import FIRST_VERSION, MIGRATIONS, migrate, newest
from sentinel.store.sqlite.store import SqliteStore
from tests.store.contract import FAILURES, START, everything, notice, record
from tests.store.named import NamedVault

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder of a user whom file modes bind; the test runs as that user (root may write anywhere)."""
    folder = Path(tempfile.mkdtemp())
    before = os.geteuid()
    if before == 0:
        os.chown(folder, NOBODY, -1)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(before)
        shutil.rmtree(folder)


def pragma(database: sqlite3.Connection, name: str) -> object:
    return database.execute(f"PRAGMA {name}").fetchone()[0]


def test_how_connections_are_set_up(path: Path) -> None:
    for database in (connect(path), connect(path, readonly=True)):
        assert pragma(database, "journal_mode") == "wal"
        assert pragma(database, "synchronous") == 2  # FULL
        assert pragma(database, "secure_delete") == 1
        assert pragma(database, "temp_store") == 2  # memory: no personal data in files of SQLite's own
        database.close()


def test_the_reading_connection_cannot_write(path: Path) -> None:
    database = connect(path, readonly=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.execute("CREATE TABLE t (x)")
    database.close()


def test_a_new_file_gets_the_newest_schema_and_an_old_one_is_brought_forward(path: Path) -> None:
    database = connect(path)
    assert pragma(database, "user_version") == 0
    migrate(database)
    assert pragma(database, "user_version") == newest()
    before = database.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
    migrate(database)
    assert database.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall() == before
    assert not database.in_transaction
    database.close()


async def test_a_store_of_each_version_before_is_brought_forward_with_what_it_holds(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, len(MIGRATIONS)):
        path.unlink(missing_ok=True)
        with monkeypatch.context() as before:
            before.setattr(schema, "MIGRATIONS", MIGRATIONS[:number])
            database = connect(path)
            migrate(database)
            assert pragma(database, "user_version") == newest()
        database.execute("INSERT INTO fired VALUES (7, 'default', 'new_device', 'live', 3)")
        database.execute("INSERT INTO profile (key, sealed) VALUES ('of another key', x'00')")
        database.close()
        with pytest.raises(StoreError, match="start the daemon once"):
            SqliteStore(path, NamedVault(), readonly=True)
        store = SqliteStore(path, NamedVault())
        assert await store.fired(since=0) == {(7, "new_device", "live"): 3}
        assert await store.commons() == {}
        assert await store.newest_drift() == {}
        await store.commit(everything())
        await store.close()
        with closing(sqlite3.connect(path)) as after:
            assert pragma(after, "user_version") == newest()
            assert after.execute("SELECT count(*) FROM profile").fetchone() == (2,)
            tables = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
            forward = after.execute(tables).fetchall()
        new = connect(path.with_name("new.db"))
        migrate(new)
        assert new.execute(tables).fetchall() == forward
        new.close()


def test_a_file_is_still_there_or_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "folder/store.db"
    path.parent.mkdir()
    path.write_bytes(b"")
    inode = path.stat().st_ino
    assert still_there(path, inode)
    assert not still_there(path, inode + 1)
    path.unlink()
    assert not still_there(path, inode)
    # What cannot be looked at is an answer, too, and no error of the system's.
    path.parent.rmdir()
    path.parent.symlink_to(path.parent)
    assert not still_there(path, inode)


async def test_counts_of_everybody_are_looked_through_once_a_day(path: Path) -> None:
    """All of them are read for it: that is not for every minute, nor for the thread that commits wait for."""
    store, looked, written = SqliteStore(path, NamedVault()), [], []
    store._read_db.set_trace_callback(lambda statement: looked.append("FROM common" in statement))
    store._write_db.set_trace_callback(written.append)
    for minute in range(3):
        await store.expire_windows(START + minute * MINUTE)
    once = sum(looked)
    await store.expire_windows(START + DAY)
    assert (once, sum(looked)) == (once, 2 * once)
    assert once > 0
    assert [statement for statement in written if "common" in statement] == []
    await store.close()


def test_a_count_that_came_after_the_look_stays(path: Path) -> None:
    """The writer goes by what is there, not by what the reader found."""
    last = 40
    with closing(connect(path)) as database:
        migrate(database)
        # Counts of four periods, the oldest of which is over; they stand at the period modulo four.
        rows = [CommonRow(3, name, last - 1, (1, 1, 1, 1)) for name in range(3)]
        keys: dict[CommonKey, CommonRow | None] = {("default", row.level, row.name): row for row in rows}
        later: dict[CommonKey, CommonRow | None] = {
            ("default", 3, 1): CommonRow(3, 1, last, (1, 1, 1, 1)),
            ("default", 3, 2): CommonRow(3, 2, last - 1, (1, 7, 1, 1)),
        }
        writing.commit(database, commons.statements(Changes(commons=keys)))
        found = commons.old(database, last * PERIOD * DAY, 10)
        writing.commit(database, commons.statements(Changes(commons=later)))
        assert commons.expire(database, found, last * PERIOD * DAY) == 3
        assert {row.name: row.counts for row in commons.load(database)["default"]} == {
            0: (0, 1, 1, 1), 1: (1, 1, 1, 1), 2: (0, 7, 1, 1),
        }  # fmt: skip


@pytest.mark.parametrize("readonly", [False, True])
def test_a_development_snapshot_is_refused_and_left_alone(path: Path, readonly: bool) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE event (sealed BLOB)")
    database.execute(f"PRAGMA user_version = {FIRST_VERSION - 1}")
    database.close()
    with pytest.raises(StoreError, match=r"development snapshot.*import your history again"):
        SqliteStore(path, NamedVault(), readonly=readonly)
    assert pragma(sqlite3.connect(path), "user_version") == FIRST_VERSION - 1


def test_a_migration_that_fails_leaves_the_older_version_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = connect(path)
    migrate(database)
    broken = (*MIGRATIONS, "CREATE TABLE extra (x); CREATE TABLE event (x)")
    monkeypatch.setattr("sentinel.store.sqlite.schema.MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError, match="event"):
        migrate(database)
    assert pragma(database, "user_version") == newest() - 1
    assert database.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").fetchone() == (0,)
    database.close()


def test_two_processes_that_open_a_new_file_at_once(path: Path) -> None:
    def open_and_migrate(_: int) -> object:
        database = connect(path)
        try:
            migrate(database)
            return pragma(database, "user_version")
        finally:
            database.close()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(open_and_migrate, range(16))) == {newest()}


async def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    await SqliteStore(path, NamedVault()).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    content = path.read_bytes()
    with pytest.raises(StoreError, match=r"version 99.*upgrade sentinel") as failure:
        SqliteStore(path, NamedVault())
    assert not failure.value.retry
    assert path.read_bytes() == content


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"These are notes of mine, not a database. " * 100)
    with pytest.raises(StoreError, match=r"store\.db: the file is damaged.*restore it from a backup") as failure:
        SqliteStore(path, NamedVault())
    assert not failure.value.retry


async def test_a_damaged_page_is_told_as_damage(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    for number in range(20):
        await store.commit(Changes(records=[record(f"e-{number}", sighting=b"s" * 3000)]))
    await store.close()
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 64)

    async def use() -> None:
        store = SqliteStore(path, NamedVault())
        try:
            await store.commit(everything())
        finally:
            await store.close()

    with pytest.raises(StoreError, match="damaged"):
        await use()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be opened.*check that the folder exists"):
        SqliteStore(tmp_path / "missing" / "store.db", NamedVault())


def test_a_folder_that_takes_no_files(unprivileged_folder: Path) -> None:
    unprivileged_folder.chmod(0o500)
    with pytest.raises(StoreError, match=r"cannot be opened.*is ours"):
        SqliteStore(unprivileged_folder / "store.db", NamedVault())
    unprivileged_folder.chmod(0o700)


async def test_a_file_that_may_not_be_written(unprivileged_folder: Path) -> None:
    path = unprivileged_folder / "store.db"
    await SqliteStore(path, NamedVault()).close()
    path.chmod(0o400)
    with pytest.raises(StoreError, match=r"cannot be written.*owner and mode"):
        SqliteStore(path, NamedVault())


async def test_a_full_disk_changes_nothing_and_passes(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    await store.commit(everything())
    pages = pragma(store._write_db, "page_count")
    store._write_db.execute(f"PRAGMA max_page_count = {pages}")
    past = await store.recall(Wanted(profiles={"account-1", "account-2"}, tracks={FAILURES: HOUR}))
    past.profiles["account-2"].trusted_logins = 3
    past.tracks[FAILURES].add(START, (None, None, None), HOUR)
    big = [record(f"big-{number}", sighting=b"s" * 5000) for number in range(50)]
    with pytest.raises(StoreError, match=r"disk is full.*SQLITE_FULL.*nothing was stored") as failure:
        await store.commit(Changes(records=big, profiles=past.profiles, tracks=past.tracks))
    assert failure.value.retry
    store.forget(past)
    assert [entry.key async for entry in store.history()] == ["event-1"]
    again = await store.recall(Wanted(profiles={"account-2"}, tracks={FAILURES: HOUR}))
    assert again.profiles["account-2"] == Profile()
    assert len(again.tracks[FAILURES]) == 2
    store._write_db.execute(f"PRAGMA max_page_count = {1 << 30}")
    await store.commit(Changes(records=big))
    assert len([entry async for entry in store.history()]) == 51
    await store.close()


async def test_a_store_held_by_another_process_says_so(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    store._write_db.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process holds the store") as failure:
        await store.commit(everything())
    assert failure.value.retry
    with pytest.raises(StoreError, match="another process"):
        await store.check()
    other.execute("ROLLBACK")
    await store.commit(everything())
    other.close()
    await store.close()


@pytest.mark.parametrize("moved", ["deleted", "replaced"])
async def test_a_file_that_went_away_under_us_is_noticed(path: Path, moved: str) -> None:
    store = SqliteStore(path, NamedVault())
    await store.check()
    path.rename(path.with_name("elsewhere.db"))
    if moved == "replaced":
        path.touch()
    with pytest.raises(StoreError, match="moved or deleted"):
        await store.check()
    await store.close()


async def test_closing_folds_the_log_into_the_file(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    await store.commit(everything())
    assert path.with_name("store.db-wal").stat().st_size > 0
    await store.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db"]


async def test_what_is_deleted_leaves_no_bytes(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    track = Track()
    track.add(START, ("written-in-clear-for-this-test",), HOUR)
    await store.commit(Changes(tracks={FAILURES: track}))
    assert await store.expire_windows(START + 2 * HOUR) == 1
    await store.close()
    assert b"written-in-clear" not in path.read_bytes()


async def test_errors_hold_no_values(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    await store.commit(Changes(records=[record("private-key-of-a-record")]))
    with pytest.raises(StoreError) as failure:
        await store.commit(Changes(records=[record("private-key-of-a-record")]))
    assert "private" not in str(failure.value)
    assert failure.value.__cause__ is None
    await store.close()


def test_a_cache_is_bounded_by_what_its_values_weigh_now() -> None:
    cache: Cache[str, list[int]] = Cache(10, len)
    lists = {name: [0] * 3 for name in "abc"}
    for name, values in lists.items():
        cache.put(name, values)
    assert cache.get("a") is lists["a"]
    lists["c"].append(0)
    cache.refresh("c", lists["c"])
    assert [cache.get(name) is not None for name in "abc"] == [True, True, True]
    lists["c"].append(0)
    cache.refresh("c", lists["c"])
    assert [cache.get(name) is not None for name in "abc"] == [False, True, True]
    cache.drop("b")
    cache.put("d", [0] * 5)
    assert len(cache) == 2
    cache.refresh("d", [0] * 50)
    assert (len(cache), cache.get("c")) == (1, None)  # one that is too big alone is kept: it is in use


async def test_a_store_in_memory_keeps_nothing() -> None:
    store = SqliteStore(None, NamedVault())
    await store.commit(everything())
    assert await store.record("event-1") is not None
    await store.check()
    await store.close()
    store = SqliteStore(None, NamedVault())
    assert await store.record("event-1") is None
    await store.close()


async def test_the_log_stays_bounded_under_steady_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is always copied but never begun anew would grow until the disk is full."""
    monkeypatch.setattr(sqlite_store, "CHECKPOINT_RECORDS", 10)
    monkeypatch.setattr(sqlite_store, "LOG_PAGES", 50)
    store = SqliteStore(tmp_path / "store.db", NamedVault())
    sizes = []
    for number in range(300):
        batch = [record(f"event-{number}-{row}", sighting=bytes(2000)) for row in range(10)]
        await store.commit(Changes(records=batch))
        sizes.append((tmp_path / "store.db-wal").stat().st_size)
    await store.close()
    # Without it: all 300 batches, some 10 MB.
    assert max(sizes) < 3_000_000


async def test_a_store_can_be_looked_at_beside_its_writer_and_not_changed(path: Path) -> None:
    vault = NamedVault()
    writer = SqliteStore(path, vault)
    await writer.commit(everything())
    reader = SqliteStore(path, vault, readonly=True)
    assert [entry.key async for entry in reader.history()] == ["event-1"]
    await writer.commit(Changes(records=[record("event-2")]))
    assert (await reader.extent()).records == 2
    with pytest.raises(StoreError):
        await reader.commit(Changes(records=[record("event-3")]))
    await reader.close()
    await writer.commit(Changes(records=[record("event-3")]))
    assert (await writer.extent()).records == 3
    await writer.close()


async def test_looking_does_not_bring_an_older_schema_forward(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await SqliteStore(path, NamedVault()).close()
    monkeypatch.setattr("sentinel.store.sqlite.schema.MIGRATIONS", (*MIGRATIONS, "CREATE TABLE later (x)"))
    with pytest.raises(StoreError, match=rf"version {newest() - 1}.*start the daemon"):
        SqliteStore(path, NamedVault(), readonly=True)


async def test_nothing_in_the_clear_tells_a_time_to_the_second(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    past = await store.recall(Wanted(tracks={FAILURES: HOUR}))
    past.tracks[FAILURES].add(START + 1_234_567, ("m",), HOUR)
    await store.commit(Changes(tracks=past.tracks, notices=[notice()]))
    (mail,) = await store.lease(worker="w", now=START + 1_234_567, limit=1, seconds=60)
    await store.settle_mail(mail.id, worker="w", now=START + 2_345_678, state="sent")
    (expires,) = store._read_db.execute("SELECT expires FROM track").fetchone()
    times = store._read_db.execute("SELECT due, first_try, leased_until, done FROM mail").fetchone()
    assert START + 1_234_567 + HOUR <= expires < START + 1_234_567 + 2 * HOUR
    assert expires % HOUR == 0
    assert times == (0, 0, 0, START - START % DAY)
    await store.close()


async def test_what_rows_are_about_does_not_show_in_their_size(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    for number in range(40):
        await store.commit(Changes(records=[record(f"e-{number}", raw=Raw(event="e", user_agent="a" * number))]))
    sizes = store._read_db.execute("SELECT DISTINCT length(raw), length(record) FROM event").fetchall()
    assert len(sizes) == 1
    await store.close()


async def test_the_log_cut_off_holds_nothing(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    await store.commit(Changes(records=[record("e-1")]))
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size > 0
    assert await store.scrub()
    assert log.stat().st_size == 0
    await store.close()


async def test_erasing_waits_for_who_copies_the_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite does not let two copy the log, and does not wait either: the one that comes second fails."""
    store = SqliteStore(path, NamedVault())
    copies, goes_on, together = Event(), Event(), []

    def copying(_: sqlite3.Connection) -> None:
        copies.set()
        assert goes_on.wait(10)
        copies.clear()

    def first(_: sqlite3.Connection) -> tuple[int, int]:
        together.append(copies.is_set())
        return 0, 0

    monkeypatch.setattr(sqlite_store.log, "copy", first)
    copier = asyncio.create_task(store._copy(copying))
    erasing = asyncio.create_task(store.scrub())
    for _ in range(10):  # as long as it takes to come to the log, or to wait for it
        await store._write(lambda _: None)
    goes_on.set()
    await asyncio.gather(copier, erasing)
    assert together == [False]
    await store.close()


async def test_erasing_beside_a_backup_keeps_nobody_waiting_for_long(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    await store.commit(Changes(records=[record("e-1")]))
    with closing(connect(path, readonly=True)) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM event").fetchone()
        await store.commit(Changes(records=[record("e-2")]))
        began = monotonic()
        await store.erase(b"rows" * 8, "nobody")
        assert not await store.scrub()
        assert monotonic() - began < BUSY_SECONDS / 2
    assert await store.scrub()
    await store.close()


async def test_an_answered_question_leaves_no_bytes(path: Path) -> None:
    store = SqliteStore(path, NamedVault())
    id = await store.ask(b"erase u-1", now=START)
    with sqlite3.connect(path) as database:
        (sealed,) = database.execute("SELECT question FROM asked").fetchone()
    database.close()

    def found() -> bool:
        return any(sealed in file.read_bytes() for file in (path, path.with_name("store.db-wal")))

    assert found()
    await store.reply(id, b"done", now=START)
    assert not found()
    await store.close()
