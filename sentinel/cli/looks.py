"""Writing down, before it is done, that a command shows or changes personal data."""

from contextlib import closing

import click
import msgspec

from sentinel.audit.details import ROW
from sentinel.audit.entry import Action, Entry
from sentinel.audit.log import AuditLog
from sentinel.cli.actor import operator
from sentinel.config import Config
from sentinel.daemon.audit import Audit
from sentinel.daemon.second_person import approved, check_approval, needs_second
from sentinel.events.clock import now
from sentinel.privacy.keyring import KEYRING_NAME
from sentinel.privacy.vault import Vault

purpose_option = click.option("--purpose", default="", help="Why; written into the audit log, without names.")
approved_option = click.option(
    "--approved-by", help='Who agreed to the look, where [privacy] purpose = "workforce" asks for a second person.'
)


def looked(
    config: Config,
    vault: Vault,
    action: Action,
    *,
    tenant: str | None = None,
    account: str | None = None,
    purpose: str = "",
    person: bool = False,
    approved_by: str | None = None,
) -> None:
    """Take down a look at, or a change of, personal data: of an account (its handle), of a tenant, or of all.

    With ``person`` it is a look at one person, for which a second one may be needed (``approved_by``).

    Raises :class:`sentinel.errors.SentinelError` when it may not be, or when the log cannot be written; then nothing
    may be shown or done. Where nothing was ever stored there is nothing to look at, and no log.
    """
    if not (config.state / KEYRING_NAME).exists():
        return
    audit = Audit(config, vault)
    with closing(audit.log):
        look = Look(
            action=action, tenant=tenant, account=account, purpose=purpose, person=person, approved_by=approved_by
        )
        take_down(audit.log, config, vault, look, now())


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """See :func:`looked`."""

    action: Action
    tenant: str | None = None
    account: str | None = None
    purpose: str = ""
    person: bool = False
    approved_by: str | None = None


def take_down(log: AuditLog, config: Config, vault: Vault, look: Look, time: int) -> None:
    """Write a look into the log, if it may be; see :func:`looked`."""
    actor, purpose = operator(), look.purpose
    row = vault.of(look.account).row(ROW) if look.account is not None else None
    if look.person and look.tenant is not None and needs_second(config, look.tenant):
        check_approval(log, now=time, actor=actor, by=look.approved_by, tenant=look.tenant, row=row)
        purpose = approved(look.approved_by, purpose)
    log.append(
        [
            Entry(
                time=time,
                actor=actor,
                role="operator",
                action=look.action,
                purpose=purpose,
                tenant=look.tenant,
                account=row,
            )
        ]
    )
