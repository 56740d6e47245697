"""The audit log of an installation: where it is, its key, and the row ids by which accounts stand in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sentinel.audit.log import AuditLog
from sentinel.config import Config
from sentinel.privacy.keys import LocalKey
from sentinel.privacy.pseudonyms import Pseudonymizer

#: Name of the log in the state directory.
AUDIT_NAME: Final = "audit.db"


class Audit(NamedTuple):
    """The log; ``account_row`` gives, for tenant and account, the row id that its entries have."""

    log: AuditLog
    account_row: Callable[[str, str], str]


@contextmanager
def opened_audit(config: Config, *, create: bool = True) -> Iterator[Audit]:
    """The audit log of the state directory, closed in the end; made when there is none, unless ``create`` is false.

    Raises :class:`sentinel.errors.FileError` and :class:`sentinel.errors.StoreError`. This is the one place that knows
    which keys the log takes.
    """
    key = LocalKey.load(config.state)
    pseudonym = Pseudonymizer(key)
    log = AuditLog(config.state / AUDIT_NAME, key.derive("audit"), create=create)
    try:
        yield Audit(log, lambda tenant, account: pseudonym("audit", tenant, account))
    finally:
        log.close()
