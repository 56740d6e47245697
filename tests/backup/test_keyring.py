"""Backups of the keyring: enough for a new machine, unreadable after 30 days; with none comes back what was erased."""

import shutil
import sqlite3
from base64 import b64encode
from contextlib import closing
from pathlib import Path

import pytest

from sentinel.backup.keys import BackupKeys
from sentinel.backup.making import PIECE, SEALED_COPY
from sentinel.backup.manifest import MANIFEST_NAME
from sentinel.daemon.backups import expire_backups, opened_ledger
from sentinel.daemon.restore import Restored, restore_data, restore_keyring
from sentinel.daemon.state import open_vault
from sentinel.errors import FileError
from sentinel.events.clock import DAY, MINUTE, utc_day
from sentinel.privacy.keys import Secret, load_master_key
from tests.backup.installation import NOW, Installation, each_kill


def restore(inst: Installation, backup: Path, now: int = NOW) -> Restored:
    return restore_keyring(inst.config, backup, now=now, actor="ops")


def keys_of(inst: Installation) -> BackupKeys:
    return BackupKeys(inst.config.backup_keys, load_master_key(inst.state, make=False))


def held(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_lost_machine_is_there_again(inst: Installation, tmp_path: Path) -> None:
    inst.erase("cleo")
    inst.back_up("keyring", now=NOW - DAY)
    keyring, data, before = inst.back_up("keyring"), inst.back_up(), inst.tables()
    lost = Installation(tmp_path / "new")
    for name in ("sentinel.key", "backup.keys"):
        shutil.copy(inst.state / name, lost.state)
    shutil.rmtree(inst.state)
    with pytest.raises(FileError, match="restore the keyring first"):
        restore_data(lost.config, data, now=NOW, actor="ops")
    assert restore(lost, keyring).erasures == 1
    assert not (lost.state / "audit.db").exists()
    restored = restore_data(lost.config, data, now=NOW, actor="ops")
    assert (restored.audit_restored, restored.erasures) == (True, 1)
    assert lost.tables() == before
    assert lost.read_everything() == ["ada", "ben"]


def test_what_the_keyring_is_backed_up_under_opens_nothing_else(inst: Installation) -> None:
    first, second = inst.back_up("keyring"), inst.back_up("keyring", now=NOW + MINUTE)
    keys = keys_of(inst)
    opened = [keys.get(path.name) for path in (first, second)]
    assert opened[0] is not None
    assert opened[1] is not None
    assert opened[0].derive("x") != opened[1].derive("x")
    (second / SEALED_COPY).write_bytes((first / SEALED_COPY).read_bytes())
    with pytest.raises(FileError, match="damaged"):
        restore(inst, second)
    secret = (inst.state / "sentinel.key").read_bytes()
    assert secret not in held(inst.backups)
    assert opened[0]._secret not in held(inst.folder)
    stranger = BackupKeys(inst.config.backup_keys, Secret(b"s" * 32))
    with pytest.raises(FileError, match="not the one that opens these keys"):
        stranger.get(first.name)
    with pytest.raises(FileError, match="not the one that opens these keys"):
        stranger.make("other", NOW)


def test_after_30_days_nobody_opens_it(inst: Installation) -> None:
    old = inst.back_up("keyring", now=NOW - 30 * DAY)
    young = inst.back_up("keyring", now=NOW - 30 * DAY + MINUTE)
    copy = inst.folder / "copy"
    shutil.copytree(old, copy)
    sealed = {key.name: key.sealed for key in keys_of(inst)._read().keys}
    with inst.config.backup_keys.open("rb") as before:
        assert expire_backups(inst.config, NOW) == (1, 1)
        assert set(before.read()) == {0}  # what the disk still holds of the old file
    assert not old.exists()
    # With the clock set back, too: the key is gone.
    for now in (NOW, NOW - 29 * DAY):
        with pytest.raises(FileError, match="destroyed after 30 days"):
            restore(inst, copy, now)
    assert restore(inst, young).erasures == 0
    assert keys_of(inst).times() == {young.name: NOW - 30 * DAY + MINUTE}
    for at in range(13, 45, 8):
        assert sealed[old.name][at : at + 8] not in held(inst.folder)
    # Also where nobody ran anything for 30 days: the restore itself destroys the key first.
    copy = young.rename(inst.folder / "again")
    with pytest.raises(FileError, match="destroyed after 30 days"):
        restore(inst, copy, NOW + MINUTE)
    assert keys_of(inst).times() == {}


def test_a_kill_while_keys_expire_leaves_nothing_of_them(inst: Installation) -> None:
    inst.back_up("keyring", now=NOW - 30 * DAY)
    young = inst.back_up("keyring")
    (sealed,) = [b64encode(key.sealed) for key in keys_of(inst)._read().keys if key.name != young.name]
    assert sealed in held(inst.state)
    step = 0

    def check() -> None:
        nonlocal step
        step += 1
        assert keys_of(inst).get(young.name) is not None
        expire_backups(inst.config, NOW)
        assert set(keys_of(inst).times()) == {young.name}
        assert sealed not in held(inst.state)
        assert sorted(path.name for path in inst.state.glob("*backup.keys*")) == ["backup.keys", "backup.keys.lock"]

    assert each_kill(inst, lambda: expire_backups(inst.config, NOW), check) > 5


def test_accounts_and_days_that_came_later_are_nobody_s(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    others = {name: inst.rows_of(name) for name in ("ada", "ben", "cleo")}
    inst.write("dora", time=NOW + MINUTE)
    inst.write("ben", time=NOW + DAY)
    ben = inst.rows_of("ben")
    dora = inst.key_of("dora")
    with closing(sqlite3.connect(inst.store, isolation_level=None)) as database:
        (event,) = database.execute("SELECT key FROM event WHERE owner = ?", (dora.row(utc_day(NOW)),)).fetchone()
        asked = [("event", event), ("account", dora.handle), ("account", inst.key_of("ada").handle), ("alert", "a-1")]
        for about, target in asked:
            database.execute(
                "INSERT INTO verdict (tenant, about, target, verdict, time) VALUES ('default', ?, ?, 'legitimate', 1)",
                (about, target),
            )
        database.execute("UPDATE alert SET event = ? WHERE owner IS NULL", (event,))
    restored = restore(inst, backup, NOW + DAY)
    assert restored.cleaned is not None
    gone = restored.cleaned.unreachable
    assert (gone.events, gone.profiles, gone.attributes, gone.windows, gone.alerts, gone.mails) == (2, 1, 1, 1, 1, 1)
    assert gone.total == 9
    with closing(sqlite3.connect(inst.store)) as database:
        targets = [row[0] for row in database.execute("SELECT target FROM verdict ORDER BY id")]
        assert database.execute("SELECT event FROM alert WHERE owner IS NULL").fetchone() == ("",)
    assert targets == ["", "", inst.key_of("ada").handle, "a-1"]
    for name in ("ada", "cleo"):
        assert inst.rows_of(name) == others[name]
    assert [row for row in ben["event"] if row not in inst.rows_of("ben")["event"]] == [
        row for row in ben["event"] if row not in others["ben"]["event"]
    ]
    assert len(inst.tables()["profile"]) == 4  # one of them is the campaigns', which are nobody's
    assert inst.read_everything() == ["ada", "ben", "cleo"]
    assert len(inst.tables()["campaign_event"]) == 3


def test_numbers_of_lost_accounts_lead_to_nobody_else(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    inst.write("dora", time=NOW + MINUTE)
    inst.write("ada", time=NOW + DAY)
    data = inst.back_up(now=NOW + DAY)
    restore(inst, backup, NOW + DAY)
    inst.write("eve", time=NOW + MINUTE)
    inst.write("ada", time=NOW + DAY)  # under another key of that day
    assert inst.read_everything() == ["ada", "ada", "ben", "cleo", "eve"]
    restored = restore_data(inst.config, data, now=NOW + DAY, actor="ops")
    assert restored.cleaned is not None
    assert restored.cleaned.unreachable.events == 2
    assert inst.read_everything() == ["ada", "ben", "cleo"]
    vault = open_vault(inst.config)
    eve = vault.find(vault.pseudonym("account", "default", "eve"))
    assert eve is not None
    assert eve.number > 2**32
    vault.close()


def test_what_was_erased_since_stays_erased(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    inst.erase("cleo")
    before = inst.tables()
    with (inst.state / "keyring.db").open("rb") as there:
        restored = restore(inst, backup)
        assert set(there.read()) == {0}
    assert (restored.erasures, restored.destroyed, inst.accounts()) == (1, 1, 2)
    assert inst.tables() == before
    assert inst.read_everything() == ["ada", "ben"]


def test_ledgers_are_united(inst: Installation) -> None:
    inst.erase("cleo", rows=False)
    backup = inst.back_up("keyring")
    (inst.state / "erasures.db").unlink()
    inst.erase("ben")
    restored = restore(inst, backup)
    assert (restored.erasures, restored.destroyed) == (2, 1)
    assert inst.read_everything() == ["ada"]
    vault = open_vault(inst.config)
    with opened_ledger(inst.config, vault) as ledger:
        assert ledger is not None
        assert [each.done for each in ledger.entries()].count(0) == len(ledger.unfinished()) == 1
    vault.close()


def test_days_that_are_due_are_destroyed_again(inst: Installation) -> None:
    inst.write("ada", time=NOW - 365 * DAY)
    inst.write("ada", time=NOW - 364 * DAY)
    backup = inst.back_up("keyring")
    restore(inst, backup)
    vault = open_vault(inst.config)
    assert sorted(vault.days) == [utc_day(NOW - 364 * DAY), utc_day(NOW)]
    vault.close()
    assert inst.read_everything() == ["ada", "ada", "ben", "cleo"]


def test_another_installation_s_is_refused(inst: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")
    shutil.copy(inst.state / "sentinel.key", other.state)
    other.write("eve")
    backup = other.back_up("keyring")
    with pytest.raises(FileError, match="destroyed after 30 days, or"):
        restore(inst, backup)
    shutil.copy(other.state / "backup.keys", inst.state)
    with pytest.raises(FileError, match="of another installation than the one in place"):
        restore(inst, backup)
    assert inst.read_everything() == ["ada", "ben", "cleo"]
    (inst.state / "keyring.db").rename(tmp_path / "kept.db")
    with pytest.raises(FileError, match="of another installation than this store"):
        restore(inst, backup)
    (tmp_path / "kept.db").rename(inst.state / "keyring.db")
    assert inst.read_everything() == ["ada", "ben", "cleo"]
    for kind, work in (("keyring", restore_data), ("data", restore_keyring)):
        with pytest.raises(FileError, match=f"this is a backup of the {kind}"):
            work(other.config, other.back_up(kind), now=NOW, actor="ops")


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_no_piece_can_be_left_out(inst: Installation, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr("sentinel.backup.making.PIECE", 16 * 1024)
    monkeypatch.setattr("sentinel.backup.restoring.PIECE", 16 * 1024)
    backup = inst.back_up("keyring")
    size = 16 * 1024 + 29
    content = (backup / SEALED_COPY).read_bytes()
    assert len(content) > 2 * size
    restore(inst, backup)
    (backup / SEALED_COPY).write_bytes([content[:size], content[:-1], content[size : 2 * size] + content[:size]][kept])
    with pytest.raises(FileError, match="damaged"):
        restore(inst, backup)
    assert PIECE == 1024 * 1024


def test_a_manifest_cannot_be_moved_to_another_day(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    text = (backup / MANIFEST_NAME).read_text()
    (backup / MANIFEST_NAME).write_text(text.replace("2027-01-15", "2027-01-16"))
    with pytest.raises(FileError, match="the manifest was changed"):
        restore(inst, backup)
    with closing(sqlite3.connect(inst.store)) as database:
        assert database.execute("PRAGMA quick_check").fetchone() == ("ok",)


def test_the_store_of_a_lost_keyring_is_not_served(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    for path in inst.state.glob("keyring.db*"):
        path.unlink()
    with pytest.raises(FileError, match="the keyring is missing"):
        open_vault(inst.config, writes=True)
    before = inst.tables()
    restore(inst, backup)
    assert inst.tables() == before
    inst.config.backup_keys.write_bytes(b"{")
    with pytest.raises(FileError, match="the file is damaged"):
        inst.back_up("keyring")
    with pytest.raises(FileError, match="the file is damaged"):
        restore(inst, backup)
