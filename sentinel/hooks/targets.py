"""The two kinds of targets: what is posted to each, and what its answer means."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec
from joserfc.jwk import ECKey

from sentinel.hooks import signals, webhooks
from sentinel.hooks.client import Poster, Reply
from sentinel.hooks.webhooks import WebhookSecret
from sentinel.store.hooks import Hook
from sentinel.store.protocol import Store

#: Codes of errors that a receiver of tokens may give (RFC 8935 section 2.4); others are not repeated here.
_CODES: Final = (
    "invalid_request",
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "access_denied",
)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a try: ``again`` is tried again, ``dead`` never is, and of ``gone`` nothing more is wanted.
    ``reason`` is in words of ours: never a text of the target's."""

    status: Literal["delivered", "again", "dead", "gone"]
    reason: str = ""
    reply: Reply | None = None


class Target(Protocol):
    """A webhook or a stream. ``digest`` is a hash of how it is configured."""

    name: str
    digest: bytes
    poster: Poster

    async def send(self, hook: Hook, now: int) -> Result:
        """Tell it, at ``now`` (micros)."""
        ...

    async def test(self, name: str, now: int) -> Result:
        """Send it an event that is about nobody; ``name`` is unique."""
        ...


class Webhook:
    """See :class:`Target`; by Standard Webhooks 1.0."""

    def __init__(self, name: str, digest: bytes, poster: Poster, secrets: Sequence[WebhookSecret]) -> None:
        self.name, self.digest, self.poster = name, digest, poster
        self._secrets = secrets

    async def send(self, hook: Hook, now: int) -> Result:
        """See the protocol."""
        return await self._post(hook.name, webhooks.body_of(hook.event), now)

    async def test(self, name: str, now: int) -> Result:
        """An event of type ``hook.test``."""
        return await self._post(name, webhooks.body("hook.test", now, {"target": self.name}), now)

    async def _post(self, name: str, body: bytes, now: int) -> Result:
        headers = webhooks.headers(webhooks.message_id(name), now, body, self._secrets)
        reply = await self.poster.post(body, headers)
        if 200 <= reply.status < 300:
            return Result(status="delivered", reply=reply)
        if reply.status == 410:
            return Result(status="gone", reason="answered 410", reply=reply)
        return Result(status="again", reason=reply.reason or _answered(reply.status), reply=reply)


class Signals:
    """See :class:`Target`; tokens pushed by RFC 8935. ``key`` gives the key that signs now."""

    def __init__(
        self,
        name: str,
        digest: bytes,
        poster: Poster,
        *,
        issuer: str,
        audience: str,
        subject: signals.SubjectFormat,
        token: str | None,
        key: Callable[[], ECKey],
        store: Store,
    ) -> None:
        self.name, self.digest, self.poster = name, digest, poster
        self._issuer, self._audience, self._subject = issuer, audience, subject
        self._token, self._key, self._store = token, key, store

    async def send(self, hook: Hook, now: int) -> Result:
        """See the protocol."""
        event, email, session = hook.event, None, None
        if self._subject == "email" and event.account is not None:
            attributes = await self._store.attributes(event.account)
            email = attributes.email if attributes is not None else None
        user = signals.subject(self._subject, self._issuer, event.data["account"], email)
        if user is None:
            return Result(status="dead", reason="no address of the account is known, and the stream names it by that")
        if event.record is not None and (record := await self._store.record(event.record)):
            session = (await self._store.raw(record)).session_id
        claims = signals.claims_of(
            event,
            hook.name,
            issuer=self._issuer,
            audience=self._audience,
            subject=signals.with_session(user, session),
            issued=hook.first_try,
        )
        return await self._post(claims)

    async def test(self, name: str, now: int) -> Result:
        """A verification event, whose state is ``name``."""
        return await self._post(
            signals.verification(self.name, name, issuer=self._issuer, audience=self._audience, now=now, state=name)
        )

    async def _post(self, claims: dict[str, Any]) -> Result:
        headers = {"content-type": signals.MEDIA, "accept": "application/json"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        reply = await self.poster.post(signals.sign(claims, self._key()), headers)
        # 202 is what RFC 8935 section 2.2 wants; receivers that say 200 or 204 took it as well.
        if 200 <= reply.status < 300:
            return Result(status="delivered", reply=reply)
        if reply.status == 410:
            return Result(status="gone", reason="answered 410", reply=reply)
        reason = reply.reason or _answered(reply.status)
        if reply.status == 400 and (code := _code(reply.body)) is not None:
            reason += f" {code}"
            if code == "invalid_request":
                # The token itself is not taken (section 2.3): the same one again would not be either.
                return Result(status="dead", reason=reason, reply=reply)
        return Result(status="again", reason=reason, reply=reply)


def _answered(status: int) -> str:
    return f"answered {status}" + (" (redirects are not followed)" if 300 <= status < 400 else "")


def _code(body: bytes) -> str | None:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    code = found.get("err") if isinstance(found, dict) else None
    return code if code in _CODES else None
