"""The audit log only grows, whatever is restored."""

import sqlite3
from contextlib import closing

import pytest

from sentinel.audit.log import AuditLog
from sentinel.backup.making import back_up_data
from sentinel.daemon.backups import entry
from sentinel.daemon.restore import restore_data
from sentinel.daemon.state import open_vault
from sentinel.errors import FileError
from tests.backup.installation import NOW, Installation


def audit(inst: Installation) -> AuditLog:
    vault = open_vault(inst.config)
    log = AuditLog(inst.state / "audit.db", vault.root.derive("audit"))
    vault.close()
    return log


def actions(log: AuditLog) -> list[tuple[str, str]]:
    return [(each.action, each.purpose) for each in log.show()]


def test_the_audit_log_is_never_set_back(inst: Installation) -> None:
    backup = inst.back_up()
    inst.back_up(now=NOW + 1)
    restore_data(inst.config, backup, now=NOW, actor="ops")
    with closing(audit(inst)) as log:
        assert [action for action, _ in actions(log)] == ["backup.make", "backup.make", "backup.restore"]
        assert actions(log)[-1][1] == "data of 2027-01-15T08:00:00Z; 0 erasures replayed, 0 rows deleted"
        assert log.verify().fault is None


def test_a_lost_audit_log_comes_back_and_says_what_it_lacks(inst: Installation) -> None:
    backup = inst.back_up()
    inst.back_up(now=NOW + 1)
    for path in inst.state.glob("audit.db*"):
        path.unlink()
    restored = restore_data(inst.config, backup, now=NOW, actor="ops")
    assert restored.audit_restored
    with closing(audit(inst)) as log:
        assert [action for action, _ in actions(log)] == ["backup.make", "audit.repair", "backup.restore"]
        assert "entry 2 is gone" in actions(log)[1][1]
        assert log.verify().fault is None


def test_a_damaged_log_in_a_backup_is_refused_beside_a_live_one(inst: Installation) -> None:
    backup = inst.back_up()
    content = bytearray((backup / "audit.db").read_bytes())
    content[len(content) // 2] ^= 1
    (backup / "audit.db").write_bytes(bytes(content))
    before = inst.tables()
    with pytest.raises(FileError, match=r"audit\.db: the file is damaged"):
        restore_data(inst.config, backup, now=NOW, actor="ops")
    assert inst.tables() == before
    assert not list(inst.state.glob("*.restoring*"))


@pytest.mark.parametrize("there", [True, False], ids=["beside a live log", "where there is none"])
@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE entry SET actor = 'mallory' WHERE seq = 1", "entry 1"),
        ("UPDATE start SET seal = zeroblob(32)", "the mark of where the log begins was changed"),
        ("DROP TABLE start", "the tables are not as sentinel made them"),
    ],
)
def test_a_log_that_was_broken_when_it_was_backed_up_is_told(
    inst: Installation, there: bool, tampering: str, told: str
) -> None:
    inst.back_up()
    with closing(sqlite3.connect(inst.state / "audit.db", isolation_level=None)) as database:
        database.execute(tampering)
    vault = open_vault(inst.config)
    backup = back_up_data(inst.backups, store=inst.store, audit=inst.state / "audit.db", vault=vault, now=NOW + 1)
    vault.close()
    for path in inst.state.glob("audit.*"):
        path.unlink()
    if there:
        audit(inst).append([entry("backup.make", "", now=NOW, actor="ops")])
    restored = restore_data(inst.config, inst.backups / backup.name, now=NOW + 1, actor="ops")
    assert told in restored.audit_fault
    assert not restored.audit_restored
    with closing(audit(inst)) as log:
        assert actions(log)[-1][1].endswith("; the audit log in it is broken")
        assert log.verify().fault is None
    assert not list(inst.state.glob("*.restoring*"))
