"""Whether the erasure ledger is whole, and mending one that is not.

A running installation needs it for nothing that was finished: those keys are gone. What is at risk without it is a
restore, which would not erase again what was erased since. So a gap stops restores and is told wherever somebody
looks, and nothing else stops for it.
"""

from contextlib import closing
from pathlib import Path

import msgspec

from sentinel.backup.keys import BackupKeys
from sentinel.backup.restoring import open_keyring
from sentinel.config import Config
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.backups import entry
from sentinel.daemon.state import open_ledger, open_vault
from sentinel.errors import FileError, SentinelError
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import load_master_key
from sentinel.privacy.ledger import Ledger, accept, expect, missing


class LedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """``entries`` that there are, those ``missing`` that the keyring knows of, those ``added`` from a backup and those
    ``given_up``."""

    entries: int
    missing: int
    added: int = 0
    given_up: int = 0


def ledger_trouble(config: Config, keyring: Keyring, ledger: Ledger | None) -> str:
    """What is wrong with the ledger, in words; empty when it is whole. ``None`` is one that is not there."""
    try:
        if ledger is not None:
            ledger.check()
        lost = missing(keyring, ledger)
    except SentinelError as error:
        return str(error)
    if not lost:
        return ""
    return (
        f"the erasure ledger lacks {lost} entries that the keyring knows of: it was lost, or an older copy was put in"
        " its place. Put the newest copy back, or see `sentinel privacy ledger --help`; until then nothing can be"
        " restored, since what was erased could come back"
    )


def mend_ledger(config: Config, *, source: Path | None, give_up: bool, now: int, actor: str) -> LedgerState:
    """Take entries over from the backup of the keyring in ``source``; with ``give_up`` expect no more than there are
    then. Without either it only looks. Works beside a running daemon.

    Raises :class:`FileError` and :class:`sentinel.errors.StoreError`.
    """
    with closing(open_vault(config, writes=True)) as vault, closing(open_ledger(config, vault)) as ledger:
        before, added, given_up = ledger.count(), 0, 0
        if source is not None or give_up:
            told = " and ".join(["taken from a backup"] * (source is not None) + ["a gap accepted"] * give_up)
            with opened_audit(config, vault) as audit:
                audit.log.append([entry("ledger.mend", told, now=now, actor=actor)])
        if source is not None:
            keys = BackupKeys(config.backup_keys, load_master_key(config.state, make=False))
            manifest, content, _ = open_keyring(source, keys, now)
            if manifest.installation != vault.fingerprint.hex():
                raise FileError(str(source), "this is the keyring of another installation than the one in place")
            for erasure in content.erasures:
                ledger.put(erasure)
            added = ledger.count() - before
        if give_up:
            given_up = accept(vault.keyring, ledger)
        expect(vault.keyring, ledger)
        return LedgerState(
            entries=ledger.count(), missing=missing(vault.keyring, ledger), added=added, given_up=given_up
        )
