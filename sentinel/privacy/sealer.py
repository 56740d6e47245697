"""Sealing: AES-256-GCM with the row's identity bound in, under keys that say what they are for."""

import os
from typing import Any, Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sentinel.errors import StoreError

_NONCE: Final = 12
_NONCES: Final = 256
_T = TypeVar("_T")
#: First byte of every sealed value: says how it was sealed, so that the way can change without rewriting rows.
_VERSION: Final = b"\x02"
_nonces: list[bytes] = []
#: A sealed row's content is filled up to a multiple of so many bytes: sizes would tell browsers and people apart.
BLOCK: Final = 256
_END: Final = b"\x80"


class Sealer:
    """Seals and opens under one key. ``row`` names the row a value belongs to: moved to another it does not open."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, data: bytes, row: str) -> bytes:
        """A version byte, a 96-bit random nonce, the encrypted ``data`` and its tag."""
        try:
            nonce = _nonces.pop()
        except IndexError:  # asking first would not do: the writer of the keyring seals beside the loop
            nonce = _draw()
        return _VERSION + nonce + self._cipher.encrypt(nonce, data, row.encode())

    def open(self, sealed: bytes, row: str) -> bytes:
        """What was sealed. Raises :class:`StoreError` when key or row are not those it was sealed with."""
        if sealed[:1] != _VERSION:
            raise StoreError("a sealed value has an unknown version; it was written by another sentinel", retry=False)
        try:
            return self._cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], row.encode())
        except (InvalidTag, ValueError):
            raise StoreError(
                "a sealed value does not open: it was damaged, moved to another row, or sealed with another key",
                retry=False,
            ) from None


def _draw() -> bytes:
    """Twelve random bytes, drawn from the system in larger pieces: the call costs more than the bytes."""
    drawn = os.urandom(_NONCE * _NONCES)
    _nonces.extend(drawn[at : at + _NONCE] for at in range(_NONCE, len(drawn), _NONCE))
    return drawn[:_NONCE]


# A child would seal with the very nonces that its parent uses.
os.register_at_fork(after_in_child=_nonces.clear)


def pad(data: bytes, block: int = BLOCK) -> bytes:
    """``data`` filled up to a multiple of ``block`` bytes (ISO/IEC 7816-4: a byte 80, then zeroes).

    >>> pad(b"ab", 8)
    b'ab\\x80\\x00\\x00\\x00\\x00\\x00'
    """
    return (data + _END).ljust(-(-(len(data) + 1) // block) * block, b"\0")


def unpad(data: bytes) -> bytes:
    """What :func:`pad` filled up. Raises :class:`StoreError` when it did not."""
    bare = data.rstrip(b"\0")
    if not bare.endswith(_END):
        raise StoreError(
            "a sealed value is not filled up as it should be; it was written by another sentinel", retry=False
        )
    return bare[:-1]


def sealed_size(length: int) -> int:
    """How long so many bytes are once padded and sealed."""
    return len(_VERSION) + _NONCE + len(pad(bytes(length))) + 16


pack: Final = msgspec.msgpack.Encoder().encode
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def unpack(data: bytes | bytearray, type: type[_T]) -> _T:
    """What :func:`pack` made bytes of."""
    decoder = _decoders.get(type)
    if decoder is None:
        decoder = _decoders[type] = msgspec.msgpack.Decoder(type)
    return decoder.decode(data)  # type: ignore[no-any-return]
