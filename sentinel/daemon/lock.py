"""One writer a store: the daemon, or a command that judges into it, never both."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sentinel.errors import StoreError

#: What holds the lock when the daemon does.
DAEMON: Final = "sentinel run"


class StoreHeld(StoreError):  # noqa: N818  # what it is, not that it is an error
    """Another process writes to the store. ``by`` is its command, ``process`` its number; empty and 0 when the file
    does not say."""

    def __init__(self, path: Path, by: str, process: int, instead: str) -> None:
        who = f" (`{by}`, process {process})" if by else ""
        super().__init__(f"{path}: another sentinel process writes to this store{who}; {instead}", retry=False)
        self.by = by
        self.process = process


@contextmanager
def state_lock(
    state: Path, store_url: str, *, by: str = "", instead: str = "stop it, or post the events over HTTP"
) -> Iterator[None]:
    """Hold the store's lock, which the kernel gives back when the process ends, however it ends.

    ``by`` is the command that holds it then, for those who find it taken. Raises :class:`StoreHeld` when another
    process holds it, ``instead`` says what to do then; :class:`StoreError` when there can be no lock. A store in
    memory needs none.
    """
    if not store_url.startswith("sqlite:") or store_url.endswith(":memory:"):
        yield
        return
    path = Path(store_url.removeprefix("sqlite:") + ".lock")
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent}: there is no such folder for the store", retry=False)
    try:
        # Not "w": the file may be another process's. 0600 like the store beside it.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: cannot be opened for the lock: {error.strerror}", retry=False) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreHeld(path, *_holder(descriptor), instead) from None
        _sign(descriptor, f"{os.getpid()} {by}".encode() if by else b"")
        try:
            yield
        finally:
            # Or the next one, before it has signed, would be taken for us.
            _sign(descriptor, b"")
    finally:
        os.close(descriptor)


def _sign(descriptor: int, text: bytes) -> None:
    """Say who holds the lock. On a full disk nobody is named; the lock holds all the same."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)
    except OSError:
        return


def _holder(descriptor: int) -> tuple[str, int]:
    """Command and process that hold the lock, as they signed."""
    process, _, by = os.pread(descriptor, 200, 0).decode(errors="replace").partition(" ")
    if not process.isdecimal() or not by.isprintable():
        return "", 0
    return by, int(process)
