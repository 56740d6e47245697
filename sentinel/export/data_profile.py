"""The profile as exported: what counts as usual for an account, with readable names in place of pseudonyms."""

import msgspec

from sentinel.export.data_event import PlaceData, Time


class KnownValue(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the account logged in with: a device, a network, a country.

    ``name`` is readable where the events still tell it, else a number in the list. ``flagged_days`` are days (UTC) of
    flagged logins that nobody answered for.
    """

    name: str
    first: Time
    last: Time
    trusted: bool
    trusted_since: Time | None = None
    trusted_logins: int = 0
    flagged_days: list[str] = []
    barred: bool = False
    compromised: bool = False
    system: str | None = None


class FactorData(msgspec.Struct, frozen=True, kw_only=True):
    """A second factor. ``codes_seen`` counts codes remembered against a second use; ``drift`` is in steps of 30 s."""

    name: str
    method: str
    last: Time | None = None
    trusted_since: Time | None = None
    removed: Time | None = None
    doubted: Time | None = None
    session: str | None = None
    codes_seen: int = 0
    drift: list[int] = []


class SessionData(msgspec.Struct, frozen=True, kw_only=True):
    """An open or former session: where it began, and where it was seen last."""

    name: str
    began: Time
    device: str | None = None
    network: str | None = None
    country: str | None = None
    used: bool = False
    trusted: bool = False
    compromised: bool = False
    second_factor: bool = False
    known_network: bool = False
    exposed: bool = False
    last_place: PlaceData | None = None
    last_placed: Time | None = None


class SpotData(msgspec.Struct, frozen=True, kw_only=True):
    """A usual place and how many trusted logins came from it, or (``logins`` 1) the place of one login."""

    lat: float
    lon: float
    accuracy_km: float
    last: Time
    logins: int = 1
    country: str | None = None
    mobile: bool = False


class FamiliarData(msgspec.Struct, frozen=True, kw_only=True):
    """How often trusted logins had an address, an address range, a user agent or a method of the second factor.

    ``name`` as in :class:`KnownValue`; without one, it counts the logins that brought a value of the kind for the first
    time. ``last`` is a day (UTC).
    """

    kind: str
    name: str | None = None
    logins: int
    last: str


class HelpData(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else let the person back in."""

    time: Time
    factor_removed: bool


class ChallengeData(msgspec.Struct, frozen=True, kw_only=True):
    """A second-factor challenge, remembered for ten minutes."""

    time: Time
    method: str | None = None
    factor: str | None = None
    session: str | None = None


class OpenAlertData(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that further events may fold into; what the same news is recognised by is keyed and left out."""

    id: str
    kind: str
    level: str
    risk: float
    since: Time
    last: Time
    events: int
    untold: int = 0
    told: bool = True
    rules: list[str] = []


class ToldMailData(msgspec.Struct, frozen=True, kw_only=True):
    """A mail of the last days; no more than a few are sent a day."""

    time: Time
    kind: str
    level: str


class ProfileData(msgspec.Struct, frozen=True, kw_only=True):
    """All that is remembered to judge the next event. Weights of hours and weekdays are relative, 4 for one login."""

    devices: list[KnownValue] = []
    device_kinds: list[KnownValue] = []
    networks: list[KnownValue] = []
    address_ranges: list[KnownValue] = []
    network_kinds: list[KnownValue] = []
    countries: list[KnownValue] = []
    regions: list[KnownValue] = []
    grants: list[KnownValue] = []
    usual_places: list[SpotData] = []
    recent_places: list[SpotData] = []
    familiar: list[FamiliarData] = []
    hours: list[int] = []
    weekdays: list[int] = []
    hours_zone: str | None = None
    hours_since: Time | None = None
    factors: list[FactorData] = []
    sessions: list[SessionData] = []
    challenges: list[ChallengeData] = []
    open_alerts: list[OpenAlertData] = []
    told_mails: list[ToldMailData] = []
    trusted_logins: int = 0
    first_logins: list[Time] = []
    last_seen: Time | None = None
    recovered: Time | None = None
    recoveries: list[Time] = []
    helped: list[HelpData] = []
    phone_changed: Time | None = None
    push_doubted: Time | None = None
    counted: Time | None = None
    compromised_events: list[Time] = []
