"""Whether the erasure ledger is whole, and mending one that is not.

A running installation needs it for nothing that was finished: those keys are gone. What is at risk without it is a
restore, which would not erase again what was erased since. So a gap stops restores and is told wherever somebody
looks, and nothing else stops for it.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from sentinel.backup.keys import BackupKeys
from sentinel.backup.restoring import open_keyring
from sentinel.config import Config
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.backups import entry, opened_ledger
from sentinel.daemon.state import open_ledger, open_vault
from sentinel.errors import FileError, SentinelError
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import load_master_key
from sentinel.privacy.ledger import Erasure, Ledger, accept, expect, missing
from sentinel.privacy.vault import Vault


class LedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """``entries`` that there are, those ``missing`` that the keyring knows of, those ``added`` from a backup and those
    ``given_up``."""

    entries: int
    missing: int
    added: int = 0
    given_up: int = 0


def ledger_trouble(keyring: Keyring, ledger: Ledger | None, more: Sequence[Erasure] = ()) -> str:
    """What is wrong with the ledger, in words; empty when it is whole. ``None`` is one that is not there; ``more`` are
    entries that are about to be put into it."""
    try:
        if ledger is not None:
            ledger.check()
        added = ledger.new(more) if ledger is not None else len(more)
        lost = missing(keyring, ledger) - added
    except SentinelError as error:
        return str(error)
    if lost <= 0:
        return ""
    return (
        f"the erasure ledger lacks {lost} entries that the keyring knows of: it was lost, or an older copy was put in"
        " its place. Put the newest copy back, or see `sentinel privacy ledger --help`; until then nothing can be"
        " restored, since what was erased could come back"
    )


def mend_ledger(config: Config, *, source: Path | None, give_up: bool, now: int, actor: str) -> LedgerState:
    """Take entries over from the backup of the keyring in ``source``; with ``give_up`` expect no more than there are
    then. Without either it only looks, and writes nothing. Works beside a running daemon.

    Raises :class:`FileError` and :class:`sentinel.errors.StoreError`; what was refused is not in the audit log.
    """
    if source is None and not give_up:
        return _look(config)
    with closing(open_vault(config, writes=True)) as vault, closing(open_ledger(config, vault)) as ledger:
        ledger.check()
        erasures = _of_backup(config, source, vault, now) if source is not None else []
        told = " and ".join(["taken from a backup"] * (source is not None) + ["a gap accepted"] * give_up)
        with opened_audit(config, vault) as audit:
            audit.log.append([entry("ledger.mend", told, now=now, actor=actor)])
        added = ledger.new(erasures)
        ledger.put(erasures)
        given_up = accept(vault.keyring, ledger) if give_up else 0
        expect(vault.keyring, ledger)
        return LedgerState(
            entries=ledger.count(), missing=missing(vault.keyring, ledger), added=added, given_up=given_up
        )


def _look(config: Config) -> LedgerState:
    with closing(open_vault(config, or_ephemeral=True)) as vault, opened_ledger(config, vault, readonly=True) as ledger:
        entries = ledger.count() if ledger is not None else 0
        return LedgerState(entries=entries, missing=missing(vault.keyring, ledger))


def _of_backup(config: Config, source: Path, vault: Vault, now: int) -> Sequence[Erasure]:
    """The entries that a backup of this installation's keyring has."""
    keys = BackupKeys(config.backup_keys, load_master_key(config.state, make=False))
    manifest, content, _ = open_keyring(source, keys, now)
    if manifest.installation != vault.fingerprint.hex():
        raise FileError(str(source), "this is the keyring of another installation than the one in place")
    return content.erasures
