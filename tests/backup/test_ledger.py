"""A ledger that was lost, or is older than it was, does not go unnoticed, and nothing is restored over the gap."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from sentinel.daemon.audit import opened_audit
from sentinel.daemon.backups import opened_ledger
from sentinel.daemon.ledger import LedgerState, ledger_trouble, mend_ledger
from sentinel.daemon.restore import restore_data, restore_keyring
from sentinel.daemon.state import open_ledger, open_vault
from sentinel.errors import FileError, StoreError
from sentinel.events.clock import MINUTE
from tests.backup.installation import NOW, Installation
from tests.backup.test_standing import exercise


def trouble(inst: Installation) -> str:
    with closing(open_vault(inst.config)) as vault, opened_ledger(inst.config, vault, readonly=True) as ledger:
        return ledger_trouble(vault.keyring, ledger)


def lose(inst: Installation) -> None:
    for path in inst.state.glob("erasures.db*"):
        path.unlink()


def files(inst: Installation) -> dict[str, bytes]:
    """What the state directory holds, but for what SQLite has beside a database and locks."""
    return {
        path.name: path.read_bytes()
        for path in inst.state.iterdir()
        if path.is_file() and not path.name.endswith(("-shm", "-wal", ".lock"))
    }


def mend(inst: Installation, source: Path | None = None, *, give_up: bool = False) -> LedgerState:
    return mend_ledger(inst.config, source=source, give_up=give_up, now=NOW, actor="ops")


@pytest.mark.parametrize("how", ["lost", "an older copy"])
def test_a_gap_stops_restores_and_is_told(inst: Installation, how: str) -> None:
    exercise(inst, ("erase", "ada", {}))
    data, keyring = inst.back_up(), inst.back_up("keyring")
    shutil.copy(inst.state / "erasures.db", inst.folder / "old.db")
    exercise(inst, ("erase", "ben", {}))
    assert trouble(inst) == ""
    lose(inst)
    if how != "lost":
        shutil.copy(inst.folder / "old.db", inst.state / "erasures.db")
    number = 2 if how == "lost" else 1
    assert f"the erasure ledger lacks {number} entries" in trouble(inst)
    before, whole = inst.tables(), files(inst)
    with pytest.raises(FileError, match=r"erasures.db: the erasure ledger lacks . entries .*Nothing was changed"):
        restore_data(inst.config, data, now=NOW, actor="ops")
    with pytest.raises(FileError, match="the erasure ledger lacks 1 entries"):
        restore_keyring(inst.config, keyring, now=NOW, actor="ops")
    assert inst.tables() == before
    assert files(inst) == whole
    # The gap does not close by erasing others.
    exercise(inst, ("erase", "nobody", {}), ("erase", "nobody-else", {}), ("erase", "cleo", {}))
    assert f"lacks {number} entries" in trouble(inst)


def test_a_gap_is_mended_from_a_backup_of_the_keyring_or_accepted(inst: Installation) -> None:
    exercise(inst, ("erase", "ada", {}))
    keyring = inst.back_up("keyring")
    exercise(inst, ("erase", "ben", {}))
    lose(inst)
    whole = files(inst)
    assert mend(inst) == LedgerState(entries=0, missing=2)
    assert files(inst) == whole
    assert mend(inst, keyring) == LedgerState(entries=1, missing=1, added=1)
    assert mend(inst, keyring) == LedgerState(entries=1, missing=1)
    assert mend(inst, give_up=True) == LedgerState(entries=1, missing=0, given_up=1)
    assert trouble(inst) == ""
    assert restore_keyring(inst.config, keyring, now=NOW, actor="ops").erasures == 1


def test_looking_at_the_ledger_writes_nothing(inst: Installation, tmp_path: Path) -> None:
    fresh = Installation(tmp_path / "fresh")
    assert mend(fresh) == LedgerState(entries=0, missing=0)
    assert files(fresh) == {}
    exercise(inst, ("erase", "ada", {}))
    # An entry that the keyring does not count yet, as a kill between the two leaves it.
    with closing(open_vault(inst.config)) as vault, closing(open_ledger(inst.config, vault)) as ledger:
        ledger.begin("handle", b"r" * 32, NOW)
    whole = files(inst)
    assert mend(inst) == LedgerState(entries=2, missing=0)
    assert files(inst) == whole


def test_one_that_a_kill_left_empty_is_one_that_is_not_there(inst: Installation) -> None:
    (inst.state / "erasures.db").write_bytes(b"")
    assert mend(inst) == LedgerState(entries=0, missing=0)
    assert restore_data(inst.config, inst.back_up(), now=NOW, actor="ops").erasures == 0
    assert restore_keyring(inst.config, inst.back_up("keyring"), now=NOW, actor="ops").erasures == 0


def test_a_mending_that_is_refused_is_not_written_down(inst: Installation, tmp_path: Path) -> None:
    exercise(inst, ("erase", "ada", {}))
    other = Installation(tmp_path / "other")
    other.write("dora")
    foreign = other.back_up("keyring")
    shutil.copy(other.state / "backup.keys", inst.state)
    with pytest.raises(FileError, match="master key is not the one"):
        mend(inst, foreign)
    with closing(open_vault(inst.config)) as vault, opened_audit(inst.config, vault) as audit:
        assert [each for each in audit.log.show(limit=100) if each.action == "ledger.mend"] == []


def test_a_ledger_taken_away_while_it_is_open_takes_no_more(inst: Installation) -> None:
    with closing(open_vault(inst.config, writes=True)) as vault, closing(open_ledger(inst.config, vault)) as ledger:
        lose(inst)
        assert "moved or deleted while in use" in ledger_trouble(vault.keyring, ledger)
        with pytest.raises(StoreError, match="moved or deleted while in use"):
            ledger.begin("handle", b"r" * 32, NOW)


def test_the_count_goes_with_the_keyring_to_a_new_machine(inst: Installation, tmp_path: Path) -> None:
    exercise(inst, ("erase", "ada", {}))
    keyring = inst.back_up("keyring")
    lost = Installation(tmp_path / "new")
    for name in ("sentinel.key", "backup.keys"):
        shutil.copy(inst.state / name, lost.state)
    restore_keyring(lost.config, keyring, now=NOW + MINUTE, actor="ops")
    assert trouble(lost) == ""
    lose(lost)
    assert "lacks 1 entries" in trouble(lost)


def test_without_the_master_key_a_restored_keyring_says_which_file_is_missing(
    inst: Installation, tmp_path: Path
) -> None:
    keyring = inst.back_up("keyring")
    bare = Installation(tmp_path / "new")
    with pytest.raises(FileError, match=r"sentinel\.key: the master key is missing: put it there first") as told:
        restore_keyring(bare.config, keyring, now=NOW, actor="ops")
    assert "there is a keyring" not in str(told.value)


def test_erasing_waits_for_no_disk_on_the_loop(inst: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the ledger waits for the disk, the loop turns."""
    from threading import get_ident

    from sentinel.privacy.ledger import Ledger

    seen = []
    for name in ("begin", "finish_all"):
        work = getattr(Ledger, name)

        def noting(*given: object, work: object = work) -> object:
            seen.append(get_ident())
            return work(*given)  # type: ignore[operator]  # the method

        monkeypatch.setattr(Ledger, name, noting)
    exercise(inst, ("erase", "ada", {}))
    assert len(seen) == 2
    assert get_ident() not in seen
