"""The installation's local key: one file of 32 random bytes, from which every other key is derived."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sentinel.errors import FileError

KEY_BYTES: Final = 32
#: Name of the key file in the state directory, and of the systemd credential that replaces it.
KEY_NAME: Final = "sentinel.key"


class LocalKey:
    """Derives purpose-bound keys (HKDF-SHA256, RFC 5869) from one secret, so that no key serves two purposes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"the local key has {KEY_BYTES} bytes, got {len(secret)}")
        self._secret = secret

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one named purpose."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"sentinel/{purpose}".encode()).derive(self._secret)

    @classmethod
    def ephemeral(cls) -> "LocalKey":
        """A key that dies with the process, for commands that keep nothing."""
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def load(cls, state: Path) -> "LocalKey":
        """The key of an installation; made on first use with mode 0600.

        A systemd credential named ``sentinel.key`` wins over the file in the state directory. Raises
        :class:`FileError` when the key has the wrong size or others may read it; it is never replaced then,
        since everything sealed with it would be lost.
        """
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        if credentials and (path := Path(credentials, KEY_NAME)).exists():
            return cls._read(path, check_mode=False)
        path = state / KEY_NAME
        try:
            if not path.exists():
                _make(path)
            return cls._read(path, check_mode=True)
        except OSError as error:
            raise FileError(str(path), f"the key cannot be read or made: {error.strerror}") from None

    @classmethod
    def _read(cls, path: Path, *, check_mode: bool) -> "LocalKey":
        if check_mode and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise FileError(str(path), "others may read the key; run: chmod 600 on it")
        secret = path.read_bytes()
        if len(secret) != KEY_BYTES:
            raise FileError(
                str(path), f"expected {KEY_BYTES} bytes, found {len(secret)}: restore the key from its backup"
            )
        return cls(secret)


def _make(path: Path) -> None:
    """Make the key whole or not at all: a crash or a second process never meets half a key."""
    descriptor, name = mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # the other process's key stands
            os.link(draft, path)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
