"""One event as exported: what was sent, what was looked up, and what was made of it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

#: A moment: RFC 3339 in UTC, as :func:`sentinel.events.clock.to_text` writes it.
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class PlaceData(msgspec.Struct, frozen=True, kw_only=True):
    """A rough place: ISO 3166-1 code, names, degrees (WGS 84) and a radius in kilometres."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_km: float | None = None


class NetworkData(msgspec.Struct, frozen=True, kw_only=True):
    """The network that an address belongs to."""

    asn: int | None = None
    organisation: str | None = None
    kind: str | None = None
    listed: bool = False
    office: bool = False


class DeviceData(msgspec.Struct, frozen=True, kw_only=True):
    """The device, as read from the user agent."""

    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    os_version: str | None = None
    type: str | None = None


class FindingData(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that held, and the values it read."""

    rule: str
    title: str
    status: str
    risk: float
    share: float
    evidence: dict[str, Any] = {}


class NotJudged(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that could not be judged, and why."""

    rule: str
    missing: list[str] = []
    reason: str | None = None


class AssessmentData(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of an event. ``counts`` are the numbers of events that its rules compared with."""

    risk: float | None
    level: str | None
    decision: str
    would: str | None = None
    scope: str = "attempt"
    until: str | None = None
    methods: list[str] = []
    end_sessions: bool = False
    hold_change: bool = False
    findings: list[FindingData] = []
    alert: str | None = None
    campaign: str | None = None
    warming_up: bool = False
    restricted: bool = False
    unjudged: list[NotJudged] = []
    counts: dict[str, int | None] = {}
    ruleset: str = ""
    models: dict[str, str] = {}


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """One event. ``expired`` says that its raw values were destroyed when due: they are null then.

    Left out are the keyed pseudonyms that stand beside the raw values (they say nothing more, and known pairs of value
    and pseudonym would help whoever steals a database to recognise other people), and the account of an admin who acted
    (Art. 15(4): it is another person's; ``actor`` says that it was an admin).
    """

    id: str
    time: Time
    type: str
    outcome: str
    reason: str | None = None
    actor: str = "self"
    service: str | None = None
    expired: bool = False
    ip: str | None = None
    user_agent: str | None = None
    device_id: str | None = None
    session_id: str | None = None
    factor_device_id: str | None = None
    ja4: str | None = None
    language: str | None = None
    place: PlaceData = PlaceData()
    network: NetworkData = NetworkData()
    device: DeviceData = DeviceData()
    auth_method: str | None = None
    idp: str | None = None
    origin: str | None = None
    phishing_resistant: bool = False
    password_ok: bool = False
    password_breached: bool = False
    factor_method: str | None = None
    factor_outcome: str | None = None
    factor_counter: int | None = None
    enforced: str | None = None
    rtt_ms: float | None = None
    timezone: str | None = None
    tags: list[str] = []
    concludes: bool = False
    trusted: bool = False
    assessment: AssessmentData | None = None
