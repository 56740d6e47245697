"""Making backups: of the data, which no key is in; and of the keys, sealed under one that is destroyed in time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from sentinel import __version__
from sentinel.backup.copying import copy_database, installation_of
from sentinel.backup.files import new_file, whole_folder
from sentinel.backup.folder import new_name
from sentinel.backup.keys import BackupKeys
from sentinel.backup.manifest import Manifest, new_manifest
from sentinel.errors import FileError
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.ledger import Erasure, Ledger
from sentinel.privacy.sealer import Sealer, pack
from sentinel.privacy.vault import Vault

STORE_COPY: Final = "store.db"
AUDIT_COPY: Final = "audit.db"
HEAD_COPY: Final = "audit.head"
SEALED_COPY: Final = "keyring.sealed"
#: Bytes sealed at once; each piece says which it is and whether it is the last, so that none can be left out.
PIECE: Final = 1024 * 1024


class Keys(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed in a backup of the keyring: the database, and the erasures as they are known by then."""

    keyring: bytes
    erasures: Sequence[Erasure]


def manifest_key(root: Secret) -> bytes:
    """What the manifests of an installation's data backups are signed with."""
    return root.derive("backup")


def back_up_data(directory: Path, *, store: Path, audit: Path, vault: Vault, now: int) -> Manifest:
    """Make a backup of store and audit log; whoever writes to them goes on. Raises :class:`FileError` and
    :class:`sentinel.errors.StoreError`; then there is none."""
    if not store.exists():
        raise FileError(str(store), "there is no store yet; nothing to back up")
    name = new_name("data", now)
    with whole_folder(directory, name) as folder:
        schema = copy_database(store, folder / STORE_COPY)
        if installation_of(folder / STORE_COPY) not in (None, vault.fingerprint):
            raise FileError(str(store), "the store was written with another keyring; restore the one it belongs to")
        if audit.exists():
            # Head first: it may lag behind the log, and never leads.
            if (head := audit.with_suffix(".head")).exists():
                new_file(folder / HEAD_COPY).write_bytes(head.read_bytes())
            copy_database(audit, folder / AUDIT_COPY)
        return new_manifest(
            "data", name, now, sentinel=__version__, schema=schema, installation=vault.fingerprint, folder=folder
        ).write(folder, manifest_key(vault.root))


def back_up_keyring(directory: Path, *, vault: Vault, ledger: Ledger | None, keys: BackupKeys, now: int) -> Manifest:
    """Make a backup of keyring and ledger under a fresh key, which is kept in ``keys``. Raises as
    :func:`back_up_data` does."""
    name = new_name("keyring", now)
    secret = keys.make(name, now)
    packed = pack(Keys(_packed(vault.keyring, secret), ledger.entries() if ledger is not None else []))
    sealer = Sealer(secret.derive("keyring backup"))
    with whole_folder(directory, name) as folder:
        with new_file(folder / SEALED_COPY).open("r+b") as file:
            for at in range(0, len(packed), PIECE):
                last = at + PIECE >= len(packed)
                file.write(sealer.seal(packed[at : at + PIECE], piece_row(name, at // PIECE, last)))
        return new_manifest(
            "keyring", name, now, sentinel=__version__, schema=0, installation=vault.fingerprint, folder=folder
        ).write(folder, manifest_key(secret))


def piece_row(name: str, number: int, last: bool) -> str:
    """The associated data of a piece."""
    return f"{name}/{number}/{'last' if last else 'more'}"


def _packed(keyring: Keyring, secret: Secret) -> bytes:
    # Under a slot of the backup's own key, not of the master key's: that one may be another by then.
    return keyring.packed_for(secret)
