"""A signed and encrypted copy of a person's package, for a legal claim (GDPR Art. 17(3)(e), 18(1)(c)).

The signature says that this installation gave out exactly these bytes; the encryption, that only the recipient reads
them. Both are opened with tools that everybody has: a ZIP with ``SHA256SUMS`` and an Ed25519 signature over it, which
``openssl`` and ``sha256sum`` check, in the `age <https://age-encryption.org/v1>`_ format.

Making it changes nothing that sentinel keeps: no retention is extended. Until when the recipient may keep the copy is
stated in it.
"""

import io
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import msgspec
import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sentinel.errors import SentinelError
from sentinel.events.clock import to_text

SECRET_BYTES: Final = 32
#: Random letters and digits of this length hold 62 bits; scrypt makes each guess dear, but does not make up for fewer.
MIN_PASSPHRASE: Final = 12

_PACKAGE: Final = "package.zip"
_STATEMENT: Final = "statement.json"
_README: Final = "README.txt"
_SUMS: Final = "SHA256SUMS"
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)


class EvidenceError(SentinelError):
    """The evidence cannot be made as asked."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What the copy is for: ``purpose`` names the claim, ``controller`` who gave the copy out.

    ``made`` and ``keep_until`` are micros.
    """

    account: str
    tenant: str
    purpose: str
    made: int
    keep_until: int
    controller: str = ""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The signed archive in the clear, and the key that its signature is checked with.

    ``fingerprint`` is the SHA-256 of the key (SubjectPublicKeyInfo, DER) in hex: what the recipient compares by another
    way than the one the archive took.
    """

    archive: bytes
    public_key: str
    fingerprint: str


def make_evidence(package: bytes, claim: Claim, *, secret: bytes) -> Evidence:
    """Sign ``package``. ``secret`` is 32 bytes of the installation; the signing key is derived from it.

    The same package, claim and secret give the same bytes. Raises :class:`EvidenceError` for a date that is past, or a
    purpose that is missing.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"the secret has {SECRET_BYTES} bytes, got {len(secret)}")
    if not claim.purpose.strip():
        raise EvidenceError("purpose: name the claim that the copy is for; it stands in the copy and in the audit log")
    if claim.keep_until <= claim.made:
        raise EvidenceError("keep until: the date is past; give the day by which the claim will be settled")
    key = _signing_key(secret)
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    fingerprint = sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    files = {
        _PACKAGE: package,
        _STATEMENT: _statement(claim, fingerprint),
        _README: _README_TEXT.format(until=to_text(claim.keep_until)[:10], fingerprint=fingerprint).encode(),
    }
    sums = "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()
    files |= {_SUMS: sums, f"{_SUMS}.sig": key.sign(sums), "public_key.pem": pem}
    return Evidence(archive=_archive(files), public_key=pem.decode(), fingerprint=fingerprint)


def encrypt_to(evidence: Evidence, recipients: Sequence[str]) -> bytes:
    """The archive encrypted to age recipients (``age1…``, X25519): ``age --decrypt --identity KEYFILE`` opens it."""
    if not recipients:
        raise EvidenceError("recipient: name at least one, as `age-keygen` prints it: age1…")
    keys: list[pyrage.x25519.Recipient] = []
    for recipient in recipients:
        try:
            keys.append(pyrage.x25519.Recipient.from_str(recipient.strip()))
        except pyrage.RecipientError:
            raise EvidenceError(
                f"recipient {len(keys) + 1}: expected a public key as `age-keygen` prints it: age1…"
            ) from None
    return bytes(pyrage.encrypt(evidence.archive, keys))


def encrypt_with(evidence: Evidence, passphrase: str) -> bytes:
    """The archive encrypted with a passphrase (scrypt): ``age --decrypt`` asks for it."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise EvidenceError(f"passphrase: at least {MIN_PASSPHRASE} characters, sent another way than the file")
    return bytes(pyrage.passphrase.encrypt(evidence.archive, passphrase))


def _signing_key(secret: bytes) -> Ed25519PrivateKey:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sentinel/evidence signature").derive(secret)
    return Ed25519PrivateKey.from_private_bytes(derived)


def _statement(claim: Claim, fingerprint: str) -> bytes:
    said = {
        "schema": 1,
        "account": claim.account,
        "tenant": claim.tenant,
        "controller": claim.controller,
        "purpose": claim.purpose,
        "made": to_text(claim.made),
        "keep_until": to_text(claim.keep_until),
        "key_sha256": fingerprint,
        "retention": "The recipient keeps this copy until keep_until at the latest, for the purpose named here only,"
        " and destroys it then or when the claim is settled, whichever comes first. Making it did not extend any"
        " retention of sentinel: what it is a copy of is destroyed there when due.",
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=2) + b"\n"


def _archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_STORED) as archive:
        for name, data in files.items():
            info = ZipInfo(name, _MOMENT)
            info.create_system = 3
            info.external_attr = 0o100600 << 16
            archive.writestr(info, data)
    return out.getvalue()


_README_TEXT: Final = """\
A copy of the data that sentinel held about one account, made for a legal claim.

Keep it until {until} at the latest, for the claim only, and destroy it then or when the claim is settled. sentinel
itself destroys its own data when due; this copy does not extend that.

  package.zip      the data; begin with index.html in it
  statement.json   whose data it is, what the copy is for, how long it may be kept
  SHA256SUMS       check sums of these files
  SHA256SUMS.sig   signature (Ed25519) over SHA256SUMS
  public_key.pem   the key to check it with

To check that nothing was changed:

  sha256sum --check SHA256SUMS
  openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig

To check that the key is the installation's, compare what this prints with the fingerprint you were told:

  openssl pkey -pubin -in public_key.pem -outform DER | sha256sum

  {fingerprint}
"""
