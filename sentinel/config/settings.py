"""Every setting, declared once: its type, limits, default, unit and help.

docs/configuration.md, ``check-config`` and the error messages are made from these declarations and those of
the tables in sections.py.
"""

import os
from pathlib import Path
from typing import Annotated

from msgspec import Struct, field

from sentinel.config.declare import text
from sentinel.config.hooks import HookSettings, SignalSettings, StreamSettings
from sentinel.config.sections import (
    AlertSettings,
    BackupSettings,
    BrandSettings,
    DecisionSettings,
    GeoSettings,
    HttpSettings,
    LogSettings,
    PrivacySettings,
    RetentionSettings,
    RuleSettings,
    ServiceSettings,
    SiemSettings,
    SmtpSettings,
    TrustSettings,
    UsageSettings,
)
from sentinel.config.tuning import MuteEntry, TuningEntry
from sentinel.config.values import Listen, Mailbox, StoreAddress


def user_state() -> Path:
    """Where state is kept when nothing says otherwise: the XDG base directory for state."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # The XDG specification wants relative values ignored.
    if base.startswith("/"):
        return Path(base, "sentinel")
    try:
        return Path("~/.local/state/sentinel").expanduser()
    except RuntimeError:
        # A system account without a home; the folder that the systemd unit uses.
        return Path("/var/lib/sentinel")


class TenantSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What one tenant has of its own; everything left out is as for all."""

    from_: Annotated[Mailbox | None, text("Who this tenant's mails come from.", default="as in [smtp]")] = field(
        name="from", default=None
    )
    service: Annotated[ServiceSettings, text("The same keys as `[service]`.", default="as in [service]")] = (
        ServiceSettings()
    )
    brand: Annotated[BrandSettings, text("The same keys as `[brand]`.", default="as in [brand]")] = BrandSettings()
    decision: Annotated[DecisionSettings, text("The same keys as `[decision]`.", default="as in [decision]")] = (
        DecisionSettings()
    )
    alerts: Annotated[AlertSettings, text("The same keys as `[alerts]`.", default="as in [alerts]")] = AlertSettings()
    privacy: Annotated[PrivacySettings, text("The same keys as `[privacy]`.", default="as in [privacy]")] = (
        PrivacySettings()
    )


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file can say; field names are the keys."""

    state: Annotated[
        Path,
        text(
            "Folder for keyring, models and the embedded store; made with mode 0700.",
            default="$XDG_STATE_HOME/sentinel, else ~/.local/state/sentinel",
        ),
    ] = field(default_factory=user_state)
    store: Annotated[StoreAddress, text("The store. A relative SQLite file is relative to `state`.")] = StoreAddress(
        "sqlite:sentinel.db"
    )
    listen: Annotated[Listen, text("Where the HTTP API listens. It has no TLS of its own: put a proxy before it.")] = (
        Listen("127.0.0.1:8787")
    )
    smtp: Annotated[SmtpSettings, text("How mails are sent.")] = SmtpSettings()
    decision: Annotated[DecisionSettings, text("What follows from a risk (0 to 100).")] = DecisionSettings()
    retention: Annotated[RetentionSettings, text("How long data is kept.")] = RetentionSettings()
    backup: Annotated[BackupSettings, text("Where backups are.")] = BackupSettings()
    privacy: Annotated[PrivacySettings, text("What people are told who ask for their data.")] = PrivacySettings()
    trust: Annotated[TrustSettings, text("When a device, network or place counts as known.")] = TrustSettings()
    alerts: Annotated[AlertSettings, text("Who is told, and how often.")] = AlertSettings()
    service: Annotated[ServiceSettings, text("The service that people log in to.")] = ServiceSettings()
    brand: Annotated[BrandSettings, text("How mails and the answer page look.")] = BrandSettings()
    rules: Annotated[RuleSettings, text("Where the rules and allowlists are.")] = RuleSettings()
    geo: Annotated[GeoSettings, text("What is known of addresses.")] = GeoSettings()
    http: Annotated[HttpSettings, text("Limits of the HTTP API.")] = HttpSettings()
    usage: Annotated[UsageSettings, text("Anonymous figures of how the service is used.")] = UsageSettings()
    hooks: Annotated[tuple[HookSettings, ...], text("Webhooks: systems of yours that are told.")] = ()
    streams: Annotated[tuple[StreamSettings, ...], text("Streams of Shared Signals.")] = ()
    signals: Annotated[SignalSettings, text("Who sends the tokens of streams.")] = SignalSettings()
    log: Annotated[LogSettings, text("What the daemon writes to its log.")] = LogSettings()
    tenants: Annotated[
        dict[str, TenantSettings],
        text(
            "Several applications on one daemon: the API key fixes the tenant, and `NAME` is the one "
            "given to `sentinel keys create`. What a tenant leaves out is as for all."
        ),
    ] = {}
    siem: Annotated[dict[str, SiemSettings], text("Exports to SIEMs.")] = {}
    tuning: Annotated[tuple[TuningEntry, ...], text("Settings for a tenant, a service or a kind of account.")] = ()
    mute: Annotated[dict[str, MuteEntry], text("What is muted until a date.")] = {}
