"""The keys that Security Event Tokens are signed with: ES256, kept sealed in the keyring, public in the JWKS.

A new key signs at once; the former ones stay published for as long as a token signed with them may be on its way.
Receivers fetch the set anew when they meet an unknown ``kid`` (OpenID SSF 1.0 section 7.1, ``jwks_uri``; RFC 7517).
"""

from typing import Any, Final

import msgspec
from joserfc.jwk import ECKey

from sentinel.errors import SentinelError
from sentinel.events.clock import DAY
from sentinel.privacy.keyring import Keyring

#: Name of the value in the keyring.
VALUE: Final = "signals"
#: How long a key stays published after it signed last (micros): longer than the tries of a token, and replays of it.
PUBLISHED: Final = 30 * DAY
_CURVE: Final = "P-256"
ALGORITHM: Final = "ES256"


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A private key as JWK (RFC 7517), when it was made, and when it signed last (micros; 0: it still does)."""

    jwk: dict[str, Any]
    made: int
    until: int = 0


def load_keys(keyring: Keyring) -> list[SigningKey]:
    """The keys, the one that signs first; none before the first use."""
    sealed = keyring.value(VALUE)
    return msgspec.msgpack.decode(sealed, type=list[SigningKey]) if sealed else []


def ensure_key(keyring: Keyring, now: int) -> None:
    """Make the first key where there is none."""
    if not load_keys(keyring):
        _put(keyring, [_new(now)])


def rotate_key(keyring: Keyring, now: int) -> str:
    """Sign with a new key from ``now`` (micros) on; returns its ``kid``. Former ones that nobody needs go."""
    former = [
        msgspec.structs.replace(key, until=key.until or now) for key in load_keys(keyring) if _is_needed(key, now)
    ]
    key = _new(now)
    _put(keyring, [key, *former])
    return str(key.jwk["kid"])


def signing_key(keyring: Keyring) -> ECKey:
    """The key that signs. Raises :class:`SentinelError` when there is none yet."""
    keys = load_keys(keyring)
    if not keys:
        raise SentinelError("there is no key to sign with yet; the daemon makes it when it starts with [[streams]]")
    return ECKey.import_key(keys[0].jwk)


def public_keys(keyring: Keyring, now: int) -> dict[str, Any]:
    """The JWK set (RFC 7517 section 5) of what is published at ``now`` (micros)."""
    published = (key for key in load_keys(keyring) if _is_needed(key, now))
    return {"keys": [ECKey.import_key(key.jwk).as_dict(private=False) for key in published]}


def _is_needed(key: SigningKey, now: int) -> bool:
    return not key.until or key.until > now - PUBLISHED


def _new(now: int) -> SigningKey:
    key = ECKey.generate_key(_CURVE, private=True)
    jwk = dict(key.as_dict(private=True))
    return SigningKey(jwk=jwk | {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}, made=now)


def _put(keyring: Keyring, keys: list[SigningKey]) -> None:
    keyring.put_value(VALUE, msgspec.msgpack.encode(keys))
