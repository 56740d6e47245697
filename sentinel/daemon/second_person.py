"""Looks that need a second person, where the people watched work for who watches (``[privacy] purpose = "workforce"``).

The second person's approval is an entry of the audit log, which shows any change. It names the account and holds for an
hour; who looks needs the approval of somebody else. Both stand in the log.
"""

from typing import Final

from sentinel.audit.entry import Entry
from sentinel.audit.log import AuditLog
from sentinel.config import Config
from sentinel.errors import SentinelError
from sentinel.events.clock import MINUTE

#: How long an approval holds.
HOLDS: Final = 60 * MINUTE
_MANY: Final = 10_000


def needs_second(config: Config, tenant: str) -> bool:
    """Whether looking up a person of the tenant needs a second person."""
    return config.for_tenant(tenant).privacy.purpose == "workforce"


def approval(*, time: int, actor: str, tenant: str, row: str | None, purpose: str) -> Entry:
    """The entry by which ``actor`` agrees to a look at the account with row id ``row``."""
    return Entry(
        time=time,
        actor=actor,
        role="operator",
        action="lookup.approve",
        purpose=purpose,
        tenant=tenant,
        account=row,
    )


def check_approval(log: AuditLog, *, now: int, actor: str, by: str | None, tenant: str, row: str | None) -> None:
    """Raise :class:`SentinelError` unless ``by`` agreed within the last hour that the account is looked at, and is
    somebody else than ``actor``, who looks."""
    if by is None:
        raise SentinelError(
            "looking up a person needs a second person here: have them run `sentinel privacy approve ACCOUNT`, then"
            " name them with --approved-by"
        )
    if by == actor:
        raise SentinelError("--approved-by: somebody else has to approve, not who looks")
    found = log.show(account=row, action="lookup.approve", actor=by, tenant=tenant, since=now - HOLDS, limit=_MANY)
    # Of an account never heard of there is no row id: its approvals are those without one.
    if not any(entry.account == row and entry.role == "operator" and entry.time <= now for entry in found):
        raise SentinelError(
            f"--approved-by: {by} has not approved a look at this account within the last hour"
            " (`sentinel privacy approve ACCOUNT`)"
        )


def approved(by: str | None, purpose: str) -> str:
    """The purpose of a look that ``by`` agreed to, as it stands in the log."""
    return f"approved by {by}" + (f"; {purpose}" if purpose else "")
