"""Restoring: what was erased since is erased again in the draft, before it takes the place of what is there."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

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


def stage_audit(folder: Path, manifest: Manifest, target: Path, staging: Staging) -> tuple[Path, Path] | None:
    """Drafts of the audit log and its head, only where there is no log: one that only grows is never set back."""
    if target.exists() or AUDIT_COPY not in manifest.files:
        return None
    log = _stage(folder, manifest, AUDIT_COPY, staging.draft(target))
    live = target.with_suffix(".head")
    head = staging.draft(live)
    if live.exists():
        # It knows what the log had when it was lost.
        write_draft(head, live.read_bytes())
    elif HEAD_COPY in manifest.files:
        _stage(folder, manifest, HEAD_COPY, head)
    return log, head


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
