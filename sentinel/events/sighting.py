"""The sighting: what an event becomes once enriched. It holds no raw address, agent, device id or name."""

import msgspec

from sentinel.events.place import Network, Place

_EMPTY = Place()
_UNKNOWN = Network()


class Device(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """The device, in words that many people share. Versions are texts as "128.0"; ``None`` is unknown.

    ``type`` is ``desktop``, ``mobile``, ``tablet``, ``bot`` or ``other``.
    """

    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    os_version: str | None = None
    type: str | None = None


_NO_DEVICE = Device()


class Factor(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """The second factor of an event; ``key`` is the pseudonym of the second-factor device."""

    method: str | None = None
    key: str | None = None
    outcome: str | None = None
    counter: int | None = None


_NO_FACTOR = Factor()


class Sighting(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, kw_only=True):
    """One event after enrichment: the only form that facts, profiles and windows see.

    Every ``str | None`` called a *key* below is a keyed pseudonym (16 characters, see
    :mod:`sentinel.privacy.pseudonyms`): equal for equal values of one installation, meaningless elsewhere.
    ``time`` is micros.
    """

    tenant: str
    key: str  #: of the event id
    time: int
    type: str
    outcome: str  #: success, failure, blocked or pending
    reason: str | None = None
    account: str | None = None  #: key
    known_account: bool = True  #: false when ``account`` is a name that was tried and does not exist
    attempt: bool = False  #: somebody tried and failed (CONTRACT §1, ``reason``)
    judged: bool = False  #: place, network, device and habit rules apply (CONTRACT §1, "What is judged how")
    own: bool = True  #: the person did it, not an admin or the system
    password_ok: bool = False
    password_breached: bool = False
    address: str | None = None  #: key of the IPv4 address, or of the IPv6 /64
    prefix: str | None = None  #: key of the IPv4 /24, or of the IPv6 /48
    place: Place = _EMPTY
    network: Network = _UNKNOWN
    device_key: str | None = None  #: key of the sender's device id
    device: Device = _NO_DEVICE
    agent: str | None = None  #: key of the whole user agent string
    ja4: str | None = None  #: key
    language: str | None = None  #: key
    session: str | None = None  #: key
    service: str | None = None
    auth_method: str | None = None
    idp: str | None = None
    phishing_resistant: bool = False  #: said by the sender, or a passkey or webauthn factor that succeeded
    origin: str | None = None  #: host name of the web origin
    factor: Factor = _NO_FACTOR
    actor: str = "self"
    actor_account: str | None = None  #: key
    concludes: str | None = None  #: key of the pending login's event id
    enforced: str | None = None
    rtt_ms: float | None = None
    timezone: str | None = None
    tags: tuple[str, ...] = ()
    account_created: int | None = None  #: micros
    ipv6: bool = False  #: the address is an IPv6 one
    marks: tuple[str, ...] = ()  #: allowlist entries and mutes whose CIDRs hold the address

    @property
    def device_class(self) -> str | None:
        """Browser family, system and type as one value: what stays when a browser is upgraded."""
        device = self.device
        if device.browser is None and device.os is None:
            return None
        return f"{device.browser or '?'}|{device.os or '?'}|{device.type or '?'}"


class Raw(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, kw_only=True):
    """The raw values of an event: sealed at once, opened only for the person's mail, export and explain."""

    event: str
    account: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    device_id: str | None = None
    session_id: str | None = None
    mfa_device_id: str | None = None
    ja4: str | None = None
    accept_language: str | None = None
    actor_account: str | None = None

    def bare(self) -> "Raw":
        """The ids alone: the event is too old for its raw values to be kept."""
        return Raw(event=self.event, account=self.account)


class Attributes(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, kw_only=True):
    """The newest attributes of an account, kept sealed. ``None`` means not known.

    ``previous_email`` stays a second recipient until ``previous_until`` (micros), 30 days after the change.
    """

    account: str
    email: str | None = None
    previous_email: str | None = None
    previous_until: int = 0
    email_verified: bool | None = None
    locale: str | None = None
    timezone: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    created: int | None = None
    as_of: int = 0  #: event time (micros) of the newest values, so that a late event does not overwrite them
    contact_email: str | None = None  #: hears of what happens as well, where the account is itself the mailbox
