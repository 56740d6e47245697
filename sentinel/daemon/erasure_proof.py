"""What proves an erasure: its entry in the ledger, no key, no rows, and nothing that could be read elsewhere."""

import asyncio
from typing import Final

import msgspec

from sentinel.audit.details import ROW
from sentinel.audit.log import AuditLog
from sentinel.backup.folder import backups
from sentinel.backup.keys import BackupKeys
from sentinel.config import Config
from sentinel.errors import SentinelError
from sentinel.events.clock import DAY, to_text
from sentinel.privacy.account_key import row_of
from sentinel.privacy.ledger import BACKUP_DAYS, LEDGER_NAME, Ledger
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store

_ALL: Final = 1_000_000


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """How an erasure stands. ``None`` is what cannot be looked at any more: row ids are forgotten when no backup that
    could hold such rows may be restored.

    ``rows_left`` are rows of the store that the account's row ids still lead to; ``audit_entries`` are those of the
    audit log, which stay, lead to nobody, and whose details nobody can open. ``backups_before`` are data backups made
    before the erasure, of those in the configured folder; ``keyring_backups_before`` those of keys, wherever they are:
    whoever restores one has the erasure done again.
    """

    receipt: str
    begun: str
    finished: str | None
    key_destroyed: bool | None
    rows_left: int | None
    audit_entries: int | None
    backups_before: int
    keyring_backups_before: int
    backups_until: str

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return self.finished is not None and self.key_destroyed is not False and not self.rows_left


async def prove(config: Config, vault: Vault, store: Store, log: AuditLog, receipt: str) -> Proof:
    """The proof for a receipt. Raises :class:`SentinelError` when the ledger does not know it."""
    path = config.state / LEDGER_NAME
    ledger = Ledger(path, vault.root.derive("ledger"), readonly=True) if path.exists() else None
    try:
        erasure = ledger.get(receipt) if ledger is not None else None
    finally:
        if ledger is not None:
            ledger.close()
    if erasure is None:
        raise SentinelError("no erasure has this receipt; it was given out by another installation, or mistyped")
    destroyed, rows_left, entries = None, None, None
    if erasure.rows:
        destroyed = not vault.keyring.accounts("handle", [erasure.handle])
        rows_left = await store.left_of(erasure.rows)
        entries = len(await asyncio.to_thread(log.show, account=row_of(erasure.rows, ROW), limit=_ALL))
    made: list[tuple[str, str, int]] = [
        (each.kind, each.name, each.time) for _, each in backups(config.backup_directory)
    ]
    # Wherever they are: as long as its key is there, a backup of the keyring can be opened.
    made += [("keyring", name, time) for name, time in BackupKeys(config.backup_keys).times().items()]
    older = {(kind, name) for kind, name, time in made if time < erasure.time}
    return Proof(
        receipt=receipt,
        begun=to_text(erasure.time),
        finished=to_text(erasure.done) if erasure.done else None,
        key_destroyed=destroyed,
        rows_left=rows_left,
        audit_entries=entries,
        backups_before=sum(kind == "data" for kind, _ in older),
        keyring_backups_before=sum(kind == "keyring" for kind, _ in older),
        backups_until=to_text(erasure.time + BACKUP_DAYS * DAY)[:10],
    )
