"""The state directory and the store in it: all that the courier needs of the composition root."""

import os
from pathlib import Path

from sentinel.config import Config
from sentinel.errors import FileError, StoreError
from sentinel.store.protocol import Store
from sentinel.store.sqlite.store import SqliteStore


def prepare_state(config: Config) -> None:
    """Make the state directory, for its owner only. Raises :class:`FileError`."""
    try:
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(str(config.state), f"the state directory cannot be made: {error.strerror}") from None
    if not os.access(config.state, os.W_OK | os.X_OK):
        raise FileError(str(config.state), "the state directory cannot be written; run as its owner")


def open_to_read(config: Config) -> Store:
    """The store that the configuration names, to look at and not to change. Raises :class:`StoreError`.

    It may be in use by a daemon. Where nothing was stored yet, it is an empty one.
    """
    scheme, _, rest = config.store_url.partition(":")
    if scheme != "sqlite":
        return open_store(config)
    path = Path(rest)
    try:
        there = rest != ":memory:" and path.exists()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}; run as its owner", retry=False) from None
    return SqliteStore(path, readonly=True) if there else SqliteStore(None)


def open_store(config: Config, *, durable: bool = True) -> Store:
    """The store that the configuration names. Raises :class:`StoreError`.

    Without ``durable`` a power cut may lose the newest commits: enough for marks on mails, which are sent twice then.
    """
    scheme, _, rest = config.store_url.partition(":")
    if scheme != "sqlite":
        raise StoreError(f"store = {scheme}:…: the Redis store comes later; use sqlite:", retry=False)
    if rest == ":memory:":
        return SqliteStore(None)
    path = Path(rest)
    if not path.exists():
        # SQLite would make the file with the process's umask.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise StoreError(f"{path}: cannot be made: {error.strerror}", retry=False) from None
    return SqliteStore(path, durable=durable)
