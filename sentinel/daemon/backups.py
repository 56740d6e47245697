"""Backups of an installation: from the configuration to the files, with an entry in the audit log."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from sentinel.audit.entry import Action, Entry
from sentinel.backup.files import tidy
from sentinel.backup.folder import backups, prune
from sentinel.backup.keys import BackupKeys
from sentinel.backup.making import back_up_data, back_up_keyring
from sentinel.backup.manifest import Kind, Manifest
from sentinel.backup.staging import discard, finish
from sentinel.config import Config
from sentinel.daemon.audit import AUDIT_NAME, opened_audit
from sentinel.daemon.state import open_ledger, open_vault, store_path
from sentinel.errors import FileError, StoreError
from sentinel.events.clock import DAY
from sentinel.privacy.keyring import KEYRING_NAME
from sentinel.privacy.keys import KEY_NAME, load_master_key
from sentinel.privacy.ledger import LEDGER_NAME, Ledger
from sentinel.privacy.vault import Vault


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A backup as it is listed: ``age_days`` since it was made, ``opens`` whether its key is still there."""

    name: str
    kind: Kind
    made: str
    age_days: int
    bytes: int
    opens: bool


def make_backup(config: Config, kind: Kind, directory: Path, *, now: int, actor: str) -> tuple[Path, Manifest]:
    """Make a backup in ``directory``, beside a running daemon; its folder and what it says of itself.

    Raises :class:`FileError` and :class:`StoreError`; then there is none.
    """
    store = store_path(config)
    if kind == "data" and store is None:
        raise FileError(str(config.store), "the store is not a SQLite file; back it up with its own means")
    with closing(open_vault(config)) as vault:
        with opened_audit(config, vault) as audit:
            audit.log.append([entry("backup.make", kind, now=now, actor=actor)])
        if store is None or kind == "keyring":
            keys = BackupKeys(config.backup_keys, load_master_key(config.state, make=False))
            with opened_ledger(config, vault, readonly=True) as ledger:
                manifest = back_up_keyring(directory, vault=vault, ledger=ledger, keys=keys, now=now)
        else:
            manifest = back_up_data(directory, store=store, audit=config.state / AUDIT_NAME, vault=vault, now=now)
    return directory / manifest.name, manifest


def expire_backups(config: Config, now: int, *more: Path) -> tuple[int, int]:
    """Remove the backups of more than 30 days, here and in ``more`` folders, and destroy the keys of such ones; how
    many of each. Needs no key. Raises :class:`FileError`."""
    keys = BackupKeys(config.backup_keys).expire(now)
    return sum(prune(folder, now) for folder in {config.backup_directory, *more}), keys


def finish_restore(config: Config) -> None:
    """Finish a restore that was cut off, or clear away what it left, and what was left of writing keys; only for who
    holds the store's lock. Raises :class:`FileError`."""
    finish(config.state)
    try:
        discard(restored_files(config))
        for path in (config.state / KEY_NAME, config.backup_keys):
            tidy(path)
    except OSError as error:
        raise FileError(str(config.state), f"what a kill left cannot be removed: {error.strerror}") from None


def restored_files(config: Config) -> list[Path]:
    """Everything that a restore may put in place."""
    log = config.state / AUDIT_NAME
    store = store_path(config)
    return [config.state / KEYRING_NAME, log, log.with_suffix(".head"), *([store] if store is not None else [])]


def kept_backups(config: Config, now: int) -> list[Kept]:
    """The backups in the configured folder, oldest first."""
    keys = BackupKeys(config.backup_keys).times()
    return [
        Kept(
            name=manifest.name,
            kind=manifest.kind,
            made=manifest.made.isoformat().replace("+00:00", "Z"),
            age_days=max(0, (now - manifest.time) // DAY),
            bytes=sum(each.bytes for each in manifest.files.values()),
            opens=manifest.kind == "data" or manifest.name in keys,
        )
        for _, manifest in backups(config.backup_directory)
    ]


@contextmanager
def opened_ledger(config: Config, vault: Vault, *, readonly: bool = False) -> Iterator[Ledger | None]:
    """The erasure ledger, closed in the end; ``None`` where there is none to read."""
    path = config.state / LEDGER_NAME
    if readonly and not path.exists():
        yield None
        return
    with closing(open_ledger(config, vault, readonly=readonly)) as ledger:
        yield ledger if ledger.made else None


def entry(action: Action, purpose: str, *, now: int, actor: str) -> Entry:
    """An entry about the whole installation."""
    return Entry(time=now, actor=actor, role="operator", action=action, purpose=purpose)


def fingerprint_there(config: Config) -> bytes | None:
    """Which installation's keyring is in place; ``None`` when there is none or it does not open."""
    try:
        with closing(open_vault(config)) as vault:
            return vault.fingerprint
    except (FileError, StoreError):
        return None
