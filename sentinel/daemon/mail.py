"""Mail as the configuration wants it: who it is from, and through which server it goes."""

import os
import socket
from collections.abc import Callable

from sentinel.alerts.compose import Identity
from sentinel.alerts.delivery import Delivery, DeliverySettings
from sentinel.alerts.smtp import Mailer, SmtpSettings
from sentinel.config import Config, read_secret
from sentinel.daemon.outbox import StoreOutbox
from sentinel.daemon.report import OperatorMails
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store


def identity_of(config: Config, tenant: str) -> Identity:
    """Who a tenant's mails come from."""
    own = config.for_tenant(tenant)
    return Identity(
        service_name=own.service.name,
        from_header=str(own.smtp.from_),
        support=own.service.support,
        review=own.privacy.contact,
        security_page=own.service.security_page,
    )


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


def make_delivery(config: Config, store: Store, vault: Vault, busy: Callable[[], bool]) -> Delivery:
    """Delivery of the store's outbox; it goes slower while ``busy``."""
    return Delivery(
        StoreOutbox(store),
        Mailer(smtp_settings(config)),
        lambda tenant: identity_of(config, tenant),
        DeliverySettings(
            worker=f"{socket.gethostname()}-{os.getpid()}",
            operators=config.alerts.operators,
            retry_hours=config.smtp.retry_hours,
            first_wait=config.smtp.retry_first_seconds,
        ),
        for_operators=OperatorMails(config, store, vault),
        busy=busy,
    )
