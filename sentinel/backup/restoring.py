"""Restoring: what was erased since is erased again in the draft, before it takes the place of what is there."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from sentinel.audit.chain import Chain
from sentinel.audit.fault import MENDED
from sentinel.audit.tables import open_tables
from sentinel.audit.verify import walk
from sentinel.backup.copying import installation_of
from sentinel.backup.files import copy_file, new_file
from sentinel.backup.keys import BackupKeys
from sentinel.backup.making import AUDIT_COPY, HEAD_COPY, PIECE, SEALED_COPY, STORE_COPY, Keys, manifest_key, piece_row
from sentinel.backup.manifest import Manifest, check, damaged, read_manifest
from sentinel.backup.staging import Staging
from sentinel.database import connect, explain
from sentinel.errors import FileError, StoreError
from sentinel.privacy.keys import Secret
from sentinel.privacy.ledger import Erasure
from sentinel.privacy.sealer import Sealer, unpack
from sentinel.privacy.vault import Vault
from sentinel.store.sqlite.erasing import erase
from sentinel.store.sqlite.schema import migrate, newest
from sentinel.store.sqlite.unreachable import Unreachable, delete_unreachable

_TENANTS: Final = "SELECT tenant FROM event UNION SELECT tenant FROM alert UNION SELECT tenant FROM mail"
#: Bytes that sealing adds to a piece: version, nonce and tag.
_SEAL: Final = 1 + 12 + 16


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """What a restored store was cleaned of: rows found through the ledger, and rows that no key opens."""

    erased: int
    unreachable: Unreachable


def open_data(folder: Path, vault: Vault, now: int) -> Manifest:
    """The checked manifest of a data backup. Raises :class:`FileError` when it may not be restored."""
    manifest = _of_kind(folder, "data")
    check(manifest, folder, manifest_key(vault.root), now)
    if STORE_COPY not in manifest.files:
        raise FileError(str(folder), "there is no store in this backup")
    if manifest.schema > newest():
        raise FileError(
            str(folder),
            f"the backup has schema version {manifest.schema}, this sentinel knows {newest()}: upgrade sentinel",
        )
    return manifest


def stage_store(folder: Path, manifest: Manifest, target: Path, staging: Staging) -> Path:
    """Copy the store of a checked backup to a draft; the draft."""
    return _stage(folder, manifest, STORE_COPY, staging.draft(target))


class StagedAudit(msgspec.Struct, frozen=True, kw_only=True):
    """The audit log of a backup: drafts of log and head where they are to be put in place, and what is wrong with it in
    words (empty: nothing)."""

    drafts: tuple[Path, Path] | None
    fault: str = ""


def stage_audit(folder: Path, manifest: Manifest, target: Path, staging: Staging, key: bytes) -> StagedAudit:
    """Check the audit log of a backup under the log's own ``key``; drafts of it and its head only where there is no
    log: one that only grows is never set back. One with a broken chain stays in the backup, as evidence.

    Raises :class:`FileError` when a file is not the one that was backed up.
    """
    if AUDIT_COPY not in manifest.files:
        return StagedAudit(drafts=None)
    log = _stage(folder, manifest, AUDIT_COPY, staging.draft(target))
    head = _read(folder, manifest, HEAD_COPY) if HEAD_COPY in manifest.files else None
    fault, mended = audit_fault(log, head, key)
    if target.exists() or (fault and not mended):
        staging.drop(target)
        return StagedAudit(drafts=None, fault=fault)
    live = target.with_suffix(".head")
    draft = staging.draft(live)
    # A head that is there knows what the log had when it was lost.
    if (content := live.read_bytes() if live.exists() else head) is not None:
        write_draft(draft, content)
    return StagedAudit(drafts=(log, draft), fault=fault)


def audit_fault(path: Path, head: bytes | None, key: bytes) -> tuple[str, bool]:
    """What is wrong with an audit log in words (empty: nothing), and whether :meth:`AuditLog.repair` mends it."""
    try:
        with closing(open_tables(path)) as database:
            database.execute("BEGIN")
            fault = walk(database, Chain(key), head).fault
    except StoreError as error:
        return str(error), False
    except (sqlite3.Error, UnicodeDecodeError):  # what SQLite says of a damaged schema need not be text
        return "the file is damaged", False
    return (fault.text, fault.kind in MENDED) if fault is not None else ("", False)


def open_keyring(folder: Path, keys: BackupKeys, now: int) -> tuple[Manifest, Keys, Secret]:
    """What is in a backup of the keyring, and the key that opens it. Raises as :func:`open_data` does."""
    manifest = _of_kind(folder, "keyring")
    keys.expire(now)
    secret = keys.get(manifest.name)
    if secret is None:
        raise FileError(
            str(folder),
            f"its key is not in {keys.path}: it was destroyed after 30 days, or the newest copy of that file has to be"
            " put there first",
        )
    check(manifest, folder, manifest_key(secret), now)
    return manifest, _unseal(folder, manifest, secret), secret


def clean(path: Path, vault: Vault, erasures: Iterable[Erasure], tenants: Iterable[str]) -> Cleaned:
    """Bring the store at ``path`` up to the newest schema, and delete in it what was erased and what no key opens.

    ``tenants`` are those of the configuration; ``vault`` makes no keys. Raises :class:`StoreError`.
    """
    try:
        with closing(connect(path)) as database:
            migrate(database)
            named = {row[0] for row in database.execute(_TENANTS)} | {*tenants}
            # Whoever asked is gone, and may have asked about somebody who was erased since.
            database.execute("DELETE FROM asked")
            erased = sum(erase(database, each.rows, each.handle) for each in erasures if each.rows)
            gone = delete_unreachable(database, vault, [f"campaigns:{tenant}" for tenant in sorted(named)])
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise explain(error, path) from None
    return Cleaned(erased=erased, unreachable=gone)


def check_installation(path: Path, fingerprint: bytes, what: str) -> None:
    """Raise :class:`FileError` when the store at ``path`` is another installation's."""
    if path.exists() and path.stat().st_size and installation_of(path) not in (None, fingerprint):
        raise FileError(str(path), f"{what} is of another installation than this store")


def _of_kind(folder: Path, kind: str) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.kind != kind:
        other = "with --keyring" if kind == "data" else "without --keyring"
        raise FileError(str(folder), f"this is a backup of the {manifest.kind}: restore it {other}")
    return manifest


def _stage(folder: Path, manifest: Manifest, name: str, draft: Path) -> Path:
    expected = manifest.files[name]
    try:
        copied = copy_file(folder / name, draft)
    except FileNotFoundError:
        raise damaged(folder, name) from None
    except OSError as error:
        raise FileError(str(draft), f"the backup cannot be copied there: {error.strerror}") from None
    if copied != (expected.bytes, expected.sha256):
        raise damaged(folder, name)
    return draft


def _read(folder: Path, manifest: Manifest, name: str) -> bytes:
    """A small file of a checked backup."""
    try:
        content = (folder / name).read_bytes()
    except OSError:
        raise damaged(folder, name) from None
    expected = manifest.files[name]
    if (len(content), sha256(content).hexdigest()) != (expected.bytes, expected.sha256):
        raise damaged(folder, name)
    return content


def _unseal(folder: Path, manifest: Manifest, secret: Secret) -> Keys:
    sealer, packed = Sealer(secret.derive("keyring backup")), bytearray()
    try:
        with (folder / SEALED_COPY).open("rb") as file:
            number, piece = 0, file.read(PIECE + _SEAL)
            while piece:
                following = file.read(PIECE + _SEAL)
                packed += sealer.open(piece, piece_row(manifest.name, number, not following))
                number, piece = number + 1, following
        return unpack(packed, Keys)
    except (OSError, StoreError, msgspec.DecodeError):
        raise damaged(folder, SEALED_COPY) from None


def write_draft(draft: Path, content: bytes) -> None:
    """Write a draft of mode 0600."""
    try:
        new_file(draft).write_bytes(content)
    except OSError as error:
        raise FileError(str(draft), f"cannot be written: {error.strerror}") from None
