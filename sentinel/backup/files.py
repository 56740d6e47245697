"""Files and folders that are there whole or not at all, and files whose bytes are gone."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from sentinel.errors import FileError
from sentinel.files import sync_folder

#: What a folder is called until it is whole: ``.NAME.partial``.
PARTIAL: Final = ".partial"
_PIECE: Final = 1024 * 1024


@contextmanager
def whole_folder(directory: Path, name: str) -> Iterator[Path]:
    """A folder, mode 0700, that gets its name once everything in it is on disk; nothing stays when that fails.

    ``directory`` is made with mode 0700 when it is missing. Raises :class:`FileError`.
    """
    draft = directory / f".{name}{PARTIAL}"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        try:
            yield draft
            for file in draft.iterdir():
                _sync(file)
            sync_folder(draft)
            draft.rename(directory / name)
            sync_folder(directory)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise FileError(str(directory), f"the backup cannot be written: {error.strerror}") from None


def write_whole(path: Path, content: bytes, *, wiped: bool = False) -> None:
    """Put a file, mode 0600, in the place of what is there; on disk when this returns. ``wiped`` overwrites what was
    there, see :func:`replace_wiped`. Only for who holds a lock: the draft has one name."""
    draft = _draft(path)
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if wiped:
        replace_wiped(path, draft)
    else:
        draft.rename(path)
        sync_folder(path.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Before all other processes that change ``path``; by a file beside it, which stays."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def new_file(path: Path) -> Path:
    """An empty file of mode 0600, which SQLite would make with the process's umask."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return path


def replace_wiped(path: Path, draft: Path) -> None:
    """Put ``draft`` in the place of a file whose bytes must be gone: they are overwritten, also when a kill came in
    between and :func:`wipe_left` is called later. Disks and file systems may keep copies out of anybody's reach."""
    left = _left(path)
    wipe(left)
    with suppress(FileNotFoundError):
        os.link(path, left)
    draft.rename(path)
    sync_folder(path.parent)
    wipe_left(path)


def wipe_left(path: Path) -> None:
    """Overwrite and remove what a kill left of replacing or writing ``path``."""
    left = _left(path)
    if left.exists() and path.exists() and left.samefile(path):
        left.unlink()  # it was never replaced
    wipe(left)
    wipe(_draft(path))


def tidy(path: Path) -> None:
    """:func:`wipe_left` where there is something left, and nobody is at it."""
    if _left(path).exists() or _draft(path).exists():
        with locked(path):
            wipe_left(path)


def wipe(path: Path) -> None:
    """Overwrite a file and remove it; nothing when there is none."""
    with suppress(FileNotFoundError):
        with path.open("r+b", buffering=0) as file:
            rest = os.fstat(file.fileno()).st_size
            while rest > 0:
                rest -= file.write(bytes(min(rest, _PIECE)))
            os.fsync(file.fileno())
        path.unlink()


def digest(path: Path) -> tuple[int, str]:
    """Length and SHA-256 of a file."""
    hashing, length = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            hashing.update(piece)
            length += len(piece)
    return length, hashing.hexdigest()


def copy_file(source: Path, target: Path) -> tuple[int, str]:
    """Copy a file to a new one of mode 0600; length and SHA-256 of what was copied."""
    hashing, length = sha256(), 0
    new_file(target)
    with source.open("rb") as reading, target.open("r+b") as writing:
        while piece := reading.read(_PIECE):
            hashing.update(piece)
            length += len(piece)
            writing.write(piece)
        writing.flush()
        os.fsync(writing.fileno())
    return length, hashing.hexdigest()


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.draft")


def _left(path: Path) -> Path:
    return path.with_name(f"{path.name}.gone")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
