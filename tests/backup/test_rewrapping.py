"""With a new master key all keys are wrapped anew: who had the old one and an old keyring opens nothing new."""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sentinel.backup.keys import BackupKeys
from sentinel.backup.rotation import rotate_file
from sentinel.daemon.restore import restore_keyring
from sentinel.daemon.state import open_vault
from sentinel.errors import StoreError
from sentinel.events.clock import DAY
from sentinel.privacy import wrapping
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keyring import DayKeys, Keyring
from sentinel.privacy.keys import Secret, load_master_key
from sentinel.privacy.sealer import Sealer
from tests.backup.installation import NOW, Installation


def rotate(inst: Installation) -> None:
    master = load_master_key(inst.state)
    keyring = Keyring(inst.state / "keyring.db", master)
    with closing(keyring):
        rotate_file(inst.state / "sentinel.key", keyring, BackupKeys(inst.config.backup_keys, master), NOW)


def stolen(inst: Installation) -> list[Sealer]:
    """What somebody has who copied keyring and master key at this moment."""
    copy = inst.folder / "stolen"
    shutil.copytree(inst.state, copy, dirs_exist_ok=True)
    with closing(Keyring(copy / "keyring.db", load_master_key(copy))) as keyring:
        return [Sealer(key) for key in keyring._kek.keys]


def opened(inst: Installation, sealers: list[Sealer]) -> list[str]:
    """Which wrapped values of the keyring any of these open."""
    found = []
    with closing(sqlite3.connect(inst.state / "keyring.db")) as database:
        for table, _, column, _, identity in wrapping._WRAPPED:
            for row, sealed in database.execute(f"SELECT {identity}, {column} FROM {table} WHERE {column} IS NOT NULL"):
                for sealer in sealers:
                    with suppress(StoreError):
                        sealer.open(sealed, row)
                        found.append(row)
    return found


def test_what_was_stolen_before_opens_nothing_afterwards(inst: Installation) -> None:
    thief = stolen(inst)
    assert len(opened(inst, thief)) > 4
    rotate(inst)
    inst.write("dora", time=NOW + DAY)
    assert opened(inst, thief) == []
    assert inst.read_everything() == ["ada", "ben", "cleo", "dora"]
    # Nothing that it opens is left between the rows either.
    with closing(Keyring(inst.folder / "stolen" / "keyring.db", load_master_key(inst.folder / "stolen"))) as old:
        wrapped = [row[0] for row in old._db.execute("SELECT key FROM account UNION ALL SELECT record FROM day")]
    held = b"".join(path.read_bytes() for path in inst.state.glob("keyring.db*"))
    assert not [value for value in wrapped if value in held]


def test_who_runs_on_learns_of_it(inst: Installation) -> None:
    writer, reader = open_vault(inst.config, writes=True), open_vault(inst.config)
    thief = stolen(inst)
    with closing(writer), closing(reader):
        lookups = [writer.pseudonym("account", "default", name) for name in ("ada", "ben")]
        assert reader.find(lookups[0]) is not None
        rotate(inst)
        # A value that is wrapped anew, one that is not in memory, and a new one.
        assert reader.keyring.value("root") is not None
        found = [vault.find(lookups[1]) for vault in (reader, writer)]
        assert found[0] is not None
        assert found[1] is not None
        assert found[0].handle == found[1].handle
        key = writer.admit(["lookup-of-dora"])["lookup-of-dora"]
        writer.keyring.write([key], {20_000: DayKeys(b"r" * 32, b"k" * 32)})
        assert opened(inst, thief) == []
        again = reader.find("lookup-of-dora")
        assert again is not None
        assert again.handle == key.handle
        assert reader.days[20_000].record == b"k" * 32
        # And once more.
        rotate(inst)
        assert reader.keyring.count() == writer.keyring.count() == 4
        assert len(writer.keyring.page(0, 10)) == 4
    assert inst.read_everything() == ["ada", "ben", "cleo"]


def test_cut_off_anywhere_everything_opens_and_the_next_one_ends_it(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapping, "PAGE", 1)
    thief, changing, learn = stolen(inst), Keyring._changing, wrapping.Wrapping.learn
    step = 0

    class CutError(Exception):
        pass

    while True:
        left = step

        def cut(keyring: wrapping.Wrapping, db: sqlite3.Connection) -> bool:
            nonlocal left
            left -= 1
            if not left:
                raise CutError
            return learn(keyring, db)

        step += 1
        master = load_master_key(inst.state)
        with monkeypatch.context() as patched, closing(Keyring(inst.state / "keyring.db", master)) as keyring:
            patched.setattr(wrapping.Wrapping, "learn", cut)
            try:
                rotate_file(inst.state / "sentinel.key", keyring, BackupKeys(inst.config.backup_keys, master), NOW)
            except CutError:
                ended = False
            else:
                ended = True
        assert inst.read_everything() == ["ada", "ben", "cleo"]
        assert inst.accounts() == 3
        if ended and left > 0:
            break
    assert step > 12
    assert changing is Keyring._changing
    with closing(open_vault(inst.config, writes=True)) as vault:
        assert len(vault.keyring._kek.keys) == 1
        assert not vault.keyring.rewrapping
    assert opened(inst, thief) == []


def test_who_cannot_read_the_new_key_writes_nothing_that_would_be_lost(inst: Installation) -> None:
    """A daemon that runs with the old credential, which nobody restarted."""
    with closing(Keyring(inst.state / "keyring.db", load_master_key(inst.state))) as stale:
        rotate(inst)
        with pytest.raises(StoreError, match="restart this sentinel with the new key"):
            stale.put_value("anything", b"value")
        with pytest.raises(StoreError, match="restart this sentinel with the new key"):
            stale.write([AccountKey(99, "lookup", b"k" * 32)], {})
    assert inst.accounts() == 3


def test_backup_keys_and_restored_keyrings_are_wrapped_anew(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    thief, old_keys = stolen(inst), (inst.state / "sentinel.key").read_bytes()
    copy = BackupKeys(inst.folder / "stolen" / "backup.keys", Secret(old_keys))
    wrapping_of_old = Sealer(copy._wrapping(copy._read()))
    rotate(inst)
    keys = BackupKeys(inst.config.backup_keys, load_master_key(inst.state))
    assert keys.get(backup.name) is not None
    (key,) = keys._read().keys
    with pytest.raises(StoreError):
        wrapping_of_old.open(key.sealed, f"{key.name}/{key.time}")
    restore_keyring(inst.config, backup, now=NOW, actor="ops")
    assert opened(inst, thief) == []
    assert inst.read_everything() == ["ada", "ben", "cleo"]


def test_a_backup_of_the_keyring_made_beside_it_opens(inst: Installation, tmp_path: Path) -> None:
    """The copy has keys wrapped under two keys, and under one that the process had not learned of."""
    with closing(open_vault(inst.config)) as vault:
        rotate(inst)
        secret = Secret(b"s" * 32)
        packed = vault.keyring.packed_for(secret)
    (tmp_path / "copy.db").write_bytes(packed)
    with closing(Keyring(tmp_path / "copy.db", secret)) as copy:
        assert len(copy.page(0, 10)) == 3
        assert copy.days()


def test_who_reads_an_older_state_of_the_file_does_not_bring_the_old_key_back(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread walks through accounts, in a state from before, while another one writes."""
    monkeypatch.setattr(Keyring, "_scrub", lambda keyring: None)  # it would wait for that one
    with closing(open_vault(inst.config, writes=True)) as vault:
        keyring = vault.keyring
        reader = keyring._reader
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM account").fetchone() == (3,)
        rotate(inst)
        keyring.put_value("anything", b"value")
        newest = keyring._kek.keys[0]
        assert not keyring._kek.learn(reader)
        assert keyring._kek.keys == [newest]
        reader.execute("COMMIT")
        assert keyring.value("anything") == b"value"
        assert len(keyring.page(0, 10)) == 3
