"""Looks at one account: read beside a running daemon, and in the audit log before anything is shown."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from typing import Any, Final

import click
import msgspec

from sentinel.audit.entry import Action
from sentinel.audit.log import AuditLog
from sentinel.cli import tenants
from sentinel.cli.looks import Look, take_down
from sentinel.config import Config
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.state import open_to_read, open_vault, prepare_state
from sentinel.errors import SentinelError
from sentinel.events.clock import now
from sentinel.events.limits import MAX_STRING
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keyring import KEYRING_NAME
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store


class Value(click.ParamType[str]):
    """A text that events may have, as an account's id."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        try:
            size = len(text.encode())
        except UnicodeEncodeError:  # bytes that are no text
            size = 0
        if not 0 < size <= MAX_STRING:
            self.fail(f"expected 1 to {MAX_STRING} bytes of UTF-8", param, ctx)
        return text


account_argument: Final = click.argument("account", type=Value())
tenant_option: Final = tenants.tenant_option("Whose account it is.")


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """What a look may use. ``key`` is the account's; ``None`` when it was never heard of."""

    config: Config
    vault: Vault
    store: Store
    log: AuditLog
    key: AccountKey | None
    now: int


@asynccontextmanager
async def looking(
    config: Config,
    action: Action,
    *,
    tenant: str | None,
    account: str | None = None,
    purpose: str = "",
    approved_by: str | None = None,
) -> AsyncIterator[Looking]:
    """The store to read, once the look is written down: at one account (its id), at a tenant, or at all. Raises
    :class:`sentinel.errors.SentinelError`."""
    with ExitStack() as stack:
        vault = stack.enter_context(closing(open_keys(config)))
        log = stack.enter_context(opened_audit(config, vault)).log
        time = now()
        key = None
        if account is not None and tenant is not None:
            key = vault.find(vault.pseudonym("account", tenant, account))
        look = Look(
            action=action,
            tenant=tenant,
            account=key.handle if key is not None else None,
            purpose=purpose,
            person=account is not None,
            approved_by=approved_by,
        )
        take_down(log, config, vault, look, time)
        store = open_to_read(config, vault)
        try:
            yield Looking(config=config, vault=vault, store=store, log=log, key=key, now=time)
        finally:
            await store.close()


def open_keys(config: Config) -> Vault:
    """The keys, to read; made where there are none yet, since the audit log needs one of them."""
    prepare_state(config)
    if not (config.state / KEYRING_NAME).exists():
        open_vault(config, writes=True).close()
    return open_vault(config)


async def expect_shown(store: Store, handle: str | None) -> None:
    """Raise :class:`SentinelError` when the account's processing is restricted: it is kept, and not shown."""
    profile = await store.profile(handle) if handle is not None else None
    if profile is not None and profile.restricted:
        raise SentinelError(
            "the processing of this account is restricted: its events are not shown; `sentinel account export` has them"
            " for the person"
        )
