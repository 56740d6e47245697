"""The folder that backups are in: their names, what is there, and what is too old to be."""

import re
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sentinel.backup.files import PARTIAL
from sentinel.backup.manifest import Kind, Manifest, expired, read_manifest
from sentinel.errors import FileError
from sentinel.events.clock import DAY, to_datetime, to_micros

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"(?:data|keyring)-([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{8}")


def new_name(kind: Kind, now: int) -> str:
    """A name that no other backup has: ``data-20260101T120000Z-1f2e3d4c``."""
    return f"{kind}-{to_datetime(now).strftime(_STAMP)}-{secrets.token_hex(4)}"


def backups(directory: Path) -> list[tuple[Path, Manifest]]:
    """The backups in a folder with what they say of themselves, oldest first. Raises :class:`FileError`."""
    found = []
    for path in _folders(directory):
        if not path.name.startswith(".") and (manifest := _manifest(path)) is not None:
            found.append((path, manifest))
    return sorted(found, key=lambda each: each[1].time)


def prune(directory: Path, now: int) -> int:
    """Remove the backups of more than 30 days, and what a kill left of making one; how many backups those were.

    A backup is as old as its name or its manifest says, whichever is older. Raises :class:`FileError`.
    """
    gone = 0
    for path in _folders(directory):
        partial = path.name.startswith(".") and path.name.endswith(PARTIAL)
        name = path.name[1 : -len(PARTIAL)] if partial else path.name
        times = [time for time in (_time_in(name), _time_of(path)) if time is not None]
        if not times or not (expired(min(times), now) or (partial and min(times) < now - DAY)):
            continue
        try:
            if not partial:
                # Gone at once for who looks; a kill in the midst of removing leaves what the next round removes.
                path = path.rename(path.with_name(f".{path.name}{PARTIAL}"))
                gone += 1
            shutil.rmtree(path)
        except OSError as error:
            raise FileError(str(path), f"the expired backup cannot be removed: {error.strerror}; remove it") from None
    return gone


def _folders(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir() and not path.is_symlink())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FileError(str(directory), f"the backups cannot be listed: {error.strerror}") from None


def _manifest(path: Path) -> Manifest | None:
    try:
        return read_manifest(path)
    except FileError:
        return None


def _time_of(path: Path) -> int | None:
    manifest = _manifest(path)
    return manifest.time if manifest is not None else None


def _time_in(name: str) -> int | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return to_micros(datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC))
    except ValueError:
        return None
