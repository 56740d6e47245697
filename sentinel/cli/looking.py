"""Looks at one account: read beside a running daemon, and in the audit log before anything is shown."""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from typing import Any, Final

import click
import msgspec

from sentinel.audit.details import ROW
from sentinel.audit.entry import Action, Entry
from sentinel.audit.log import AuditLog
from sentinel.cli.actor import operator
from sentinel.config import Config
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.second_person import approved, check_approval, needs_second
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
tenant_option: Final = click.option("--tenant", default="default", show_default=True, help="Whose account it is.")
purpose_option: Final = click.option("--purpose", default="", help="Why; written into the audit log, without names.")
approved_option: Final = click.option(
    "--approved-by", help='Who agreed to the look, where [privacy] purpose = "workforce" asks for a second person.'
)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at, and how it stands in the audit log. Without an account it is several people's data, without a
    tenant the whole installation's."""

    action: Action
    tenant: str | None
    account: str | None = None
    purpose: str = ""
    approved_by: str | None = None
    changes: bool = False  #: nothing is shown, so that no second person is needed


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """What a look may use. ``key`` is the account's; ``None`` when it was never heard of."""

    config: Config
    vault: Vault
    store: Store
    log: AuditLog
    key: AccountKey | None
    now: int


@asynccontextmanager
async def looking(config: Config, look: Look) -> AsyncIterator[Looking]:
    """The store to read, once the look is written down. Raises :class:`sentinel.errors.SentinelError`."""
    with ExitStack() as stack:
        vault = stack.enter_context(closing(open_keys(config)))
        log = stack.enter_context(opened_audit(config, vault)).log
        time = now()
        key = None
        if look.account is not None and look.tenant is not None:
            key = vault.find(vault.pseudonym("account", look.tenant, look.account))
        note(log, config, look, key, time)
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


def noted(config: Config, vault: Vault, looks: Sequence[tuple[Look, AccountKey | None]]) -> None:
    """Write looks and changes of a command down that opens the store itself; where nothing was ever stored, there is
    nothing to look at."""
    if (config.state / KEYRING_NAME).exists():
        with opened_audit(config, vault) as audit:
            for look, key in looks:
                note(audit.log, config, look, key, now())


async def expect_shown(store: Store, handle: str | None) -> None:
    """Raise :class:`SentinelError` when the account's processing is restricted: it is kept, and not shown."""
    profile = await store.profile(handle) if handle is not None else None
    if profile is not None and profile.restricted:
        raise SentinelError(
            "the processing of this account is restricted: its events are not shown; `sentinel account export` has them"
            " for the person"
        )


def note(log: AuditLog, config: Config, look: Look, key: AccountKey | None, time: int) -> None:
    """Write a look down, if it may be. Raises :class:`sentinel.errors.SentinelError`."""
    actor, purpose = operator(), look.purpose
    row = key.row(ROW) if key is not None else None
    of_one = look.account is not None or key is not None
    if of_one and not look.changes and look.tenant is not None and needs_second(config, look.tenant):
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
