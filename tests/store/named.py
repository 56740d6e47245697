"""A vault whose accounts are known by the names that a test gives them."""

from hashlib import sha256
from zlib import crc32

from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.vault import Vault


class NamedVault(Vault):
    """Every handle has a key."""

    def __init__(self) -> None:
        super().__init__(Keyring(None, Secret(b"k" * 32)))

    def of(self, handle: str | None) -> AccountKey:
        if handle is not None and ":" not in handle and handle not in self._handles:
            secret = sha256(handle.encode()).digest()
            self._hold(AccountKey(1 + crc32(handle.encode()), handle, secret, handle))
        return super().of(handle)
