"""Where the head of the audit log is kept: outside its file, so that the file alone cannot be cut short."""

import os
from pathlib import Path
from typing import Protocol

from sentinel.errors import StoreError
from sentinel.files import write_private


class HeadKeeper(Protocol):
    """Keeps some bytes. The log calls it under its write lock, so never twice at once; the bytes are sealed."""

    def get(self) -> bytes | None:
        """What was kept last; None when nothing ever was. Raises :class:`StoreError`."""

    def put(self, head: bytes) -> None:
        """Keep this instead, whole or not at all; a power cut may bring an older one back.

        Raises :class:`StoreError`.
        """


class FileHead:
    """The head in a file of its own, mode 0600.

    It is overwritten in place by one write of 80 bytes: a kill leaves the old or the new, and so does a power cut,
    since a disk writes a sector whole. It is not forced to the disk with each entry, which would double the
    price of one; after a power cut the head may be some seconds older than the log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self) -> bytes | None:
        """The content of the file; None when there is none."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be read: {error.strerror}; run as its owner") from None

    def put(self, head: bytes) -> None:
        """Overwrite the file; made durably the first time, so that a log with entries always has a head."""
        try:
            if not self._path.exists():
                write_private(self._path, head)
                return
            descriptor = os.open(self._path, os.O_WRONLY)
            try:
                os.pwrite(descriptor, head, 0)
                if os.fstat(descriptor).st_size != len(head):
                    os.ftruncate(descriptor, len(head))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written: {error.strerror}; check owner and free space") from None
