"""The audit log of an installation: where it is, its key, and the row ids by which accounts stand in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sentinel.audit.details import ROW
from sentinel.audit.log import AuditLog
from sentinel.config import Config
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.vault import Vault

#: Name of the log in the state directory.
AUDIT_NAME: Final = "audit.db"


class Audit:
    """The log, and the names that accounts have in it."""

    def __init__(self, config: Config, vault: Vault, *, create: bool = True) -> None:
        """Raises :class:`sentinel.errors.FileError` and :class:`sentinel.errors.StoreError`."""
        self.log = AuditLog(config.state / AUDIT_NAME, vault.root.derive("audit"), create=create)
        self._vault = vault

    def account_row(self, tenant: str, account: str) -> str | None:
        """The row id that entries about an account have; ``None`` for an account never heard of."""
        key = self.account_key(tenant, account)
        return key.row(ROW) if key is not None else None

    def account_key(self, tenant: str, account: str) -> AccountKey | None:
        """The key of an account, which opens the details of its entries; ``None`` for one never heard of."""
        return self._vault.find(self._vault.pseudonym("account", tenant, account))


@contextmanager
def opened_audit(config: Config, vault: Vault, *, create: bool = True) -> Iterator[Audit]:
    """The audit log of the state directory, closed in the end; made when there is none, unless ``create`` is false."""
    audit = Audit(config, vault, create=create)
    try:
        yield audit
    finally:
        audit.log.close()
