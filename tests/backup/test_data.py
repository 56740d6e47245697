"""Backups of the data: consistent beside a writer, without keys, restored to what was there, less the erased."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sentinel.backup.manifest import MANIFEST_NAME
from sentinel.daemon.backups import expire_backups
from sentinel.daemon.lock import state_lock
from sentinel.daemon.restore import restore_data
from sentinel.daemon.state import open_vault
from sentinel.database import connect
from sentinel.errors import FileError, StoreError
from sentinel.events.clock import DAY, MINUTE
from sentinel.privacy.keys import load_master_key
from sentinel.store.sqlite import log
from tests.backup.installation import NOW, Installation, tables


def restore(inst: Installation, backup: Path, now: int = NOW) -> object:
    return restore_data(inst.config, backup, now=now, actor="ops")


def test_what_was_there_is_there_again_byte_for_byte(inst: Installation) -> None:
    before = inst.tables()
    backup = inst.back_up()
    inst.write("ada", "dora", time=NOW + MINUTE)
    assert inst.tables() != before
    inst.back_up()
    restored = restore_data(inst.config, backup, now=NOW, actor="ops")
    assert inst.tables() == before
    assert restored.cleaned is not None
    assert restored.cleaned.unreachable.total == 0
    assert inst.read_everything() == ["ada", "ben", "cleo"]
    assert sorted(path.name for path in inst.state.iterdir() if "restor" in path.name or "gone" in path.name) == []
    assert (inst.store.stat().st_mode & 0o777, backup.stat().st_mode & 0o777) == (0o600, 0o700)


#: Commits as fast as it can: in each, the two tables agree; prints each number that is on disk.
WRITER = """
import sqlite3, sys
from pathlib import Path
from sentinel.database import connect
db = connect(Path(sys.argv[1]))
db.execute("CREATE TABLE one (n INTEGER, filler BLOB)")
db.execute("CREATE TABLE two (n INTEGER, filler BLOB)")
number = 0
while number < 5000:
    number += 1
    db.execute("BEGIN IMMEDIATE")
    for table in ("one", "two"):
        db.execute(f"INSERT INTO {table} VALUES (?, zeroblob(20000))", (number,))
        db.execute(f"UPDATE {table} SET n = n WHERE n % 7 = ?", (number % 7,))
    db.execute("COMMIT")
    print(number, flush=True)
"""


def test_beside_a_writer_it_is_what_was_committed_at_some_moment(inst: Installation) -> None:
    root = str(Path(__file__).parents[2])
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, inst.store],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": root},
    )
    try:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) == 100:
                break
        backup = inst.back_up()
        after = 0
        with closing(sqlite3.connect(inst.store)) as live:
            (after,) = live.execute("SELECT max(n) FROM one").fetchone()
    finally:
        writer.kill()
        writer.communicate()
    with closing(sqlite3.connect(backup / "store.db")) as copy:
        ones = [row[0] for row in copy.execute("SELECT n FROM one ORDER BY n")]
        assert ones == [row[0] for row in copy.execute("SELECT n FROM two ORDER BY n")] == list(range(1, len(ones) + 1))
        assert 100 <= len(ones) < after
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    restore(inst, backup)
    assert tables(inst.store)["event"] == tables(backup / "store.db")["event"]


def test_no_byte_of_any_key_is_in_it(inst: Installation) -> None:
    inst.erase("cleo", rows=False)
    backup = inst.back_up()
    assert sorted(path.name for path in backup.iterdir()) == ["audit.db", "audit.head", MANIFEST_NAME, "store.db"]
    vault = open_vault(inst.config)
    secrets = [load_master_key(inst.state).derive("keyring"), (inst.state / "sentinel.key").read_bytes()]
    secrets += [
        vault.root.derive(name) for name in ("audit", "backup", "ledger", "common", "tracks", "refs", "windows/20000")
    ]
    secrets += [*vault.keyring._kek.keys, vault.root._secret]
    for key in vault.keyring.page(0, 10):
        secrets += [key.secret, key.rows, key.derive("own")]
    for days in vault.days.values():
        secrets += [days.record, days.raw or b"never" * 4]
    vault.close()
    for name in ("keyring.db", "erasures.db"):
        with closing(sqlite3.connect(inst.state / name)) as database:
            for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                for row in database.execute(f"SELECT * FROM {table}"):
                    secrets += [value for value in row if isinstance(value, bytes) and len(value) >= 16]
    assert len(secrets) > 25
    held = b"".join(path.read_bytes() for path in backup.iterdir())
    for secret in secrets:
        for at in range(0, len(secret) - 7, 8):
            for form in (secret[at : at + 8], secret[at : at + 8].hex().encode()):
                assert form not in held


def test_an_erased_account_does_not_come_back(inst: Installation) -> None:
    backup = inst.back_up()
    others = {name: inst.rows_of(name) for name in ("ada", "ben")}
    cleos = inst.rows_of("cleo")
    assert all(cleos.values())
    inst.erase("cleo")
    restored = restore_data(inst.config, backup, now=NOW, actor="ops")
    assert restored.erasures == 1
    assert {name: inst.rows_of(name) for name in others} == others
    held = inst.tables()
    assert not [row for table, rows in cleos.items() for row in rows if row in held[table]]
    assert len(held["campaign_event"]) == 2
    assert inst.read_everything() == ["ada", "ben"]
    found = b"".join(path.read_bytes() for path in inst.state.iterdir() if path.name.startswith("sentinel.db"))
    for row in (*cleos["event"], *cleos["profile"]):
        assert max((value for value in row if isinstance(value, bytes)), key=len) not in found


def test_an_erasure_that_was_cut_off_is_replayed(inst: Installation) -> None:
    backup = inst.back_up()
    inst.erase("cleo", keys=False, rows=False)
    restored = restore_data(inst.config, backup, now=NOW, actor="ops")
    assert (restored.destroyed, inst.accounts()) == (1, 2)
    assert restored.cleaned is not None
    assert (restored.cleaned.erased, restored.cleaned.unreachable.total) == (9, 0)  # two of them links in a mail
    assert inst.read_everything() == ["ada", "ben"]


def test_what_was_asked_when_it_was_made_is_not_done_again(inst: Installation) -> None:
    with closing(sqlite3.connect(inst.store, isolation_level=None)) as database:
        database.execute("INSERT INTO asked (time, question) VALUES (1, x'00')")
    restore(inst, inst.back_up())
    with closing(sqlite3.connect(inst.store)) as database:
        assert database.execute("SELECT count(*) FROM asked").fetchone() == (0,)


def test_after_30_days_it_is_refused_whatever_it_says(inst: Installation, tmp_path: Path) -> None:
    backup = inst.back_up()
    before = inst.tables()
    restore(inst, backup, NOW + 30 * DAY - 1)
    for late in (NOW + 30 * DAY, NOW + 31 * DAY):
        with pytest.raises(FileError, match="more than 30 days old"):
            restore(inst, backup, late)
    renamed = backup.rename(inst.backups / "data-20990101T000000Z-00000000")
    with pytest.raises(FileError, match="more than 30 days old"):
        restore(inst, renamed, NOW + 31 * DAY)
    manifest = json.loads((renamed / MANIFEST_NAME).read_text())
    for name, value in (("made", "2027-02-14T08:00:00Z"), ("name", renamed.name), ("schema", 1), ("mac", "ü")):
        (renamed / MANIFEST_NAME).write_text(json.dumps(manifest | {name: value}))
        with pytest.raises(FileError, match="the manifest was changed"):
            restore(inst, renamed, NOW)
    assert inst.tables() == before


def test_another_installation_s_is_refused(inst: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")
    other.write("eve")
    before = inst.tables()
    with pytest.raises(FileError, match="another installation"):
        restore(inst, other.back_up())
    assert inst.tables() == before


def test_another_installation_s_store_is_not_backed_up(inst: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")
    other.write("eve")
    other.store.rename(inst.store)
    with pytest.raises(FileError, match="written with another keyring"):
        inst.back_up()
    assert list(inst.backups.iterdir()) == []


@pytest.mark.parametrize("name", ["store.db", "audit.db"])
def test_a_damaged_one_is_refused_and_nothing_changes(inst: Installation, name: str) -> None:
    backup = inst.back_up()
    (inst.state / "audit.db").unlink()
    before = inst.tables()
    content = bytearray((backup / name).read_bytes())
    content[len(content) // 2] ^= 1
    for damage in (bytes(content), bytes(content[:-4096]), None):
        if damage is None:
            (backup / name).unlink()
        else:
            (backup / name).write_bytes(damage)
        with pytest.raises(FileError, match=f"{name}: the file is damaged"):
            restore(inst, backup)
        assert inst.tables() == before
        assert not list(inst.state.glob("*.restoring*"))


def test_a_newer_schema_and_a_wrong_clock_are_refused(inst: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match="clock"):
        restore(inst, inst.back_up(now=NOW + 2 * DAY))
    with closing(sqlite3.connect(inst.store)) as database:
        database.execute("PRAGMA user_version = 999")
    with pytest.raises(FileError, match="upgrade sentinel"):
        restore(inst, inst.back_up())


def test_beside_a_running_daemon_nothing_is_restored(inst: Installation) -> None:
    backup = inst.back_up()
    with state_lock(inst.state, inst.config.store_url), pytest.raises(StoreError, match="stop it first"):
        restore(inst, backup)
    inst.back_up()


def test_of_a_damaged_store_there_is_no_backup(inst: Installation) -> None:
    with closing(sqlite3.connect(inst.store)) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
    with inst.store.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))
    with pytest.raises(StoreError, match="the file is damaged"):
        inst.back_up()
    assert list(inst.backups.iterdir()) == []


@pytest.mark.parametrize("table", ["event", "alert", "mail"])
def test_rows_that_lead_to_somebody_else_are_nobody_s(inst: Installation, table: str) -> None:
    with closing(sqlite3.connect(inst.store, isolation_level=None)) as database:
        numbers = [row[0] for row in database.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
        database.execute(
            f"UPDATE {table} SET ref = (SELECT ref FROM {table} WHERE rowid = ?) WHERE rowid = ?", numbers[:2]
        )
    before = inst.tables()[table]
    restore(inst, inst.back_up())
    assert len(inst.tables()[table]) == len(before) - 1


def test_old_ones_are_pruned_also_renamed_ones(inst: Installation) -> None:
    old, young = inst.back_up(now=NOW - 31 * DAY), inst.back_up(now=NOW - 29 * DAY)
    renamed = inst.back_up(now=NOW - 32 * DAY).rename(inst.backups / "keep-me")
    edited = inst.back_up(now=NOW - 33 * DAY)
    manifest = json.loads((edited / MANIFEST_NAME).read_text())
    (edited / MANIFEST_NAME).write_text(json.dumps(manifest | {"made": "2099-01-01T00:00:00Z"}))
    (inst.backups / "something else").mkdir()
    (inst.backups / "a link").symlink_to(young)
    (inst.backups / ".data-20260101T000000Z-00000000.partial").mkdir()
    assert expire_backups(inst.config, NOW) == (3, 0)
    assert not any(path.exists() for path in (old, renamed, edited))
    assert sorted(path.name for path in inst.backups.iterdir()) == ["a link", young.name, "something else"]
    assert expire_backups(inst.config, NOW + DAY) == (1, 0)


def test_commits_do_not_wait_for_who_reads(inst: Installation) -> None:
    with closing(connect(inst.store)) as reader, closing(connect(inst.store)) as writer:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM event").fetchone()
        writer.execute("UPDATE event SET trusted = 0")
        asked: list[str] = []
        writer.set_trace_callback(asked.append)
        log.restart(writer)
        assert asked == ["PRAGMA busy_timeout = 10", "PRAGMA wal_checkpoint(RESTART)", "PRAGMA busy_timeout = 10000"]
        writer.execute("UPDATE event SET trusted = 1")
