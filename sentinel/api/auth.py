"""Bearer keys: only hashes are kept, compared in constant time; a new or revoked key counts within a second."""

import asyncio
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from aiohttp import web

from sentinel.api.problems import Problem
from sentinel.store.protocol import ApiKey, Store

SCOPES: Final = ("events", "assess", "accounts", "feedback", "metrics")
_PREFIX: Final = "sentinel_"
#: How long keys are used without asking the store again, in seconds.
_FRESH: Final = 1.0
#: An unknown key may be new, so we look again before refusing it; but not more often than this, in seconds.
_LOOK_AGAIN: Final = 0.05


def new_key(name: str, tenant: str, scopes: tuple[str, ...], *, now: int) -> tuple[ApiKey, str]:
    """A key to keep and its secret to hand out once: 256 random bits, so a plain hash suffices."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    return ApiKey(name=name, tenant=tenant, digest=digest_of(secret), scopes=scopes, created=now), secret


def digest_of(secret: str) -> bytes:
    """What is kept of a secret."""
    # Header bytes that are no UTF-8 come as surrogates.
    return sha256(secret.encode(errors="surrogateescape")).digest()


class Keys:
    """The keys in force, as the store has them."""

    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._keys: list[ApiKey] = []
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def authorise(self, request: web.Request, scope: str) -> ApiKey:
        """The key of a request. Raises :class:`Problem` (401, 403)."""
        header = request.headers.get("Authorization", "")
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Problem(401, "send the header Authorization: Bearer KEY; `sentinel keys create` makes keys")
        digest = digest_of(secret.strip())
        asked = self._monotonic()
        await self._read(since=asked - _FRESH)
        key = self._find(digest)
        if key is None:
            await self._read(since=asked)
            key = self._find(digest)
        if key is None:
            raise Problem(401, "this key is not known or was revoked")
        if scope not in key.scopes:
            raise Problem(403, f"the key {key.name!r} lacks the scope {scope!r}; it has: {', '.join(key.scopes)}")
        return key

    async def _read(self, *, since: float) -> None:
        """Read the keys, unless that was begun after ``since``. Those who wait share one reading."""
        if self._read_at >= since:
            return
        async with self._lock:
            if self._read_at >= since:
                return
            if (pause := self._read_at + _LOOK_AGAIN - self._monotonic()) > 0:
                await asyncio.sleep(pause)
            begun = self._monotonic()
            self._keys = [key for key in await self._store.keys() if not key.revoked]
            self._read_at = begun

    def _find(self, digest: bytes) -> ApiKey | None:
        found = None
        for key in self._keys:
            if compare_digest(key.digest, digest):
                found = key
        return found
