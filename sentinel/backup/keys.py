"""The keys of keyring backups: one for each, destroyed after 30 days, so that nobody can open an old one.

They are in a small file of their own, sealed under a key that each master key wraps in a slot, as in the keyring. A
copy on another machine is made by overwriting the one before: what was destroyed here is then destroyed there, too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sentinel.backup.files import locked, wipe_left, write_whole
from sentinel.backup.manifest import expired
from sentinel.errors import FileError
from sentinel.privacy.keys import KEY_BYTES, Secret
from sentinel.privacy.sealer import Sealer
from sentinel.privacy.wrapping import fingerprint


class _Key(msgspec.Struct, frozen=True):
    """The key of the backup ``name``, made at ``time`` (micros)."""

    name: str
    time: int
    sealed: bytes


class _File(msgspec.Struct, frozen=True):
    slots: dict[str, bytes] = {}
    keys: list[_Key] = []


class BackupKeys:
    """See the module. Without ``master`` keys can only be counted and destroyed. Every method may raise
    :class:`FileError`, and :class:`sentinel.errors.StoreError` for a key that was tampered with."""

    def __init__(self, path: Path, master: Secret | None = None) -> None:
        self.path = path
        self._master = master

    def make(self, name: str, now: int) -> Secret:
        """A fresh key for a backup; on disk when this returns."""
        secret = os.urandom(KEY_BYTES)
        with self._changing() as file:
            slots = dict(file.slots)
            if not slots:
                wrapping = os.urandom(KEY_BYTES)
                slots[_slot(self._must())] = _wrap(self._must(), wrapping)
            else:
                wrapping = self._wrapping(file)
            sealed = Sealer(wrapping).seal(secret, f"{name}/{now}")
            self._write(_File(slots, [*file.keys, _Key(name, now, sealed)]))
        return Secret(secret)

    def get(self, name: str) -> Secret | None:
        """The key of a backup; None when it was destroyed."""
        file = self._read()
        for key in file.keys:
            if key.name == name:
                return Secret(Sealer(self._wrapping(file)).open(key.sealed, f"{name}/{key.time}"))
        return None

    def times(self) -> dict[str, int]:
        """Names of the backups that still can be opened, and when their keys were made, in micros."""
        return {key.name: key.time for key in self._read().keys}

    def expire(self, now: int) -> int:
        """Destroy the keys of more than 30 days; no byte of them is left in the file. How many those were."""
        if not any(self.path.parent.glob(f"*{self.path.name}*")):
            return 0  # neither the file nor what a kill left of it
        with self._changing() as file:
            kept = [key for key in file.keys if not expired(key.time, now)]
            if len(kept) < len(file.keys):
                self._write(_File(file.slots, kept))
            return len(file.keys) - len(kept)

    def add_slot(self, master: Secret) -> None:
        """Let another master key open the file as well."""
        with self._changing() as file:
            if file.slots and _slot(master) not in file.slots:
                self._write(_File({**file.slots, _slot(master): _wrap(master, self._wrapping(file))}, file.keys))

    def keep_slot(self, master: Secret) -> int:
        """Let no master key but this one open the file; how many were shut out. The keys in it are wrapped anew then:
        who had the old master key and an old copy opens none that comes later."""
        with self._changing() as file:
            sealed = file.slots.get(_slot(master))
            if file.slots and sealed is None:
                raise self._foreign()
            gone = max(0, len(file.slots) - 1)
            if sealed is not None and gone:
                old, wrapping = Sealer(Sealer(master.derive("backup keys")).open(sealed, "slot")), os.urandom(KEY_BYTES)
                new = Sealer(wrapping)
                keys = [
                    _Key(key.name, key.time, new.seal(old.open(key.sealed, row), row))
                    for key in file.keys
                    for row in (f"{key.name}/{key.time}",)
                ]
                self._write(_File({_slot(master): _wrap(master, wrapping)}, keys))
            return gone

    def _wrapping(self, file: _File) -> bytes:
        sealed = file.slots.get(_slot(self._must()))
        if sealed is None:
            raise self._foreign()
        return Sealer(self._must().derive("backup keys")).open(sealed, "slot")

    def _foreign(self) -> FileError:
        return FileError(str(self.path), "the master key is not the one that opens these keys of backups; put back"
                         " the copy that was made with it")  # fmt: skip

    def _must(self) -> Secret:
        if self._master is None:
            raise ValueError("the master key is needed for that")
        return self._master

    def _read(self) -> _File:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_File)
        except FileNotFoundError:
            return _File()
        except OSError as error:
            raise FileError(str(self.path), f"the keys of backups cannot be read: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise FileError(str(self.path), "the file is damaged; put back a copy of it, or move it away") from None

    def _write(self, file: _File) -> None:
        write_whole(self.path, msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n", wiped=True)

    @contextmanager
    def _changing(self) -> Iterator[_File]:
        """Before all other processes: the daemon and a command may both be at it."""
        try:
            with locked(self.path):
                wipe_left(self.path)
                yield self._read()
        except OSError as error:
            raise FileError(str(self.path), f"the keys of backups cannot be written: {error.strerror}") from None


def _slot(master: Secret) -> str:
    return fingerprint(master).hex()


def _wrap(master: Secret, wrapping: bytes) -> bytes:
    return Sealer(master.derive("backup keys")).seal(wrapping, "slot")
