"""A new master key without downtime: at every moment the key that is in place opens everything.

The new key gets a slot of its own, takes the old one's place, and only then the old one is shut out. After that all
keys are wrapped under a new key-encryption key (:meth:`Keyring.rewrap`). Whoever runs on goes on, and learns of both.
"""

import os
from pathlib import Path
from typing import Final

from sentinel.backup.files import locked, wipe_left, write_whole
from sentinel.backup.keys import BackupKeys
from sentinel.errors import FileError
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import KEY_BYTES, Secret, read_master_key
from sentinel.privacy.wrapping import fingerprint

#: Names of small values in the keyring: fingerprint of the master key that is to be, and when one was last exchanged.
_COMING: Final = "rotation/key"
_ROTATED: Final = "rotation/time"


def rotate_file(path: Path, keyring: Keyring, keys: BackupKeys, now: int, new: Path | None = None) -> int:
    """Exchange the master key in the file ``path`` for a fresh one, or for that in ``new``; how many were shut out.

    Cut off at any point, it is simply begun again. Raises :class:`FileError` and :class:`sentinel.errors.StoreError`.
    """
    try:
        if new is not None:
            read_new(new)
        secret = new.read_bytes() if new is not None else os.urandom(KEY_BYTES)
        with locked(path):
            wipe_left(path)
            add_key(keyring, keys, Secret(secret))
            write_whole(path, secret, wiped=True)
            return keep_key(keyring, keys, Secret(secret), now)
    except OSError as error:
        raise FileError(str(path), f"the key cannot be exchanged: {error.strerror}; run it again") from None


def read_new(path: Path) -> Secret:
    """The master key to come. Raises :class:`FileError`."""
    try:
        return read_master_key(path)
    except OSError as error:
        raise FileError(str(path), f"the new key cannot be read: {error.strerror}") from None


def add_key(keyring: Keyring, keys: BackupKeys, new: Secret) -> None:
    """Let a new master key open everything as well, and remember that it is the one to come."""
    keys.add_slot(new)
    keyring.add_slot(new)
    keyring.put_value(_COMING, fingerprint(new))


def keep_key(keyring: Keyring, keys: BackupKeys, master: Secret, now: int) -> int:
    """Shut out every master key but ``master``, which must be the one to come, and wrap all keys anew; how many were
    shut out.

    Raises :class:`FileError` when another one is to come: the exchange is not done yet.
    """
    coming = keyring.value(_COMING)
    if coming not in (None, b"", fingerprint(master)):
        raise FileError(
            str(keyring.path),
            "the master key in place is still the old one: exchange it first, then finish; nothing was changed",
        )
    keys.keep_slot(master)
    gone = keyring.keep_slot(master)
    if coming or gone or keyring.rewrapping:
        keyring.rewrap(master)
    keyring.put_value(_COMING, b"")
    if gone:
        keyring.put_value(_ROTATED, str(now).encode())
    return gone


def last_rotation(keyring: Keyring) -> int | None:
    """When the master key was last exchanged, in micros; None: never."""
    value = keyring.value(_ROTATED)
    return int(value) if value else None
