"""Security Event Tokens of Shared Signals. Pure but for the key.

RFC 8417 (the token), RFC 9493 (subject identifiers), OpenID Shared Signals Framework 1.0 (profile of both, sections 3
and 4), OpenID CAEP 1.0 and RISC 1.0 (events).
"""

from typing import Any, Final, Literal

import msgspec
from joserfc import jws
from joserfc.jwk import ECKey

from sentinel.events.clock import SECOND
from sentinel.events.hook import HookEvent, Signal
from sentinel.hooks.keys import ALGORITHM

_CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"
#: Event type URIs (CAEP 1.0 section 3; RISC 1.0 section 2).
URIS: Final[dict[Signal, str]] = {
    "session-revoked": f"{_CAEP}session-revoked",
    "risk-level-change": f"{_CAEP}risk-level-change",
    "credential-change": f"{_CAEP}credential-change",
    "credential-compromise": f"{_RISC}credential-compromise",
    "account-credential-change-required": f"{_RISC}account-credential-change-required",
}
#: SSF 1.0 section 8.1.4.1.
VERIFICATION: Final = "https://schemas.openid.net/secevent/ssf/event-type/verification"
#: Explicit typing (RFC 8417 section 2.3; SSF 1.0 section 4.1.1).
TYPE: Final = "secevent+jwt"
#: Push delivery (SSF 1.0 section 6.1.1).
PUSH: Final = "urn:ietf:rfc:8935"
MEDIA: Final = "application/secevent+jwt"
SubjectFormat = Literal["iss_sub", "opaque", "email"]
_json: Final = msgspec.json.Encoder().encode


def subject(format: SubjectFormat, issuer: str, account: str, email: str | None = None) -> dict[str, Any] | None:
    """An account as subject identifier (RFC 9493 section 3.2); ``None`` when no address is known for ``email``."""
    if format == "iss_sub":
        return {"format": "iss_sub", "iss": issuer, "sub": account}
    if format == "opaque":
        return {"format": "opaque", "id": account}
    return {"format": "email", "email": email} if email else None


def with_session(user: dict[str, Any], session: str | None) -> dict[str, Any]:
    """A session of a user as complex subject (SSF 1.0 section 3.2); without a session all of the user's are meant."""
    if session is None:
        return user
    return {"format": "complex", "user": user, "session": {"format": "opaque", "id": session}}


def claims_of(
    event: HookEvent, name: str, *, issuer: str, audience: str, subject: dict[str, Any], issued: int
) -> dict[str, Any]:
    """The claims of a token: the same at every try, so that ``jti`` tells a receiver that it had it before.

    ``issued`` (micros) is when it was tried first, by our clock: when the event happened is for its sender to say, and
    receivers refuse what was issued after now. One event a token (SSF 1.0 section 4.1.6); neither ``sub`` nor ``exp``
    (sections 4.1.2 and 4.1.3).
    """
    told = dict(event.data["claims"]) | {"event_timestamp": event.time // SECOND}
    return {
        "iss": issuer,
        "iat": issued // SECOND,
        "jti": name,
        "aud": audience,
        "txn": event.data["event"],
        "sub_id": subject,
        "events": {URIS[event.type]: told},  # type: ignore[index]  # a stream gets nothing else
    }


def verification(
    stream: str, name: str, *, issuer: str, audience: str, now: int, state: str | None = None
) -> dict[str, Any]:
    """The claims of a verification event: its subject is the stream (SSF 1.0 section 8.1.4.1)."""
    return {
        "iss": issuer,
        "iat": now // SECOND,
        "jti": name,
        "aud": audience,
        "sub_id": {"format": "opaque", "id": stream},
        "events": {VERIFICATION: {"state": state} if state is not None else {}},
    }


def sign(claims: dict[str, Any], key: ECKey) -> bytes:
    """The token in compact form (RFC 7515 section 7.1)."""
    header = {"typ": TYPE, "alg": ALGORITHM, "kid": key.kid}
    return jws.serialize_compact(header, _json(claims), key).encode()


def metadata(issuer: str) -> dict[str, Any]:
    """What ``/.well-known/ssf-configuration`` says (SSF 1.0 section 7.1). Streams are the operator's to configure, so
    there are no endpoints that manage them, and every account of a stream's tenant is a subject."""
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "delivery_methods_supported": [PUSH],
        "default_subjects": "ALL",
    }
