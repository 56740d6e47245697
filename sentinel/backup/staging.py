"""Putting several files in place as one: a kill at any moment leaves all old ones or all new ones.

Each new file is written beside its target as a draft. Then a note with all names is made durable: from there on the
new files are what counts, and whoever comes first after a kill (:func:`finish`) moves what was not moved yet. Until the
note is gone nobody opens the keyring.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from sentinel.backup.files import replace_wiped, wipe, wipe_left, write_whole
from sentinel.errors import FileError
from sentinel.files import sync_folder

#: Name of the note in the state directory.
NOTE_NAME: Final = "restore.json"
#: What SQLite has beside a database.
_BESIDE: Final = ("-wal", "-shm", "-journal")


class _Note(msgspec.Struct, frozen=True):
    """Files to be put in place. Those in ``wiped`` hold keys: what was there before is overwritten."""

    files: list[str]
    wiped: list[str]


class Staging:
    """New files for ``state`` and elsewhere. Raises :class:`FileError`."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._files: list[Path] = []
        self._wiped: list[Path] = []

    def draft(self, target: Path, *, wiped: bool = False) -> Path:
        """Where to write what shall be at ``target``; there is nothing there yet."""
        draft = draft_of(target)
        discard([target])
        (self._wiped if wiped else self._files).append(target)
        return draft

    def drop(self, target: Path) -> None:
        """What is at ``target`` stays there after all: remove the draft."""
        self._files.remove(target)
        discard([target])

    def commit(self) -> None:
        """Put all drafts in their places."""
        for target in (*self._files, *self._wiped):
            _sync(draft_of(target))
            sync_folder(target.parent)
        note = _Note([str(path) for path in self._files], [str(path) for path in self._wiped])
        write_whole(self._state / NOTE_NAME, msgspec.json.encode(note))
        finish(self._state)

    def abandon(self) -> None:
        """Remove the drafts, unless they are what counts already."""
        if not interrupted(self._state):
            discard((*self._files, *self._wiped))


def draft_of(target: Path) -> Path:
    """The draft of what shall be at ``target``."""
    return target.with_name(f"{target.name}.restoring")


def interrupted(state: Path) -> bool:
    """Whether a restore was cut off when all was decided, and has to be finished."""
    return (state / NOTE_NAME).exists()


def finish(state: Path) -> bool:
    """Finish what a kill cut off; whether there was something. Only for who holds the lock of the store."""
    path = state / NOTE_NAME
    try:
        wipe_left(path)
        note = msgspec.json.decode(path.read_bytes(), type=_Note)
        for target in map(Path, note.files):
            _put(target, wiped=False)
        for target in map(Path, note.wiped):
            _put(target, wiped=True)
        path.unlink()
        sync_folder(state)
    except FileNotFoundError:
        return False
    except msgspec.DecodeError:
        raise FileError(str(path), "the note of a restore is damaged; remove it and restore again") from None
    except OSError as error:
        raise FileError(str(path), f"the restore cannot be finished: {error.strerror}; start it again") from None
    return True


def discard(targets: Iterable[Path]) -> None:
    """Remove the drafts of a restore that was cut off before it was decided; what they hold may be erased by now."""
    for target in targets:
        for name in ("", *_BESIDE):
            wipe(draft_of(target).with_name(draft_of(target).name + name))


def _put(target: Path, *, wiped: bool) -> None:
    draft = draft_of(target)
    if draft.exists():
        for name in _BESIDE:
            # What the old file had not taken in yet must not be taken in by the new one.
            if wiped:
                wipe(target.with_name(target.name + name))
            else:
                target.with_name(target.name + name).unlink(missing_ok=True)
        if wiped:
            replace_wiped(target, draft)
        else:
            draft.replace(target)
    if wiped:
        wipe_left(target)
    sync_folder(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
