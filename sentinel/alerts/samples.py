"""A sample notice of each kind, for ``sentinel mail preview`` and ``sentinel mail test``. All of it is made
up."""

from typing import Final

import msgspec

from sentinel.events.alert import KINDS, Notice, alert_id
from sentinel.events.place import Place
from sentinel.events.sighting import Attributes, Device

#: 24 November 2026, 12:05 UTC.
_TIME: Final = 1_795_521_900_000_000

_SIGN_IN: Final = Notice(
    id="",
    kind="new_sign_in",
    tenant="default",
    event="sample",
    account="sample",
    time=_TIME,
    risk=44.0,
    level="medium",
    decision="notify",
    service="web",
    place=Place("DE", "Berlin", "Berlin", 52.5, 13.4, 25.0),
    organisation="Example Telecom",
    device=Device("Firefox", "145", "Windows", "11", "desktop"),
    reasons=("new_device",),
    titles=("Signed in with a device not seen before",),
    messages=("new_device",),
)

_CHANGES: Final[dict[str, dict[str, object]]] = {
    "new_sign_in": {},
    "suspicious_sign_in": {
        "risk": 87.5,
        "level": "critical",
        "decision": "challenge",
        "place": Place("JP", None, "Tokyo", 35.7, 139.7, 25.0),
        "organisation": "Example Hosting",
        "earlier": 2,
        "reasons": ("impossible_travel", "new_device", "hosting_network"),
        "titles": ("Too far apart to travel between", "New device", "Data centre"),
        "messages": ("travel", "new_device", "hosting_network"),
    },
    "password_known": {
        "risk": 70.0,
        "level": "high",
        "outcome": "failure",
        "factor_method": "totp",
        "place": Place("BR", None, None, -10.0, -53.0, 2000.0),
        "reasons": ("password_known",),
        "titles": ("Second factor refused after a right password",),
        "messages": ("password_known",),
    },
    "attack": {
        "risk": 65.0,
        "level": "high",
        "outcome": "failure",
        "events": 37,
        "place": Place(),
        "organisation": None,
        "device": Device("curl", "8", None, None, "bot"),
        "reasons": ("brute_force_account",),
        "titles": ("Many failed sign-ins to one account",),
        "messages": ("brute_force",),
    },
    "credential_change": {
        "risk": 20.0,
        "level": "low",
        "type": "mfa_removed",
        "factor_method": "totp",
        "reasons": ("second_factor_removed",),
        "titles": ("A second factor was removed",),
        "messages": ("second_factor_removed",),
    },
    "summary": {"events": 4, "earlier": 4},
    "campaign": {
        "account": None,
        "risk": 90.0,
        "level": "critical",
        "outcome": "failure",
        "events": 1280,
        "place": Place("NL", None, "Amsterdam", 52.4, 4.9, 25.0),
        "organisation": "Example Hosting",
        "device": Device(),
        "reasons": ("password_spray",),
        "titles": ("One source tried the passwords of many accounts",),
        "messages": ("spray",),
    },
}


def sample(kind: str) -> Notice:
    """A made-up notice of ``kind``. Raises :class:`ValueError` for a kind that does not exist."""
    if kind not in KINDS:
        raise ValueError(f"no such kind of alert; expected one of {', '.join(KINDS)}")
    notice = msgspec.structs.replace(_SIGN_IN, kind=kind, **_CHANGES[kind])
    return msgspec.structs.replace(notice, id=alert_id(notice.account, kind, notice.event))


def sample_attributes(locale: str | None = None) -> Attributes:
    """The made-up account that the samples are about, of somebody who reads ``locale``."""
    return Attributes(
        account="u-1", email="ada@example.org", timezone="Europe/Berlin", name="Ada Example", locale=locale
    )
