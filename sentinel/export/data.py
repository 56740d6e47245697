"""Everything held about one account, as exported: the structs that ``data.json`` and its schema are made from.

A field that is taken away or changes its meaning raises :data:`SCHEMA`; a new field does not. What each field means to
the person stands in ``text/en.toml`` and ``text/de.toml``, under the struct's name.
"""

from typing import Final, Literal

import msgspec

from sentinel.export.data_event import EventData, Time
from sentinel.export.data_profile import ProfileData

#: Version of the form of ``data.json``.
SCHEMA: Final = 1


class Information(msgspec.Struct, frozen=True, kw_only=True):
    """What Art. 15(1) wants told, as far as it differs between installations; empty texts: the operator gave none.

    Days are spans of retention; ``notify``, ``challenge`` and ``block`` the lowest risk (0 to 100) of each decision.
    """

    controller: str = ""
    contact: str = ""
    authority: str = ""
    recipients: str = ""
    siem: bool = False
    service: str = ""
    raw_days: int = 365
    record_days: int = 365
    mail_days: int = 30
    mode: str = "enforce"
    notify: float = 40
    challenge: float = 60
    block: float = 90


class AccountData(msgspec.Struct, frozen=True, kw_only=True):
    """The account's newest attributes. ``as_of`` is when they were told last (to a day)."""

    id: str
    email: str | None = None
    email_verified: bool | None = None
    former_email: str | None = None
    former_email_until: Time | None = None
    contact_email: str | None = None
    email_refused: Time | None = None
    name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    tags: list[str] = []
    created: Time | None = None
    as_of: Time | None = None


class RightsDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was asked for or decided under a right, in the order it came."""

    time: Time
    right: str
    decision: str
    reason: str | None = None


class RightsData(msgspec.Struct, frozen=True, kw_only=True):
    """Restriction (Art. 18) and objection (Art. 21) as they stand, and all decisions about them."""

    restricted: bool = False
    restricted_since: Time | None = None
    objection: Literal["none", "open", "upheld", "rejected"] = "none"
    objection_since: Time | None = None
    decisions: list[RightsDecision] = []


class AlertData(msgspec.Struct, frozen=True, kw_only=True):
    """An alert about the account. ``state`` is ``open``, or the verdict that closed it."""

    id: str
    kind: str
    level: str
    risk: float
    since: Time
    last: Time
    events: int
    rules: list[str] = []
    state: str = "open"


class MailData(msgspec.Struct, frozen=True, kw_only=True):
    """A mail about the account. ``state`` is ``pending``, ``held``, ``sent``, ``failed``, ``unaddressed``, ``folded``
    (into a summary) or ``answered`` (not needed any more)."""

    kind: str
    time: Time
    state: str
    alert: str | None = None


class HookData(msgspec.Struct, frozen=True, kw_only=True):
    """A system of the service that was told of the account, to the day. ``state`` is ``pending``, ``held``,
    ``delivered`` or ``dead``."""

    type: str
    target: str
    time: Time
    state: str


class AnswerData(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who knows said what an event was. ``by`` is ``person``, ``service``, ``admin`` or ``operator``."""

    time: Time
    verdict: str
    by: str
    event: str | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the audit log: somebody looked at or changed the data.

    The role, never the name: who of the controller's own people looked is theirs to keep as long as they acted under
    its authority (Court of Justice, C-579/21, Pankki S).
    """

    time: Time
    role: str
    action: str
    purpose: str = ""


class WindowData(msgspec.Struct, frozen=True, kw_only=True):
    """A count of recent events that the account takes part in. ``over`` is the length of the window in seconds."""

    series: str
    by: list[str] = []
    over: int
    entries: int
    first: Time | None = None
    last: Time | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Everything but the events. ``made`` is when the export was made."""

    schema: Literal[1] = SCHEMA
    made: Time
    tenant: str
    information: Information
    account: AccountData
    rights: RightsData = RightsData()
    profile: ProfileData | None = None
    alerts: list[AlertData] = []
    mails: list[MailData] = []
    hooks: list[HookData] = []
    answers: list[AnswerData] = []
    looks: list[Look] = []
    windows: list[WindowData] = []


class Document(Held, frozen=True, kw_only=True):
    """``data.json`` as a whole; the events come last, so that they can be written one after another."""

    events: list[EventData] = []
