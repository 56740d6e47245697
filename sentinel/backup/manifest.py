"""What a backup says of itself, authenticated: neither its date nor its content can be changed unseen."""

import hmac
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal

import msgspec

from sentinel.backup.files import digest
from sentinel.errors import FileError
from sentinel.events.clock import DAY, to_datetime, to_micros, to_text
from sentinel.privacy.ledger import BACKUP_DAYS

#: Name of the manifest in the folder of a backup.
MANIFEST_NAME: Final = "manifest.json"
Kind = Literal["data", "keyring"]
_FORMAT: Final = 1
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Sum(msgspec.Struct, frozen=True):
    """Length in bytes and SHA-256 of a file."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """See the module. ``mac`` is keyed BLAKE2b-256 over the rest; ``installation`` tells installations apart."""

    format: int = _FORMAT
    kind: Kind
    name: str
    made: datetime
    sentinel: str
    schema: int
    installation: str
    files: dict[str, Sum]
    mac: str = ""

    @property
    def time(self) -> int:
        """When it was made, in micros."""
        return to_micros(self.made)

    def write(self, folder: Path, key: bytes) -> "Manifest":
        """Sign it and write it into the folder."""
        signed = msgspec.structs.replace(self, mac=_mac(self, key))
        path = folder / MANIFEST_NAME
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.format(_encode(signed), indent=2) + b"\n")
        return signed


def new_manifest(
    kind: Kind, name: str, time: int, *, sentinel: str, schema: int, installation: bytes, folder: Path
) -> Manifest:
    """The manifest of what is in ``folder``."""
    files = {path.name: Sum(*digest(path)) for path in sorted(folder.iterdir())}
    return Manifest(
        kind=kind,
        name=name,
        made=to_datetime(time),
        sentinel=sentinel,
        schema=schema,
        installation=installation.hex(),
        files=files,
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a folder, not checked yet. Raises :class:`FileError`."""
    path = folder / MANIFEST_NAME
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise FileError(str(folder), f"this is no backup of sentinel: there is no {MANIFEST_NAME} in it") from None
    except OSError as error:
        raise FileError(str(path), f"cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise FileError(str(path), "this is not the manifest of a backup, or it was damaged") from None
    if found.made.tzinfo is None:
        raise FileError(str(path), "this is not the manifest of a backup, or it was damaged")
    if found.format != _FORMAT:
        raise FileError(str(path), "the backup was made by a newer sentinel: upgrade sentinel")
    return found


def expired(made: int, now: int) -> bool:
    """Whether what was made then is too old to be restored; both in micros."""
    return made + BACKUP_DAYS * DAY <= now


def check(manifest: Manifest, folder: Path, key: bytes, now: int) -> None:
    """Raise :class:`FileError` unless the backup is genuine and may be restored now. Files are checked as they are
    copied."""
    if not hmac.compare_digest(_mac(manifest, key).encode(), manifest.mac.encode("utf-8", "replace")):
        raise FileError(str(folder), "the manifest was changed, or it is the backup of another installation")
    if expired(manifest.time, now):
        raise FileError(
            str(folder),
            f"the backup is of {to_text(manifest.time)}, more than {BACKUP_DAYS} days old: it is expired, since what"
            " was deleted since then would come back",
        )
    if manifest.time > now + DAY:
        raise FileError(str(folder), f"the backup was made at {to_text(manifest.time)}: set this machine's clock right")


def damaged(folder: Path, name: str) -> FileError:
    """The error about a file that is not the one the manifest names."""
    return FileError(
        str(folder / name), "the file is damaged or is not the one that was backed up; take another backup"
    )


def _mac(manifest: Manifest, key: bytes) -> str:
    bare = msgspec.structs.replace(manifest, mac="")
    return blake2b(_encode(bare), digest_size=32, key=key, person=b"backup").hexdigest()
