"""The token in the link "Was this you?" of an alert mail: what it is made of, and when it ends.

It is made of the alert and of whom the mail goes to, so that a mail that is tried again has the same bytes. Half of it
vouches for the other half: a token that is not ours is refused without a look into the store, which keeps a digest.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b, sha256
from hmac import compare_digest
from typing import Final, Literal

from sentinel.events.clock import DAY

#: Whom the link was sent to: the account's address, or the one it had before.
Role = Literal["current", "former"]
ROLES: Final[tuple[Role, ...]] = ("current", "former")

#: How long a link works, in days from the event on; after a change of credentials the former address has longer, since
#: the person may find out late.
LINK_DAYS: Final = 7
FORMER_DAYS: Final = 30

_HALF: Final = 16
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def make_token(key: bytes, tenant: str, alert: str, role: Role) -> str:
    """The token for the mail about an alert of a tenant to an address of a ``role``: 43 characters for a path.

    ``key`` is :attr:`sentinel.privacy.vault.Vault.answer_key`.
    """
    name = "\x1f".join((tenant, alert, role)).encode()
    half = blake2b(name, key=key, digest_size=_HALF, person=b"name").digest()
    return urlsafe_b64encode(half + _vouching(key, half)).decode().rstrip("=")


def is_ours(key: bytes, token: str) -> bool:
    """Whether the token was made with ``key``."""
    if not _FORM.fullmatch(token):
        return False
    raw = urlsafe_b64decode(token + "=")
    return compare_digest(raw[_HALF:], _vouching(key, raw[:_HALF]))


def digest_of(token: str) -> bytes:
    """What is kept of a token: 128 of its bits are chance to everybody else, so a plain hash suffices."""
    return sha256(token.encode()).digest()


def expiry_of(time: int, kind: str, role: Role) -> int:
    """When the link about an event of ``time`` in a mail of ``kind`` ends (micros)."""
    return time + (FORMER_DAYS if role == "former" and kind == "credential_change" else LINK_DAYS) * DAY


def kept_until(time: int, kind: str, role: Role) -> int:
    """The end of the UTC day on which it ends. That stands in the clear: with a mail server's log beside it, the hour
    would say whose row it is (docs/privacy-attack.md)."""
    return -(-expiry_of(time, kind, role) // DAY) * DAY


def _vouching(key: bytes, half: bytes) -> bytes:
    return blake2b(half, key=key, digest_size=_HALF, person=b"vouching").digest()
