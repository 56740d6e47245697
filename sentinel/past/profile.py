"""The profile: an account's past, value by value, as far as it may be trusted.

CONTRACT §1, "The trusted past", says how. A profile is one document, so that it changes at once. It holds
keyed pseudonyms and coarse words only. All times are micros of event time; nothing here reads a clock.
"""

from typing import Final, Literal
from zlib import crc32

import msgspec

from sentinel.events.alert import OpenAlert, ToldMail
from sentinel.events.clock import DAY, MINUTE, utc_day
from sentinel.events.sighting import Sighting

#: Bounds of one profile: the oldest values go first, those that are trusted or compromised last.
MAX_VALUES: Final = 64
MAX_SESSIONS: Final = 16
MAX_PLACES: Final = 16
MAX_CHALLENGES: Final = 16
MAX_FACTORS: Final = 32
MAX_WARMUP: Final = 16
MAX_USUAL: Final = 8
MAX_RECOVERIES: Final = 4
MAX_COMPROMISED: Final = 64
MAX_RIGHTS: Final = 64


class TrustPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How the past comes to be trusted; the defaults are CONTRACT §1's. Days are spans of 24 hours."""

    warmup_logins: int = 3
    warmup_days: int = 14
    settle_days: int = 14
    settle_logins: int = 3
    factor_days: int = 7
    hours: bool = True  #: whether hours and weekdays are learned


class Value(msgspec.Struct, array_like=True, omit_defaults=True):
    """One value (a device, a network, a country, …) that the account logged in with."""

    first: int  #: first successful login with it
    last: int  #: latest one
    trusted_at: int = 0  #: trusted for events from here on; 0: not by a login or an answer
    support: int = 0  #: trusted logins that carried it
    days: list[int] = []  #: UTC days of successful but flagged logins, at most as many as settling needs
    barred: bool = False  #: never settles: a flagged login was high, or a credential was changed from it
    compromised: bool = False  #: somebody who knows said no; only the service or an admin lifts it
    system: str = ""  #: of a device: the operating system it had in its latest trusted login


class Seen(msgspec.Struct, array_like=True):
    """How many trusted logins brought a value, and the UTC day of the latest; see :mod:`sentinel.past.seen`."""

    logins: int
    day: int


class TrustedPlace(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """Where a trusted login came from; the reference for travel."""

    time: int
    lat: float
    lon: float
    accuracy_km: float
    country: str | None
    event: str  #: key
    mobile: bool = False  #: through a carrier, whose gateway may stand far from the person


class UsualPlace(msgspec.Struct, array_like=True, omit_defaults=True):
    """A spot that trusted logins come from; those near it are counted there."""

    lat: float
    lon: float
    accuracy_km: float
    last: int
    logins: int = 1


class Habit(msgspec.Struct, array_like=True, omit_defaults=True):
    """At which hours and on which weekdays trusted logins come; see :mod:`sentinel.past.habit`."""

    hours: bytes  #: 24 weights, from midnight on
    weekdays: bytes  #: 7 weights, from Monday on
    since: int  #: when the weights were halved last
    zone: str = ""  #: the zone they are in: a name, ``lon`` (by longitude), or UTC


class Session(msgspec.Struct, array_like=True, omit_defaults=True):
    """The login that made a session, and where the session was seen last."""

    time: int
    event: str
    device: str | None = None
    network: str | None = None
    country: str | None = None
    trusted: bool = False
    compromised: bool = False
    vouched: bool = False  #: the login passed a second factor that was trusted before
    device_kind: int = 0  #: CRC-32 of browser, system and type: tells others apart in 5 bytes instead of 30
    exposed: bool = False  #: it was made from a hosting network that was not trusted
    known_network: bool = False  #: it was made from a network that was trusted before
    uses: int = 0  #: ``session_seen`` events since, as far as they are counted
    seen: int = 0  #: minutes from the login to the place below: of the login, or of a later event judged safe
    lat: int | None = None  #: in tenths of a degree, as finely as coordinates are kept
    lon: int | None = None
    accuracy_km: int = 0

    @property
    def place(self) -> TrustedPlace | None:
        """Where the session was last, as far as that is known."""
        if self.lat is None or self.lon is None:
            return None
        at = self.time + self.seen * MINUTE
        return TrustedPlace(at, self.lat / 10, self.lon / 10, float(self.accuracy_km), self.country, "")


class KnownFactor(msgspec.Struct, array_like=True, omit_defaults=True):
    """A second factor: method, when it was first used or enrolled in a trusted login (0: never), last use.

    ``session`` is where that was: called compromised, it takes the factor out with it.
    """

    method: str
    trusted_at: int = 0
    last: int = 0
    session: str | None = None
    removed_at: int = 0  #: removed, but not by the person from a trusted context: it may have been a thief
    counters: list[int] = []  #: codes used lately: time steps or HOTP counters
    drifts: list[int] = []  #: how far off those codes were, in time steps
    doubt_at: int = 0  #: enrolled at high risk; without an id, enrolled from any untrusted context


class Challenge(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A second-factor challenge seen a moment ago, so that the login that sums it up is not a second try."""

    time: int
    session: str | None
    factor: str | None
    method: str | None
    taken: str | None = None  #: session, else event, of the login that summed it up


class Right(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A right of the person as it was exercised: when, by whom (role), and why, as far as that was said.

    ``what`` is ``restricted``, ``lifted``, ``objected``, ``upheld`` or ``rejected`` (of an objection), ``merged``.
    """

    time: int
    what: str
    by: str
    reason: str = ""


class Profile(msgspec.Struct, array_like=True, omit_defaults=True):
    """All that is remembered of an account to judge the next event."""

    values: dict[str, dict[str, Value]] = {}
    places: list[TrustedPlace] = []  #: by time, oldest first
    warmup: list[int] = []  #: times of the first trusted logins, oldest first
    trusted_logins: int = 0
    last_seen: int = 0  #: last sign of life that was judged safe
    recovered_at: int = 0  #: last recovery (also a reset that was carried out) or change of address
    compromised: dict[str, int] = {}  #: events called compromised and not lifted since: key → time
    sessions: dict[str, Session] = {}
    factors: dict[str, KnownFactor] = {}
    challenges: list[Challenge] = []
    alerts: list[OpenAlert] = []
    usual: list[UsualPlace] = []
    habit: Habit | None = None
    push_doubt_at: int = 0  #: last time a push was refused as not the person's own, or pushes came in a flood
    phone_changed_at: int = 0
    recoveries: list[int] = []  #: last times a reset was asked for or a recovery used from an untrusted context
    helped: list[tuple[int, bool]] = []  #: last times others let the person back in, and whether a factor went off
    usage_day: int = 0  #: UTC day on which usage figures counted the account last …
    usage_marks: int = 0  #: … and as what, so that it counts once (:mod:`sentinel.pipeline.usage`)
    restricted_at: int = 0  #: since when processing is restricted (GDPR Art. 18); 0: it is not
    objected_at: int = 0  #: since when an objection (Art. 21) is open, or upheld; 0: there is none, or it was rejected
    rights: list[Right] = []  #: what the person asked for and what came of it, oldest first
    seen: dict[str, dict[str, Seen]] = {}  #: kind → shortened pseudonym, for what is likely (not for what is trusted)
    rights_count: int = 0  #: how often something was asked for, so that an older copy of this is told from a newer one
    told: list[ToldMail] = []  #: mails of the last day of events, for what has room after them

    @property
    def restricted(self) -> bool:
        """Whether processing is restricted (GDPR Art. 18): asked for, or by an objection that was not rejected."""
        return self.restricted_at > 0 or self.objected_at > 0

    @property
    def restricted_since(self) -> int:
        """Since when it is (micros); 0: it is not."""
        return min((time for time in (self.restricted_at, self.objected_at) if time), default=0)

    def warming_up(self, at: int, policy: TrustPolicy) -> bool:
        """Whether the past is still too short for the ``new_*`` rules, as of ``at``.

        >>> Profile().warming_up(0, TrustPolicy())
        True
        """
        if 0 < policy.warmup_logins <= len(self.warmup) and self.warmup[policy.warmup_logins - 1] <= at:
            return False
        earlier = [time for time in self.warmup if time <= at]
        if not earlier:
            return True
        return len(earlier) < policy.warmup_logins and at < earlier[0] + policy.warmup_days * DAY

    def trusts(self, kind: str, key: str | None, at: int, policy: TrustPolicy) -> bool:
        """Whether value ``key`` of ``kind`` is part of the trusted past, as of ``at``."""
        if key is None:
            return False
        value = self.values.get(kind, {}).get(key)
        return value is not None and is_trusted(value, at, policy)


def objection_of(profile: Profile) -> Literal["open", "upheld", "rejected"] | None:
    """How the account's objection (Art. 21) stands; ``None``: there never was one, as far as is known.

    ``objected_at`` says whether one stands: of what was asked for only the newest is kept, and of two accounts that
    became one, one's rejection does not answer the other's objection.
    """
    said = [right.what for right in profile.rights if right.what in ("objected", "upheld", "rejected")]
    if not profile.objected_at:
        return "rejected" if said else None
    standing: list[str] = []
    for what in said:
        if what != "rejected":
            standing.append(what)
        elif standing and standing[-1] == "objected":
            standing.pop()
    return "upheld" if standing and standing[-1] == "upheld" else "open"


def is_trusted(value: Value, at: int, policy: TrustPolicy) -> bool:
    """Trusted by a login or an answer, or settled: flagged below high, seen on enough days, and long ago."""
    if value.compromised:
        return False
    if value.trusted_at and value.trusted_at <= at:
        return True
    # For a late event it may have settled before the login that trusted it.
    if value.barred or at < value.first + policy.settle_days * DAY:
        return False
    today = utc_day(at)
    return sum(day <= today for day in value.days) >= policy.settle_logins


def values_of(sighting: Sighting) -> list[tuple[str, str]]:
    """The values of a sighting that the past is kept by, as (kind, key).

    ``device`` is the sender's device id, ``device_class`` browser, system and type, ``network`` the AS, ``block``
    the /24 or /48 where there is no AS (private addresses).
    An unknown part gives no value: unknown is never "known".
    """
    values = []
    if sighting.device_key:
        values.append(("device", sighting.device_key))
    if device_class := sighting.device_class:
        values.append(("device_class", device_class))
    if network := network_key(sighting):
        values.append(("network", network))
    elif sighting.prefix:
        values.append(("block", sighting.prefix))
    if sighting.network.kind:
        values.append(("network_kind", sighting.network.kind))
    if country := sighting.place.country:
        values.append(("country", country))
        if region := sighting.place.region:
            values.append(("region", f"{country}/{region}"))
    if grant := grant_of(sighting):
        values.append(("grant", grant))
    return values


#: Ways in that need no password again once they are given out (ATT&CK T1528, T1550.001).
_GRANTS: Final = {"consent_granted": "consent", "token_created": "token"}


def grant_of(sighting: Sighting) -> str | None:
    """The lasting way in that the event uses or gives out: ``device_code``, ``api_token``, ``consent``, ``token``."""
    if sighting.type == "login":
        return sighting.auth_method if sighting.auth_method in ("device_code", "api_token") else None
    return _GRANTS.get(sighting.type)


def device_kind(sighting: Sighting) -> int:
    """The device class as a number for :attr:`Session.device_kind`; 0 when it is unknown."""
    return crc32(name.encode()) if (name := sighting.device_class) else 0


def network_key(sighting: Sighting) -> str | None:
    """The network as the past knows it: the AS number, or nothing when there is none (private addresses)."""
    return f"AS{sighting.network.asn}" if sighting.network.asn is not None else None


encode_profile: Final = msgspec.msgpack.Encoder().encode
decode_profile: Final = msgspec.msgpack.Decoder(Profile).decode
