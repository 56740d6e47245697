"""One writer a store: the daemon, or a command that judges into it, never both."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentinel.errors import StoreError


@contextmanager
def state_lock(
    state: Path, store_url: str, *, instead: str = "stop it, or post the events over HTTP"
) -> Iterator[None]:
    """Hold the store's lock, which the kernel gives back when the process ends, however it ends.

    Raises :class:`StoreError` when another process holds it; ``instead`` says what to do then. A store
    in memory needs none.
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
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"{path}: another sentinel process writes to this store; {instead}", retry=False) from None
        yield
