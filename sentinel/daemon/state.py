"""The state directory and the store in it: all that the courier needs of the composition root."""

import os
from pathlib import Path

from sentinel.backup.staging import interrupted
from sentinel.config import Config
from sentinel.errors import FileError, StoreError
from sentinel.privacy.keyring import KEYRING_NAME, Keyring
from sentinel.privacy.keys import load_master_key
from sentinel.privacy.ledger import LEDGER_NAME, Ledger
from sentinel.privacy.vault import Vault
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


def open_vault(config: Config, *, writes: bool = False, or_ephemeral: bool = False) -> Vault:
    """The keys of the installation. Raises :class:`FileError` when master key and keyring do not fit, and changes
    nothing then.

    With ``writes`` keyring and master key are made on first use, and keys may be made: for who holds the store's lock.
    With ``or_ephemeral``, where nothing was stored yet, the keys are ones that die with the process.
    """
    path = config.state / KEYRING_NAME
    try:
        if interrupted(config.state):
            raise FileError(str(config.state), "a restore was cut off; start the daemon or restore again, that ends it")
        there = path.exists() and path.stat().st_size > 0
    except OSError as error:
        raise FileError(str(path), f"cannot be read: {error.strerror}; run as its owner") from None
    if not there and or_ephemeral:
        return Vault.ephemeral()
    if not there and (store := store_path(config)) is not None and store.exists() and store.stat().st_size:
        raise FileError(
            str(path),
            f"the keyring is missing, but there is a store ({store}) that only it opens: restore the keyring, or move"
            " the store away to begin anew",
        )
    if not there and not writes:
        raise FileError(str(path), "there is no keyring yet; the daemon makes it when it starts")
    master = load_master_key(config.state, make=not there)
    keyring = Keyring(path, master, readonly=not writes, reread=lambda: load_master_key(config.state, make=False))
    return Vault(keyring, writes=writes)


def open_ledger(config: Config, vault: Vault, *, readonly: bool = False) -> Ledger:
    """The erasure ledger of the installation."""
    return Ledger(config.state / LEDGER_NAME, vault.root.derive("ledger"), readonly=readonly)


def store_path(config: Config) -> Path | None:
    """The embedded store's file, where it is one."""
    scheme, _, rest = config.store_url.partition(":")
    return Path(rest) if scheme == "sqlite" and rest != ":memory:" else None


def open_to_read(config: Config, vault: Vault) -> Store:
    """The store that the configuration names, to look at and not to change. Raises :class:`StoreError`.

    It may be in use by a daemon. Where nothing was stored yet, it is an empty one.
    """
    scheme, _, rest = config.store_url.partition(":")
    if scheme != "sqlite":
        return open_store(config, vault)
    path = Path(rest)
    try:
        there = rest != ":memory:" and path.exists()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}; run as its owner", retry=False) from None
    return SqliteStore(path, vault, readonly=True) if there else SqliteStore(None, vault)


def open_store(config: Config, vault: Vault, *, durable: bool = True) -> Store:
    """The store that the configuration names. Raises :class:`StoreError`.

    Without ``durable`` a power cut may lose the newest commits: enough for marks on mails, which are sent twice then.
    """
    scheme, _, rest = config.store_url.partition(":")
    if scheme != "sqlite":
        raise StoreError(f"store = {scheme}:…: the Redis store comes later; use sqlite:", retry=False)
    if rest == ":memory:":
        return SqliteStore(None, vault)
    path = Path(rest)
    if not path.exists():
        # SQLite would make the file with the process's umask.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise StoreError(f"{path}: cannot be made: {error.strerror}", retry=False) from None
    return SqliteStore(path, vault, durable=durable)
