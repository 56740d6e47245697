"""The audit log only grows, whatever is restored."""

from contextlib import closing

from sentinel.audit.log import AuditLog
from sentinel.daemon.restore import restore_data
from sentinel.daemon.state import open_vault
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
