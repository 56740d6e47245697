"""What `sentinel doctor` says of mails: the way to the server, and whom mails would reach at the wrong place."""

import asyncio
from contextlib import closing
from typing import Final

import msgspec

from sentinel.alerts.address import AddressError, SenderError, check_from
from sentinel.alerts.recipients import is_mailbox
from sentinel.config import Config
from sentinel.daemon.mail import signer_of
from sentinel.daemon.state import open_store, open_vault

#: Accounts read at once.
_PAGE: Final = 500


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at: ``good``, ``warn`` or ``bad``, and what to do."""

    name: str
    state: str
    detail: str


async def check_mail(config: Config) -> list[Check]:
    """Whether mails can go out: sender, key that signs them, and whether the mail server answers."""
    smtp = config.smtp
    signer_of(config)
    try:
        check_from(str(smtp.from_))
    except (AddressError, SenderError) as error:
        return [Check(name="mail", state="bad", detail=f"smtp.from: {error}")]
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(smtp.host, smtp.port)
        writer.close()
    except (OSError, TimeoutError):
        return [Check(name="mail", state="bad", detail=f"no mail server answers at {smtp.host}:{smtp.port} ([smtp])")]
    return [Check(name="mail", state="good", detail=f"{smtp.host}:{smtp.port} answers; `sentinel mail test` sends one")]


async def check_contacts(config: Config) -> list[Check]:
    """How many accounts are themselves the mailbox that their alerts go to, and have no second contact."""
    domains = {*config.service.mailbox_domains}
    domains.update(*(tenant.service.mailbox_domains for tenant in config.tenants.values()))
    if not domains:
        return []
    lacking = after = 0
    with closing(open_vault(config, writes=True)) as vault:
        store = open_store(config, vault)
        try:
            while page := vault.keyring.page(after, _PAGE, former=False):
                after = page[-1].number
                for _, given in (await store.parts(page)).values():
                    mailbox = given is not None and is_mailbox(given.email, tuple(domains))
                    lacking += mailbox and (given is None or given.contact_email is None)
        finally:
            await store.close()
    if not lacking:
        return [Check(name="contacts", state="good", detail="each account that is a mailbox has another contact")]
    detail = f"{lacking} accounts are themselves the mailbox that their alerts go to, so that who took one reads them; "
    detail += 'have the service give a second contact: PUT /v1/accounts/ACCOUNT {"contact_email": …}'
    return [Check(name="contacts", state="warn", detail=detail)]
