"""Sealing: AES-256-GCM over everything that names a person, with the row's identity bound in."""

import os
from typing import Any, Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sentinel.errors import StoreError
from sentinel.privacy.keys import LocalKey

_NONCE: Final = 12
_NONCES: Final = 256
_T = TypeVar("_T")
_encode: Final = msgspec.msgpack.Encoder().encode
#: First byte of every sealed value: says how the key was made, so that keys can change without rewriting rows.
_LOCAL_KEY: Final = b"\x01"


class Sealer:
    """Seals and opens values. ``row`` names the row a value belongs to: moved to another row it does not open."""

    def __init__(self, key: LocalKey) -> None:
        self._cipher = AESGCM(key.derive("sealing"))
        self._nonces: list[bytes] = []
        #: Says which key this is without giving anything of it away; the store is bound to it.
        self.fingerprint: bytes = key.derive("fingerprint")[:16]

    def seal(self, value: msgspec.Struct, *, row: str) -> bytes:
        """``value`` packed and encrypted: a version byte, a 96-bit random nonce, the text and its tag."""
        nonce = self._nonce()
        return _LOCAL_KEY + nonce + self._cipher.encrypt(nonce, _encode(value), row.encode())

    def _nonce(self) -> bytes:
        """Twelve random bytes, drawn from the system in larger pieces: the call costs more than the bytes."""
        if not self._nonces:
            drawn = os.urandom(_NONCE * _NONCES)
            self._nonces = [drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE)]
        return self._nonces.pop()

    def open(self, sealed: bytes, type: type[_T], *, row: str) -> _T:
        """The value again. Raises :class:`StoreError` when key or row are not those it was sealed with."""
        if sealed[:1] != _LOCAL_KEY:
            raise StoreError("a sealed value has an unknown version; it was written by a newer sentinel", retry=False)
        try:
            data = self._cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], row.encode())
        except (InvalidTag, ValueError):
            raise StoreError(
                "a sealed value does not open: it was damaged, or the store was written with another key"
                " (sentinel.key)",
                retry=False,
            ) from None
        return _decoder(type).decode(data)  # type: ignore[no-any-return]


_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def _decoder(type: Any) -> msgspec.msgpack.Decoder[Any]:
    decoder = _decoders.get(type)
    if decoder is None:
        decoder = _decoders[type] = msgspec.msgpack.Decoder(type)
    return decoder
