"""Writing down, before it is done, that a command shows or changes personal data."""

from contextlib import closing

import click

from sentinel.audit.entry import Action, Entry
from sentinel.cli.actor import operator
from sentinel.config import Config
from sentinel.daemon.audit import Audit
from sentinel.events.clock import now
from sentinel.privacy.keyring import KEYRING_NAME
from sentinel.privacy.vault import Vault

purpose_option = click.option("--purpose", default="", help="Why you look; written into the audit log.")


def looked(
    config: Config,
    vault: Vault,
    action: Action,
    *,
    tenant: str | None = None,
    account: str | None = None,
    purpose: str = "",
) -> None:
    """Take down a look at, or a change of, personal data: of an account (its handle), of a tenant, or of all.

    Raises :class:`sentinel.errors.StoreError` when the log cannot be written; then nothing may be shown or done. Where
    nothing was ever stored there is nothing to look at, and no log.
    """
    if not (config.state / KEYRING_NAME).exists():
        return
    audit = Audit(config, vault)
    with closing(audit.log):
        row = vault.of(account).row("audit") if account is not None else None
        audit.log.append(
            [
                Entry(
                    time=now(),
                    actor=operator(),
                    role="operator",
                    action=action,
                    purpose=purpose,
                    tenant=tenant,
                    account=row,
                )
            ]
        )
