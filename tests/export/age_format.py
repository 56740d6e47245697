"""Opens files in the age format, written from its specification (age-encryption.org/v1) for the tests alone."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from hmac import compare_digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CHUNK = 64 * 1024 + 16
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class WrongKeyError(Exception):
    """No stanza opens with it."""


Stanza = tuple[list[str], bytes]


def identity() -> tuple[X25519PrivateKey, str]:
    """A new key and its recipient, ``age1…``."""
    private = X25519PrivateKey.generate()
    return private, _bech32("age", private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def open_with_key(data: bytes, private: X25519PrivateKey) -> bytes:
    def file_key(stanza: Stanza) -> bytes | None:
        if stanza[0][0] != "X25519":
            return None
        share = _unbase64(stanza[0][1])
        own = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        secret = private.exchange(X25519PublicKey.from_public_bytes(share))
        return _unwrap(_derive(secret, b"age-encryption.org/v1/X25519", share + own), stanza[1])

    return _open(data, file_key)


def open_with_passphrase(data: bytes, passphrase: str) -> bytes:
    def file_key(stanza: Stanza) -> bytes | None:
        assert stanza[0][0] == "scrypt"
        salt = b"age-encryption.org/v1/scrypt" + _unbase64(stanza[0][1])
        key = Scrypt(salt=salt, length=32, n=1 << int(stanza[0][2]), r=8, p=1).derive(passphrase.encode())
        return _unwrap(key, stanza[1])

    return _open(data, file_key)


def _open(data: bytes, file_key: Callable[[Stanza], bytes | None]) -> bytes:
    head, _, rest = data.partition(b"\n--- ")
    mac, _, body = rest.partition(b"\n")
    version, *lines = head.decode().split("\n")
    assert version == "age-encryption.org/v1"
    stanzas: list[Stanza] = []
    for line in lines:
        if line.startswith("-> "):
            stanzas.append((line[3:].split(" "), b""))
        else:
            stanzas[-1] = (stanzas[-1][0], stanzas[-1][1] + _unbase64(line))
    key = next((found for stanza in stanzas if (found := file_key(stanza)) is not None), None)
    if key is None:
        raise WrongKeyError
    expected = HMAC(_derive(key, b"header", b""), SHA256())
    expected.update(head + b"\n---")
    assert compare_digest(expected.finalize(), _unbase64(mac.decode()))
    cipher = ChaCha20Poly1305(_derive(key, b"payload", body[:16]))
    body = body[16:]
    out = b""
    for number, start in enumerate(range(0, len(body), _CHUNK)):
        last = start + _CHUNK >= len(body)
        out += cipher.decrypt(number.to_bytes(11, "big") + bytes([last]), body[start : start + _CHUNK], None)
    return out


def _derive(secret: bytes, info: bytes, salt: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(secret)


def _unwrap(key: bytes, wrapped: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), wrapped, None)
    except InvalidTag:
        return None


def _unbase64(text: str) -> bytes:
    data = b64decode(text + "=" * (-len(text) % 4), validate=True)
    assert b64encode(data).decode().rstrip("=") == text
    return data


def _bech32(prefix: str, data: bytes) -> str:
    """BIP 173; the last group of five bits is padded with zeros."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]
    spread = [ord(each) >> 5 for each in prefix] + [0] + [ord(each) & 31 for each in prefix]
    check = _polymod([*spread, *values, 0, 0, 0, 0, 0, 0]) ^ 1
    return prefix + "1" + "".join(_BECH32[each] for each in [*values, *(check >> 5 * (5 - i) & 31 for i in range(6))])


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check
