"""Files that a command writes its result into, over what was there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def writable(option: str, path: Path) -> Iterator[BinaryIO]:
    """The file that ``option`` names, emptied. Raises :class:`click.UsageError` when it cannot be made or written."""
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        # A closed pipe of standard output is no fault of this file.
        if isinstance(error, BrokenPipeError):
            raise
        raise _unwritable(option, path, error) from None


def expect_writable(option: str, path: Path) -> None:
    """Raise :class:`click.UsageError` before the work when the file cannot be made or written. Changes nothing."""
    there = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise _unwritable(option, path, error) from None
    if not there:
        path.unlink()


def _unwritable(option: str, path: Path, error: OSError) -> click.UsageError:
    return click.UsageError(f"{option}: {path}: cannot be written: {error.strerror}; name another file")
