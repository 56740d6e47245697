"""A new master key: at every moment the one in place opens everything, and in the end no other does."""

from pathlib import Path

import pytest

from sentinel.backup.keys import BackupKeys
from sentinel.backup.rotation import add_key, keep_key, last_rotation, rotate_file
from sentinel.daemon.restore import restore_keyring
from sentinel.daemon.state import open_vault
from sentinel.errors import FileError
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret, load_master_key
from tests.backup.installation import NOW, Installation, each_kill, start


@pytest.fixture
def inst(tmp_path: Path) -> Installation:
    one = Installation(tmp_path / "one")
    one.write("ada")
    return one


def rotate(inst: Installation, new: Path | None = None) -> int:
    master = load_master_key(inst.state)
    keyring = Keyring(inst.state / "keyring.db", master)
    try:
        return rotate_file(inst.state / "sentinel.key", keyring, BackupKeys(inst.config.backup_keys, master), NOW, new)
    finally:
        keyring.close()


def test_the_old_key_opens_nothing_any_more(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    old = (inst.state / "sentinel.key").read_bytes()
    running = open_vault(inst.config, writes=True)
    with (inst.state / "sentinel.key").open("rb") as before:
        assert rotate(inst) == 1
        assert before.read() == bytes(32)
    assert (inst.state / "sentinel.key").read_bytes() != old
    assert (inst.state / "sentinel.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileError, match="not the one that opens this keyring"):
        Keyring(inst.state / "keyring.db", Secret(old))
    with pytest.raises(FileError, match="not the one that opens these keys"):
        BackupKeys(inst.config.backup_keys, Secret(old)).get(backup.name)
    assert not [path for path in inst.state.iterdir() if path.is_file() and old in path.read_bytes()]
    # Who runs on goes on, and a keyring backup from before is as good as one from after.
    (key,) = running.admit(["lookup-of-ben"]).values()
    running.keyring.write([key], {})
    running.close()
    assert inst.accounts() == 2
    restore_keyring(inst.config, backup, now=NOW, actor="ops")
    assert inst.read_everything() == ["ada"]
    vault = open_vault(inst.config)
    assert len(vault.keyring.slots()) == 1
    vault.close()


def test_a_kill_at_any_step_leaves_a_key_in_place_that_opens_everything(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    seen = []

    def check() -> None:
        start(inst)
        assert not [*inst.state.glob("*.gone"), *inst.state.glob(".*.draft")]
        vault = open_vault(inst.config)
        seen.append(len(vault.keyring.slots()))
        vault.close()
        assert BackupKeys(inst.config.backup_keys, load_master_key(inst.state)).get(backup.name) is not None
        rotate(inst)
        assert sorted(path.name for path in inst.state.glob("*sentinel.key*")) == ["sentinel.key", "sentinel.key.lock"]
        vault = open_vault(inst.config)
        assert len(vault.keyring.slots()) == 1
        assert last_rotation(vault.keyring) == NOW
        vault.close()

    assert each_kill(inst, lambda: rotate(inst), check) > 10
    assert (seen[0], seen[-1], max(seen)) == (1, 1, 2)


def test_a_credential_is_exchanged_by_the_operator(inst: Installation, tmp_path: Path) -> None:
    backup = inst.back_up("keyring")
    old, new = load_master_key(inst.state), Secret(b"n" * 32)
    path = inst.config.backup_keys
    keyring = Keyring(inst.state / "keyring.db", old)
    add_key(keyring, BackupKeys(path, old), new)
    later = inst.back_up("keyring", now=NOW + 1)
    for master in (old, new):
        Keyring(inst.state / "keyring.db", master).close()
        assert BackupKeys(path, master).get(backup.name) is not None
        assert BackupKeys(path, master).get(later.name) is not None
    with pytest.raises(FileError, match="still the old one"):
        keep_key(keyring, BackupKeys(path, old), old, NOW)
    assert len(keyring.slots()) == 2
    keyring.close()
    keyring = Keyring(inst.state / "keyring.db", new)
    assert last_rotation(keyring) is None
    assert keep_key(keyring, BackupKeys(path, new), new, NOW) == 1
    assert keep_key(keyring, BackupKeys(path, new), new, NOW + 1) == 0
    assert last_rotation(keyring) == NOW
    keyring.close()
    with pytest.raises(FileError, match="not the one that opens these keys"):
        BackupKeys(path, old).get(backup.name)


def test_a_new_key_may_be_given(inst: Installation, tmp_path: Path) -> None:
    given = tmp_path / "new.key"
    given.write_bytes(b"n" * 31)
    given.chmod(0o600)
    with pytest.raises(FileError, match="expected 32 bytes"):
        rotate(inst, given)
    given.write_bytes(b"n" * 32)
    given.chmod(0o644)
    with pytest.raises(FileError, match="others may read the key"):
        rotate(inst, given)
    given.chmod(0o600)
    assert rotate(inst, given) == 1
    assert (inst.state / "sentinel.key").read_bytes() == b"n" * 32
