"""Mail as the configuration wants it: who it is from, and through which server it goes."""

import contextlib
import os
import socket
from collections.abc import Callable

from sentinel.alerts.brand import COLOUR, COLOUR_DARK, for_dark, read_logo
from sentinel.alerts.compose import Identity
from sentinel.alerts.delivery import Delivery
from sentinel.alerts.dispatch import DeliverySettings
from sentinel.alerts.dkim import DkimError, Signer
from sentinel.alerts.own_templates import trouble_with
from sentinel.alerts.pool import Pool
from sentinel.alerts.rates import Rates
from sentinel.alerts.recipients import Reach
from sentinel.alerts.smtp import SmtpSettings
from sentinel.config import Config, read_secret
from sentinel.daemon.hooks import receivers_of
from sentinel.daemon.outbox import StoreOutbox
from sentinel.daemon.report import OperatorMails
from sentinel.errors import FileError
from sentinel.events.alert import OPERATOR_KINDS, Notice
from sentinel.privacy.answer_token import Role, make_token
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store

#: Mails leased at once for each connection.
_BATCH = 10


def identity_of(config: Config, tenant: str) -> Identity:
    """Who a tenant's mails come from, and how they look. A logo that cannot be used is left out: `doctor` tells."""
    own = config.for_tenant(tenant)
    brand, logo = own.brand, None
    if brand.logo is not None:
        with contextlib.suppress(FileError):
            logo = read_logo(brand.logo)
    return Identity(
        service_name=own.service.name,
        from_header=str(own.smtp.from_),
        support=own.service.support,
        review=own.privacy.contact,
        security_page=own.service.security_page,
        reset_page=own.service.reset_page,
        imprint=brand.imprint,
        locale=own.service.locale,
        answer_base=own.service.answer_url.rstrip("/") if own.service.answer_url else None,
        colour=brand.colour or COLOUR,
        colour_dark=brand.colour_dark or (for_dark(brand.colour) if brand.colour else COLOUR_DARK),
        logo=logo,
        templates=brand.templates,
    )


def brand_trouble(config: Config) -> list[str]:
    """What is wrong with logos and own templates: mails are sent without these."""
    found: dict[str, None] = {}
    for brand in dict.fromkeys((config.brand, *(tenant.brand for tenant in config.tenants.values()))):
        if brand.logo is not None:
            try:
                read_logo(brand.logo)
            except FileError as error:
                found[f"{error}; mails go out without it"] = None
        for name, reason in trouble_with(brand.templates).items():
            found[f"{brand.templates}/{name}: {reason}; the template that comes along is used instead"] = None
    return list(found)


def smtp_settings(config: Config) -> SmtpSettings:
    """How to reach the mail server. Raises :class:`sentinel.errors.FileError` for a password file others may read."""
    smtp = config.smtp
    return SmtpSettings(
        host=smtp.host,
        port=smtp.port,
        tls=smtp.tls,
        envelope_from=smtp.envelope_from or smtp.from_.address,
        username=smtp.username,
        password=read_secret(config, "smtp_password", smtp.password_file) if smtp.username else None,
        timeout=smtp.timeout_seconds,
    )


def reach_of(config: Config, tenant: str) -> Reach:
    """How a tenant's people are reached."""
    own = config.for_tenant(tenant)
    quiet = own.alerts.quiet_hours
    return Reach(quiet=quiet.minutes if quiet else None, mailbox_domains=own.service.mailbox_domains)


def mailer_of(config: Config, *, connections: int = 1) -> Pool:
    """The way to the mail server, signing what is configured to be signed. Raises :class:`sentinel.errors.FileError`
    for a secret that is missing, that others may read, or that is no key."""
    return Pool(smtp_settings(config), connections=connections, signer=signer_of(config))


def signer_of(config: Config) -> Signer | None:
    """Who signs mails, if anybody does. Raises :class:`sentinel.errors.FileError` for a key that is missing or bad."""
    dkim = config.smtp.dkim
    if dkim.domain is None:
        return None
    key = read_secret(config, "dkim_key", dkim.key_file)
    if key is None:
        raise config.error("the key is missing: give key_file or the credential dkim_key", "smtp", "dkim")
    try:
        return Signer(dkim.domain, dkim.selector, key)
    except DkimError as error:
        raise config.error(str(error), "smtp", "dkim", "key_file") from None


def answer_url_of(config: Config, vault: Vault, notice: Notice, role: Role) -> str | None:
    """The page that asks whether it was them, in the mail to an address of this role; ``None`` where the operator
    serves none, or the mail is about no account that there is."""
    base = config.for_tenant(notice.tenant).service.answer_url
    if base is None or notice.account is None or notice.addressed is not None or notice.kind in OPERATOR_KINDS:
        return None
    return f"{base.rstrip('/')}/answer/{make_token(vault.answer_key, notice.tenant, notice.id, role)}"


def delivery_settings(config: Config) -> DeliverySettings:
    """How mails are delivered by this process."""
    return DeliverySettings(
        worker=f"{socket.gethostname()}-{os.getpid()}",
        operators=config.alerts.operators,
        retry_hours=config.smtp.retry_hours,
        first_wait=config.smtp.retry_first_seconds,
        batch=_BATCH * config.smtp.connections,
        flood=config.alerts.flood,
        tenant_operators={name: tenant.alerts.operators for name, tenant in config.tenants.items()},
        tenant_floods={name: tenant.alerts.flood for name, tenant in config.tenants.items()},
    )


def make_delivery(
    config: Config,
    store: Store,
    vault: Vault,
    busy: Callable[[], bool],
    told: Callable[[], None] = lambda: None,
) -> Delivery:
    """Delivery of the store's outbox; it goes slower while ``busy``. ``vault`` makes the links; ``told`` is called when
    something of it is for hooks."""
    return Delivery(
        StoreOutbox(store, lambda tenant: receivers_of(config, tenant), told),
        mailer_of(config, connections=config.smtp.connections),
        lambda tenant: identity_of(config, tenant),
        delivery_settings(config),
        reach=lambda tenant: reach_of(config, tenant),
        rates=Rates(config.smtp.per_minute, config.smtp.per_domain_minute),
        for_operators=OperatorMails(config, store, vault),
        busy=busy,
        answer_url=lambda notice, role: answer_url_of(config, vault, notice, role),
    )
