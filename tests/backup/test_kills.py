"""A kill at any step of backing up and restoring leaves all that was, or all that is to be."""

from contextlib import closing

import pytest

from sentinel.daemon.restore import restore_data, restore_keyring
from sentinel.daemon.state import open_vault
from sentinel.database import connect
from sentinel.errors import FileError
from sentinel.events.clock import MINUTE
from tests.backup.installation import NOW, Installation, each_kill, killed_at, start


def test_a_kill_at_any_step_leaves_the_old_or_the_new_store_whole(inst: Installation) -> None:
    backup = inst.back_up()
    inst.erase("cleo")
    new = inst.tables()
    inst.write("ada", "dora", time=NOW + MINUTE)
    seen = []

    def check() -> None:
        start(inst)
        assert not list(inst.state.glob("*restor*"))
        seen.append(inst.tables())
        assert inst.read_everything() == (["ada", "ben"] if seen[-1] == new else ["ada", "ada", "ben", "dora"])

    # As a kill of the daemon leaves it: what was committed last is in the log beside the store.
    with closing(connect(inst.store)) as database:
        database.execute("UPDATE event SET trusted = 0")
        old = inst.tables()
        assert inst.store.with_name("sentinel.db-wal").stat().st_size > 4096
        steps = each_kill(inst, lambda: restore_data(inst.config, backup, now=NOW, actor="ops"), check)
    assert steps > 20
    assert {repr(each) for each in seen} == {repr(old), repr(new)}
    assert (seen[0], seen[-1]) == (old, new)


def test_a_kill_while_backing_up_leaves_a_whole_backup_or_none(inst: Installation) -> None:
    def check() -> None:
        for backup in inst.backups.glob("data-*"):
            restore_data(inst.config, backup, now=NOW, actor="ops")
        assert inst.read_everything() == ["ada", "ben", "cleo"]

    assert each_kill(inst, lambda: inst.back_up(), check) > 10
    assert len(list(inst.backups.glob("data-*"))) == 1


def test_a_kill_at_any_step_leaves_old_or_new_keys_with_a_store_that_they_open(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    inst.erase("cleo")
    inst.write("dora", time=NOW + MINUTE)
    seen: list[list[str]] = []

    def check() -> None:
        start(inst)
        seen.append(inst.read_everything())
        assert (inst.accounts(), len(inst.tables()["event"])) == (len(seen[-1]), len(seen[-1]))
        assert not list(inst.state.glob("*.restor*"))
        assert not list(inst.state.glob("*.gone"))

    assert each_kill(inst, lambda: restore_keyring(inst.config, backup, now=NOW, actor="ops"), check) > 30
    assert (seen[0], seen[-1]) == (["ada", "ben", "dora"], ["ada", "ben"])
    assert sorted({len(names) for names in seen}) == [2, 3]


def test_while_a_restore_is_cut_off_nobody_opens_the_keyring(inst: Installation) -> None:
    backup = inst.back_up("keyring")
    step = 1
    while (
        killed_at(step, lambda: restore_keyring(inst.config, backup, now=NOW, actor="ops"))
        and not (inst.state / "restore.json").exists()
    ):
        step += 1
    assert (inst.state / "restore.json").exists()
    with pytest.raises(FileError, match="a restore was cut off"):
        open_vault(inst.config)
    start(inst)
    assert inst.read_everything() == ["ada", "ben", "cleo"]
