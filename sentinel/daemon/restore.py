"""`sentinel restore` without the command line: data and keyring, under the lock that a running daemon holds."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from sentinel.audit.entry import Entry
from sentinel.audit.head import FileHead
from sentinel.audit.log import AuditLog
from sentinel.backup.copying import copy_database
from sentinel.backup.keys import BackupKeys
from sentinel.backup.manifest import Manifest
from sentinel.backup.restoring import (
    Cleaned,
    check_installation,
    clean,
    open_data,
    open_keyring,
    stage_audit,
    stage_store,
    write_draft,
)
from sentinel.backup.staging import Staging
from sentinel.config import Config
from sentinel.daemon.audit import AUDIT_NAME
from sentinel.daemon.backups import entry, fingerprint_there, finish_restore, opened_ledger
from sentinel.daemon.ledger import ledger_trouble
from sentinel.daemon.lock import state_lock
from sentinel.daemon.state import open_ledger, open_vault, store_path
from sentinel.errors import FileError, StoreError
from sentinel.events.clock import to_text
from sentinel.pipeline.standing import Standings
from sentinel.privacy.keyring import KEYRING_NAME, Keyring
from sentinel.privacy.keys import Secret, load_master_key, master_path
from sentinel.privacy.ledger import LEDGER_NAME, Erasure, Ledger, expect
from sentinel.privacy.retention import due
from sentinel.privacy.vault import Vault
from sentinel.store.sqlite.store import SqliteStore

#: Numbers of accounts that are left out after a keyring was restored: rows with numbers given since the backup was made
#: may be in other backups, and must never lead to somebody else.
_SKIPPED: Final = 2**32


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored: when it was ``made``, the ``erasures`` of the ledger that were replayed, keys of accounts that
    were destroyed with it, what the store was cleaned of, and ``standings`` of accounts with their restrictions and
    objections that were brought up to what the keyring knows. ``audit_fault`` says in words what is wrong with the
    audit log in the backup (empty: nothing)."""

    kind: str
    made: str
    erasures: int
    destroyed: int
    cleaned: Cleaned | None
    audit_restored: bool = False
    standings: int = 0
    audit_fault: str = ""


def restore_data(config: Config, folder: Path, *, now: int, actor: str) -> Restored:
    """Put the store of a backup in the place of the one that is there. Raises :class:`FileError` and
    :class:`StoreError`; then what was there is there still."""
    store = store_path(config)
    if store is None:
        raise FileError(str(config.store), "the store is not a SQLite file; restore it with its own means")
    path = config.state / KEYRING_NAME
    with _alone(config) as staging:
        if not path.exists():
            raise FileError(str(path), "there is no keyring to open the backup with: restore the keyring first")
        keyring = Keyring(path, load_master_key(config.state, make=False))
        with closing(Vault(keyring, writes=False)) as vault, opened_ledger(config, vault, readonly=True) as ledger:
            manifest = open_data(folder, vault, now)
            with suppress(StoreError):  # damaged: that may be why
                check_installation(store, vault.fingerprint, "the backup")
            _expect_whole(config, keyring, ledger)
            erasures = ledger.entries() if ledger is not None else []
            destroyed = _destroy(keyring, erasures)
            draft = stage_store(folder, manifest, store, staging)
            cleaned = clean(draft, vault, erasures, config.tenants)
            standings = asyncio.run(_bring_up(draft, vault))
            log = stage_audit(folder, manifest, config.state / AUDIT_NAME, staging, vault.root.derive("audit"))
            told = _purpose(manifest, len(erasures), cleaned, standings, log.fault)
            note = entry("backup.restore", told, now=now, actor=actor)
            _note(vault.root, config.state / AUDIT_NAME, log.drafts, note)
            staging.commit()
    return Restored(
        kind="data",
        made=to_text(manifest.time),
        erasures=len(erasures),
        destroyed=destroyed,
        cleaned=cleaned,
        audit_restored=log.drafts is not None,
        standings=standings,
        audit_fault=log.fault,
    )


def restore_keyring(config: Config, folder: Path, *, now: int, actor: str) -> Restored:
    """Put the keyring of a backup in place, unite the ledgers, and clean the store of what nobody can read any more.
    Raises as :func:`restore_data` does."""
    store, path = store_path(config), config.state / KEYRING_NAME
    with _alone(config) as staging:
        key, _ = master_path(config.state)
        if not key.exists():
            raise FileError(
                str(key),
                "the master key is missing: put it there first, from where you keep it. It opens backup.keys, which has"
                " the key of this backup",
            )
        master = load_master_key(config.state, make=False)
        manifest, content, secret = open_keyring(folder, BackupKeys(config.backup_keys, master), now)
        if fingerprint_there(config) not in (None, bytes.fromhex(manifest.installation)):
            raise FileError(str(folder), "this is the keyring of another installation than the one in place")
        if store is not None:
            check_installation(store, bytes.fromhex(manifest.installation), "the keyring")
        draft = staging.draft(path, wiped=True)
        write_draft(draft, content.keyring)
        keyring = _reopened(draft, secret, master)
        standings = 0
        ended = due(now, config.retention.raw_days)
        keyring.destroy_days(raw_through=ended.raw_through, records_through=ended.records_through)
        with ExitStack() as stack:
            vault = stack.enter_context(closing(Vault(keyring, writes=False)))
            _expect_known(config, vault, content.erasures)
            ledger = stack.enter_context(closing(open_ledger(config, vault)))
            # For good, whatever becomes of the rest: what was erased stays erased.
            ledger.put(content.erasures)
            expect(keyring, ledger)
            erasures = ledger.entries()
            destroyed = _destroy(keyring, erasures)
            cleaned = None
            if store is not None and store.exists() and store.stat().st_size:
                copy_database(store, copy := staging.draft(store))
                cleaned = clean(copy, vault, erasures, config.tenants)
                standings = asyncio.run(_bring_up(copy, vault, remember=True))
            if (config.state / AUDIT_NAME).exists():
                # Where there is none, the log comes with the data, and must not have been begun anew by then.
                note = entry(
                    "backup.restore", _purpose(manifest, len(erasures), cleaned, standings), now=now, actor=actor
                )
                _note(vault.root, config.state / AUDIT_NAME, None, note)
        staging.commit()
    return Restored(
        kind="keyring",
        made=to_text(manifest.time),
        erasures=len(erasures),
        destroyed=destroyed,
        cleaned=cleaned,
        standings=standings,
    )


async def _bring_up(path: Path, vault: Vault, *, remember: bool = False) -> int:
    """Apply restrictions, objections and decisions that the store at ``path`` knows nothing of; how many accounts they
    are of. With ``remember`` an older keyring learns first what the store knows."""
    store = SqliteStore(path, vault)
    try:
        standings = Standings(store, vault)
        if remember:
            await standings.remember()
        return await standings.replay()
    finally:
        await store.close()


def _expect_whole(config: Config, keyring: Keyring, ledger: Ledger | None, more: Sequence[Erasure] = ()) -> None:
    """Refuse to restore over a gap that ``more`` entries do not fill: erasures in it would not be replayed."""
    if trouble := ledger_trouble(keyring, ledger, more):
        raise FileError(str(config.state / LEDGER_NAME), f"{trouble}. Nothing was changed")


def _expect_known(config: Config, restored: Vault, more: Sequence[Erasure]) -> None:
    """:func:`_expect_whole` by the keyring in place, where there is one that opens, before anything is changed."""
    try:
        vault = open_vault(config)
    except (FileError, StoreError):
        return
    with closing(vault), opened_ledger(config, restored, readonly=True) as ledger:
        _expect_whole(config, vault.keyring, ledger, more)


def _reopened(draft: Path, secret: Secret, master: Secret) -> Keyring:
    """The keyring of a backup, opened by the master key alone."""
    keyring = Keyring(draft, secret)
    try:
        keyring.add_slot(master)
        keyring.keep_slot(master)
        # Or who had the master key of then would open what is to come.
        keyring.rewrap(master)
        keyring.put_value("rotation/key", b"")
        keyring.skip(_SKIPPED)
    except BaseException:
        keyring.close()
        raise
    return keyring


def _destroy(keyring: Keyring, erasures: list[Erasure]) -> int:
    return keyring.destroy_accounts(erasure.handle for erasure in erasures if erasure.handle)


def _note(root: Secret, path: Path, drafts: tuple[Path, Path] | None, note: Entry) -> None:
    """Write the entry, into the log that is there or into the one that is about to be."""
    key = root.derive("audit")
    log = AuditLog(path, key) if drafts is None else AuditLog(drafts[0], key, FileHead(drafts[1]))
    with closing(log):
        if drafts is not None:
            log.repair(note.time, note.actor)  # what was written after the backup is missing: the log says so itself
        log.append([note])


def _purpose(manifest: Manifest, erasures: int, cleaned: Cleaned | None, standings: int, audit_fault: str = "") -> str:
    rows = cleaned.erased + cleaned.unreachable.total if cleaned is not None else 0
    told = f"{manifest.kind} of {to_text(manifest.time)}; {erasures} erasures replayed, {rows} rows deleted"
    told += f", {standings} restrictions or objections brought up" if standings else ""
    return told + ("; the audit log in it is broken" if audit_fault else "")


@contextmanager
def _alone(config: Config) -> Iterator[Staging]:
    """Nobody else writes; what is staged is removed unless it was committed."""
    staging = Staging(config.state)
    instead = "stop it first: systemctl stop sentinel"
    with state_lock(config.state, config.store_url, by="sentinel restore", instead=instead):
        finish_restore(config)
        try:
            yield staging
        except OSError as error:
            staging.abandon()
            raise FileError(str(error.filename or config.state), f"the restore failed: {error.strerror}") from None
        except BaseException:
            staging.abandon()
            raise
