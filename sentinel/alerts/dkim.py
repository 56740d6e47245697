"""Signing mails (DKIM, RFC 6376; Ed25519 by RFC 8463). The only file that uses dkimpy."""

import base64
import logging
from typing import Final

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sentinel.errors import SentinelError

#: RFC 8301 section 3.2: verifiers take shorter keys for none.
_LEAST_BITS: Final = 1024
#: What a reader sees or a filter acts on. Named twice: a second one put in on the way breaks the signature.
_SIGNED: Final = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"auto-submitted",
)
_TWICE: Final = (b"from", b"to", b"subject", b"date")

#: dkimpy logs header lines, which hold addresses.
_silent: Final = logging.getLogger("sentinel.alerts.dkim.silent")
_silent.disabled = True


class DkimError(SentinelError):
    """The key that mails are to be signed with is none."""


class Signer:
    """Signs mails for ``domain``; ``key`` is the private key in PEM. Raises :class:`DkimError` for a bad one."""

    def __init__(self, domain: str, selector: str, key: str) -> None:
        self._domain, self._selector = domain.encode("idna"), selector.encode("ascii")
        try:
            private = load_pem_private_key(key.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise DkimError("not a private key in PEM without a password (RSA or Ed25519)") from None
        if isinstance(private, Ed25519PrivateKey):
            seed = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            self._key, self._algorithm = base64.b64encode(seed), b"ed25519-sha256"
        elif isinstance(private, RSAPrivateKey) and private.key_size >= _LEAST_BITS:
            pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
            self._key, self._algorithm = pem, b"rsa-sha256"
        else:
            raise DkimError(f"expected an RSA key of at least {_LEAST_BITS} bits, or an Ed25519 key")

    def signed(self, mail: bytes) -> bytes:
        """``mail`` with a signature before it. Raises :class:`DkimError` when it cannot be signed."""
        names = [name for name in _SIGNED if _has(mail, name)]
        try:
            header = dkim.sign(
                mail,
                self._selector,
                self._domain,
                self._key,
                canonicalize=(b"relaxed", b"relaxed"),
                signature_algorithm=self._algorithm,
                include_headers=[*names, *_TWICE],
                logger=_silent,
            )
        except dkim.DKIMException as error:
            raise DkimError(f"the mail could not be signed: {type(error).__name__}") from None
        return bytes(header) + mail


def _has(mail: bytes, name: bytes) -> bool:
    head = mail.partition(b"\r\n\r\n")[0].lower()
    return head.startswith(name + b":") or b"\r\n" + name + b":" in head
