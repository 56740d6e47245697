"""The event as an auth service posts it (CONTRACT §1), typed and checked."""

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from sentinel.errors import FieldError
from sentinel.events.clock import MINUTE, to_micros
from sentinel.events.limits import MAX_STRING, MAX_USER_AGENT, check_depth, check_size, check_sizes, check_time
from sentinel.events.place import NETWORK_KINDS
from sentinel.events.refusal import choices, refusal

#: Bytes of one event at most (CONTRACT §1).
MAX_EVENT: Final = 64 * 1024

#: How far ahead of the daemon's clock an event posted over HTTP may be (CONTRACT §1).
MAX_AHEAD: Final = 5 * MINUTE

Type = Literal[
    "login",
    "mfa_challenge",
    "mfa_enrolled",
    "mfa_removed",
    "password_changed",
    "password_reset_requested",
    "email_changed",
    "phone_changed",
    "recovery_used",
    "token_created",
    "consent_granted",
    "role_changed",
    "account_created",
    "session_seen",
    "session_revoked",
    "logout",
]
TYPES: Final[tuple[str, ...]] = get_args(Type)
Outcome = Literal["success", "failure", "blocked", "pending"]
Reason = Literal[
    "bad_password",
    "unknown_account",
    "mfa_failed",
    "locked",
    "disabled",
    "expired",
    "rate_limited",
    "interrupted",
    "policy",
    "other",
]
#: Failures that are somebody trying (CONTRACT §1); every ``blocked`` is one too.
ATTEMPT_REASONS: Final = frozenset({"bad_password", "unknown_account", "mfa_failed", "locked", "rate_limited", "other"})
#: Types that must say how they ended.
OUTCOME_REQUIRED: Final = frozenset({"login", "mfa_challenge"})
#: Changes of what lets a person in or reaches them: judged like a login. Each is owed a notice; a reset that was only
#: asked for changes nothing yet.
CREDENTIAL_CHANGES: Final = frozenset(
    {
        "mfa_enrolled",
        "mfa_removed",
        "password_changed",
        "password_reset_requested",
        "email_changed",
        "phone_changed",
        "recovery_used",
    }
)

Text = Annotated[str, Meta(min_length=1, max_length=MAX_STRING)]
AgentText = Annotated[str, Meta(max_length=MAX_USER_AGENT)]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
MfaMethod = Literal["totp", "webauthn", "push", "sms", "voice", "email", "backup_code", "none"]
AuthMethod = Literal[
    "password", "passkey", "magic_link", "sso", "device_code", "refresh_token", "api_token", "certificate"
]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Client(_Strict, frozen=True, kw_only=True):
    """What the connection itself gave away; kept as keyed pseudonyms."""

    ja4: Text | None = None
    accept_language: Text | None = None


class Auth(_Strict, frozen=True, kw_only=True):
    """How the first factor was proved."""

    method: AuthMethod | None = None
    idp: Text | None = None
    phishing_resistant: bool | None = None
    origin: Text | None = None


class Mfa(_Strict, frozen=True, kw_only=True):
    """The second factor: in a login its summary, in ``mfa_enrolled``/``mfa_removed`` the factor meant."""

    method: MfaMethod | None = None
    device_id: Text | None = None
    outcome: Literal["success", "failure", "pending", "denied", "timeout", "fraud_reported", "bypassed"] | None = None
    counter: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None


class GivenPlace(_Strict, frozen=True, kw_only=True):
    """A place given by the sender. What is given stands; what is missing is looked up."""

    country: Country | None = None
    region: Text | None = None
    city: Text | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    accuracy_km: Annotated[float, Meta(ge=0, le=20_100)] | None = None


class GivenNetwork(_Strict, frozen=True, kw_only=True):
    """A network given by the sender. What is given stands; what is missing is looked up."""

    asn: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None
    organisation: Text | None = None
    kind: Literal[NETWORK_KINDS] | None = None  # type: ignore[valid-type]  # the tuple is the one list of kinds


class Event(_Strict, frozen=True, kw_only=True):
    """One event (CONTRACT §1). Field names, types and limits are the contract's."""

    id: Text | None = None
    time: Annotated[datetime, Meta(tz=True)]
    type: Type = "login"
    account: Text | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None
    password_ok: bool = False
    password_breached: bool = False
    ip: Text | None = None
    user_agent: AgentText | None = None
    device_id: Text | None = None
    client: Client | None = None
    session_id: Text | None = None
    service: Text | None = None
    auth: Auth | None = None
    mfa: Mfa | None = None
    actor: Literal["self", "admin", "system"] = "self"
    actor_account: Text | None = None
    place: GivenPlace | None = None
    network: GivenNetwork | None = None
    rtt_ms: Annotated[float, Meta(ge=0, le=86_400_000)] | None = None
    email: Text | None = None
    previous_email: Text | None = None
    email_verified: bool | None = None
    locale: Text | None = None
    timezone: Text | None = None
    name: Text | None = None
    account_tags: Annotated[list[Text], Meta(max_length=64)] = []
    account_created: Annotated[datetime, Meta(tz=True)] | None = None
    concludes: Text | None = None
    enforced: Text | None = None
    label: Annotated[str, Meta(pattern=r"^(legitimate|attack(:[a-z0-9_]{1,64})?)\Z")] | None = None
    extra: dict[str, Any] | None = None

    @property
    def ended(self) -> str:
        """The outcome, with the default that the types without a required one have."""
        return self.outcome or "success"


class Feedback(_Strict, frozen=True, kw_only=True):
    """An answer between the events of a file: somebody who knows said what an event was."""

    type: Literal["feedback"]
    time: Annotated[datetime, Meta(tz=True)]
    event: Text
    verdict: Literal["legitimate", "compromised"]


class _Kind(msgspec.Struct):
    type: Any = "login"


_decode_event: Final = msgspec.json.Decoder(Event).decode
_decode_feedback: Final = msgspec.json.Decoder(Feedback).decode
_decode_kind: Final = msgspec.json.Decoder(_Kind).decode
_encode_canonical: Final = msgspec.json.Encoder(order="deterministic").encode

_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_EXPECTED: Final = {
    **choices(Feedback),
    **choices(Event),
    "time": "RFC 3339 with a time zone, as 2026-01-01T12:00:00Z",
    "account_created": "RFC 3339 with a time zone, as 2026-01-01T12:00:00Z",
    "place.country": "an ISO 3166-1 alpha-2 code, as FR",
    "label": "legitimate, attack or attack:KIND, KIND being lower case letters, digits and _",
}


def decode_event(data: bytes | bytearray | memoryview, *, over_http: bool = False, now: int | None = None) -> Event:
    """Decode and check one event.

    ``over_http`` adds what only HTTP demands: an ``id``, no ``label``, and ``time`` at most :data:`MAX_AHEAD`
    after ``now`` (micros).

    Raises :class:`FieldError` naming the field and what was expected of it.
    """
    if len(data) > MAX_EVENT:
        raise FieldError("", f"an event is at most {MAX_EVENT} bytes; this one has {len(data)}")
    if not len(data):
        raise FieldError("", "there is nothing; expected one JSON object")
    try:
        event = _decode_event(data)
    except msgspec.ValidationError as error:
        raise explain(error, data) from None
    except _NOT_JSON as error:
        raise FieldError("", f"not a JSON object: {error}") from None
    check_event(event, over_http=over_http, now=now)
    if not _is_plain(data):
        check_sizes(event)
    return event


def convert_event(value: object, *, over_http: bool = False, now: int | None = None) -> Event:
    """Like :func:`decode_event`, from a value that was decoded before (a TOML table, an array's item)."""
    try:
        data = _encode_canonical(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise FieldError("", "expected one JSON object") from None
    return decode_event(data, over_http=over_http, now=now)


def decode_line(data: bytes) -> Event | Feedback:
    """Decode one line of a file: event or answer (``"type": "feedback"``). Raises :class:`FieldError`."""
    try:
        kind = _decode_kind(data).type
    except msgspec.ValidationError:
        raise FieldError("", "a line is one JSON object") from None
    except _NOT_JSON as error:
        raise FieldError("", f"not a JSON object: {error}") from None
    if kind != "feedback":
        return decode_event(data)
    return decode_feedback(data)


def decode_feedback(data: bytes) -> Feedback:
    """Decode one answer line. Raises :class:`FieldError`."""
    try:
        feedback = _decode_feedback(data)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except _NOT_JSON as error:
        raise FieldError("", f"not a JSON object: {error}") from None
    check_time(feedback.time)
    check_size("event", feedback.event)
    return feedback


def _is_plain(data: bytes | bytearray | memoryview) -> bool:
    """Every character is one byte, so that msgspec's count of them was the contract's count of bytes."""
    data = bytes(data)
    return data.isascii() and b"\\u" not in data


def canonical(event: Event) -> bytes:
    """The content as bytes, whatever key order and white space: two posts are the same if these are."""
    return _encode_canonical(event)


def check_event(event: Event, *, over_http: bool = False, now: int | None = None) -> None:
    """What the types alone do not say. Raises :class:`FieldError`."""
    check_time(event.time)
    if event.outcome is None and event.type in OUTCOME_REQUIRED:
        raise FieldError("outcome", f"required for type {event.type}: success, failure, blocked or pending")
    if event.outcome == "pending" and event.type not in OUTCOME_REQUIRED:
        raise FieldError("outcome", "pending is for type login and mfa_challenge only")
    if event.account is None and event.ended not in ("failure", "blocked"):
        raise FieldError("account", "required unless the attempt failed and no account is known")
    if event.ip is not None and not _is_address(event.ip):
        raise FieldError("ip", "expected an IPv4 or IPv6 address without zone or port")
    if event.place is not None and (event.place.lat is None) != (event.place.lon is None):
        missing = "lon" if event.place.lon is None else "lat"
        raise FieldError(f"place.{missing}", "lat and lon come together")
    if event.concludes is not None and event.concludes == event.id:
        raise FieldError("concludes", "expected the id of another event, the pending login")
    if event.extra is not None:
        check_depth("extra", event.extra)
    if over_http:
        if event.id is None:
            raise FieldError("id", "required over HTTP: it makes posting idempotent")
        if event.label is not None:
            raise FieldError("label", "only in training and evaluation files, refused over HTTP")
        if now is not None and to_micros(event.time) > now + MAX_AHEAD:
            raise FieldError("time", "more than 5 minutes ahead of this machine's clock")


@lru_cache(maxsize=65_536)
def _is_address(text: str) -> bool:
    from ipaddress import ip_address

    try:
        address = ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None


def explain(error: msgspec.ValidationError, data: bytes | bytearray | memoryview = b"") -> FieldError:
    """The field that a value was refused for, and what it takes. ``data`` is the event being decoded."""
    if data and _is_feedback(data):
        return FieldError("type", "feedback is for files; over HTTP answers go to POST /v1/feedback")
    return refusal(error, _EXPECTED, hint="; `extra` is the place for anything else" if data else "")


def _is_feedback(data: bytes | bytearray | memoryview) -> bool:
    try:
        return bool(_decode_kind(data).type == "feedback")
    except _NOT_JSON:  # of which a wrong type is one
        return False
