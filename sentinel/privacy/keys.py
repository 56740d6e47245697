"""Secrets of 32 bytes, and the master key: the one secret that an operator has to keep."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sentinel.errors import FileError
from sentinel.files import sync_folder

KEY_BYTES: Final = 32
#: Name of the master key's file in the state directory, and of the systemd credential that replaces it.
KEY_NAME: Final = "sentinel.key"

_SHA256: Final = SHA256()


class Secret:
    """Derives purpose-bound keys (HKDF-SHA256, RFC 5869) from one secret, so that no key serves two purposes."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a secret has {KEY_BYTES} bytes, got {len(secret)}")
        self._secret = secret

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one named purpose."""
        return HKDF(_SHA256, KEY_BYTES, None, f"sentinel/{purpose}".encode()).derive(self._secret)

    @classmethod
    def ephemeral(cls) -> "Secret":
        """A secret that dies with the process, for commands that keep nothing."""
        return cls(os.urandom(KEY_BYTES))


def master_path(state: Path) -> tuple[Path, bool]:
    """Where the master key is read from, and whether that is a systemd credential, which wins over the file."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (path := Path(credentials, KEY_NAME)).exists():
        return path, True
    return state / KEY_NAME, False


def load_master_key(state: Path, *, make: bool = True) -> Secret:
    """The master key of an installation; with ``make`` it is made on first use with mode 0600.

    A systemd credential named ``sentinel.key`` wins over the file in the state directory. Raises :class:`FileError`
    when the key is missing, has the wrong size or others may read it; it is never replaced then, since everything
    sealed under it would be lost.
    """
    path, credential = master_path(state)
    try:
        if not path.exists():
            if not make:
                raise FileError(
                    str(path),
                    "the master key is missing, but there is a keyring that it opens: put the key back from where you"
                    " keep it; without it nothing sealed can be read again",
                )
            write_new(path, os.urandom(KEY_BYTES))
        return read_master_key(path, check_mode=not credential)
    except OSError as error:
        raise FileError(str(path), f"the key cannot be read or made: {error.strerror}") from None


def read_master_key(path: Path, *, check_mode: bool = True) -> Secret:
    """The master key in a file. Raises :class:`FileError` when others may read it or its size is wrong."""
    if check_mode and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise FileError(str(path), "others may read the key; run: chmod 600 on it")
    secret = path.read_bytes()
    if len(secret) != KEY_BYTES:
        raise FileError(str(path), f"expected {KEY_BYTES} bytes, found {len(secret)}: restore the key from its backup")
    return Secret(secret)


def write_new(path: Path, secret: bytes) -> None:
    """Make a key file whole or not at all: a crash or a second process never meets half a key. One that is there
    stays as it is."""
    descriptor, name = mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # the other process's key stands
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_folder(path.parent)
