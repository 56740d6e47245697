"""Standard Webhooks 1.0: body, signatures, secrets. Pure."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sentinel.events.clock import SECOND, to_text
from sentinel.events.hook import HookEvent

#: Bytes of a symmetric secret ("Signature scheme": between 24 and 64).
_BYTES: Final = range(24, 65)
_SYMMETRIC: Final = "whsec_"
_PRIVATE: Final = "whsk_"
_json: Final = msgspec.json.Encoder().encode


class WebhookSecret:
    """A secret in the form of the standard: ``whsec_`` and base64 (HMAC-SHA256, signature ``v1``), or ``whsk_`` and the
    base64 of an Ed25519 key (signature ``v1a``). ValueError says what is wrong, without the secret."""

    __slots__ = ("_key", "_private")

    def __init__(self, text: str) -> None:
        prefix = next((each for each in (_SYMMETRIC, _PRIVATE) if text.startswith(each)), None)
        if prefix is None:
            raise ValueError(f"a secret begins with {_SYMMETRIC} (or {_PRIVATE})")
        try:
            key = base64.b64decode(text.removeprefix(prefix), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"what follows {prefix} is not base64") from None
        self._key, self._private = key, None
        if prefix == _SYMMETRIC and len(key) not in _BYTES:
            raise ValueError(f"a secret has {_BYTES.start} to {_BYTES.stop - 1} bytes, this one has {len(key)}")
        if prefix == _PRIVATE:
            # The seed alone, or with the public key behind it, as libraries write it.
            if len(key) not in (32, 64):
                raise ValueError(f"an Ed25519 key has 32 or 64 bytes, this one has {len(key)}")
            self._private = Ed25519PrivateKey.from_private_bytes(key[:32])

    def sign(self, signed: bytes) -> str:
        """The signature with its version."""
        if self._private is not None:
            return "v1a," + base64.b64encode(self._private.sign(signed)).decode()
        return "v1," + base64.b64encode(hmac.digest(self._key, signed, "sha256")).decode()


def message_id(name: str) -> str:
    """``webhook-id``: the same for all tries, by which a receiver knows that it had it before."""
    return f"msg_{name}"


def body_of(event: HookEvent) -> bytes:
    """The payload ("Payload structure"): the same bytes at every try."""
    return body(event.type, event.time, event.data)


def body(type: str, time: int, data: dict[str, Any]) -> bytes:
    """The same of its parts; ``time`` is micros."""
    return _json({"type": type, "timestamp": to_text(time), "data": data})


def headers(id: str, now: int, body: bytes, secrets: Sequence[WebhookSecret]) -> dict[str, str]:
    """The headers of a try at ``now`` (micros): one signature for each secret, so that a receiver may know the old one
    or the new one while they are exchanged ("Webhook headers")."""
    timestamp = str(now // SECOND)
    signed = b".".join((id.encode(), timestamp.encode(), body))
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(secret.sign(signed) for secret in secrets),
    }
