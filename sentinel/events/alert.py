"""The alert: what a person or an operator hears of. One id is at most one mail (CONTRACT §2)."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.place import Place
from sentinel.events.sighting import Attributes, Device

KINDS: Final = (
    "new_sign_in",
    "credential_change",
    "suspicious_sign_in",
    "password_known",
    "attack",
    "summary",
    "campaign",
)

CRITICAL_ACCOUNT: Final = "critical_account"
REPORT: Final = "report"
#: Mails to operators that are no alerts: no assessment names them.
OPERATOR_KINDS: Final = (CRITICAL_ACCOUNT, REPORT)

#: Among a mail's reasons, where no rule held: somebody who knows said that it was not the person.
SAID_COMPROMISED: Final = "said_compromised"
#: Among a campaign's reasons: it is none, but more mails waited than people should get; ``events`` says how many.
FLOOD: Final = "flood"


def alert_id(account: str | None, kind: str, first_event: str) -> str:
    """The id of an alert: a hash of account, kind and first event, the same on every installation."""
    digest = sha256("\x1f".join((account or "", kind, first_event)).encode()).hexdigest()
    return f"a-{digest[:20]}"


class OpenAlert(msgspec.Struct, array_like=True, omit_defaults=True, kw_only=True):
    """An alert that further events may fold into. It lives in the account's profile and changes with it.

    Times are micros of event time. ``folded`` counts the events since the mail, told in the next one.
    """

    id: str
    kind: str
    level: str
    risk: float
    first: int
    last: int
    events: int = 1
    folded: int = 0
    rules: list[str] = []
    told: bool = True  #: false while no mail went out for it: its events came in late, or as history
    contexts: list[str] = []  #: what was new about the events, so that the same news is told once


class ToldMail(msgspec.Struct, frozen=True, array_like=True):
    """A mail that an account was told by: event time (micros), kind and level. What has room after it goes by these."""

    time: int
    kind: str
    level: str


class Notice(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, kw_only=True):
    """What a mail needs to say, without a raw value in it. Raw values are opened when the mail is written.

    ``reasons`` are the rule ids from the strongest down, ``messages`` the sentences those rules name.
    """

    id: str
    kind: str
    tenant: str
    event: str  #: key of the event's record
    account: str | None  #: key
    time: int
    risk: float
    level: str
    decision: str
    type: str = "login"
    outcome: str = "success"
    service: str | None = None
    place: Place = Place()
    organisation: str | None = None
    device: Device = Device()
    factor_method: str | None = None
    reasons: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    events: int = 1
    earlier: int = 0  #: events folded into the alert of this kind before this one, not told yet
    actor: str = "self"  #: who did it; if not the person, device and place are not theirs to read
    addressed: Attributes | None = None  #: whom to write to, where the account is erased before the mail goes


def summary_of(notices: Sequence[Notice]) -> Notice:
    """One ``summary`` of several notices to one account: it describes the latest, whose id it has, and says how many
    events there were."""
    latest = max(notices, key=lambda notice: (notice.time, notice.id))
    worst = max(notices, key=lambda notice: (LEVEL_ORDER[notice.level], notice.risk))
    return msgspec.structs.replace(
        latest,
        kind="summary",
        level=worst.level,
        risk=worst.risk,
        events=sum(notice.events for notice in notices),
        earlier=sum(notice.earlier for notice in notices),
    )
