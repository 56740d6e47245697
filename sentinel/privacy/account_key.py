"""What is made of one account's key: the names its rows are found by, and the keys its values are sealed under.

Nothing else leads from an account to its rows. With the key destroyed, whatever is left somewhere (in an old backup, in
a count that many share) belongs to nobody.
"""

from binascii import b2a_base64
from hashlib import blake2b
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from sentinel.privacy.keys import KEY_BYTES
from sentinel.privacy.sealer import Sealer

#: Bytes of a handle and of a row id: 96 bits, see :mod:`sentinel.privacy.pseudonyms`.
_DIGEST: Final = 12
_SHA256: Final = SHA256()
#: Row ids remembered of one account: most events ask for those of the event before.
_REMEMBERED: Final = 8


class AccountKey:
    """The key of one account, as the keyring keeps it.

    ``number`` counts accounts and is never used twice; ``lookup`` is the installation's pseudonym of tenant and account
    id; ``handle`` stands for the account wherever it is judged, counted or listed.
    """

    __slots__ = ("_made", "_rows", "_secret", "day", "handle", "lookup", "number", "own", "raw", "record")

    def __init__(self, number: int, lookup: str, secret: bytes, handle: str | None = None) -> None:
        self.number = number
        self.lookup = lookup
        self._secret = secret
        self.handle = (
            handle if handle is not None else _text(blake2b(key=secret, digest_size=_DIGEST, person=b"handle"))
        )
        self._rows: blake2b | None = None
        self._made: dict[str | int, str] = {}
        # Held ready: what seals under the account's own key, and with the raw and the record key of one UTC day.
        # Fields, because most events find them cold, and each table on the way would be one more miss.
        # :class:`sentinel.privacy.sealers.Sealers` fills and clears them.
        self.own: Sealer | None = None
        self.day = -1
        self.raw: Sealer | None = None
        self.record: Sealer | None = None

    @property
    def secret(self) -> bytes:
        """The key itself, for the keyring alone."""
        return self._secret

    @property
    def rows(self) -> bytes:
        """From which every row id of the account is made, and nothing else: all that an erasure needs to remember."""
        return blake2b(key=self._secret, digest_size=KEY_BYTES, person=b"rows").digest()

    def row(self, kind: str | int) -> str:
        """What rows of a kind are found by: ``profile``, ``attributes``, ``alerts``, ``mails``, ``windows``, or the UTC
        day of events. Two days' rows cannot be told to be of one account without the key."""
        row = self._made.get(kind)
        if row is None:
            if self._rows is None:
                self._rows = blake2b(key=self.rows, digest_size=_DIGEST)
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            row = self._made[kind] = _row(self._rows, kind)
        return row

    def derive(self, purpose: str, day_key: bytes = b"") -> bytes:
        """A sealing key: HKDF-SHA256 (RFC 5869) of the account's key and a day's. Both are uniformly random, so that
        its first step, which would only make them so, is left out (section 3.3): this is done for most events."""
        return HKDFExpand(_SHA256, KEY_BYTES, f"sentinel/{purpose}".encode()).derive(self._secret + day_key)


def row_of(rows: bytes, kind: str | int) -> str:
    """:meth:`AccountKey.row` from :attr:`AccountKey.rows` alone, for an account that was erased."""
    return _row(blake2b(key=rows, digest_size=_DIGEST), kind)


def _row(begun: blake2b, kind: str | int) -> str:
    hashing = begun.copy()
    hashing.update(b"%d" % kind if isinstance(kind, int) else kind.encode())
    return _text(hashing)


def _text(hashing: blake2b) -> str:
    return b2a_base64(hashing.digest(), newline=False).decode()
