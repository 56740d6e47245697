"""Writing a file that holds people's data: a new one, for its owner only, and none when it was not finished."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import click

#: Standard output, where a file's name is asked for.
STANDARD_OUTPUT: Final = Path("-")


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """The file at ``path``, made with mode 0600; nothing is written over, and what breaks off leaves nothing.

    ``-`` is standard output, written to once all is there. Raises :class:`click.UsageError` when the file cannot be
    made, and when standard output is a terminal.
    """
    if path == STANDARD_OUTPUT:
        with _standard_output() as file:
            yield file
        return
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise click.UsageError(f"{path}: is there already; name a new file") from None
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be made: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def beside(path: Path) -> TextIO:
    """Where to tell of the file: on standard output, or beside it when that is the file."""
    return sys.stderr if path == STANDARD_OUTPUT else sys.stdout


def _at_terminal() -> bool:
    return sys.stdout.isatty()


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    if _at_terminal():
        raise click.UsageError("--out -: standard output is a terminal; pipe it into a program or a file")
    # Held back until it is whole: what was written cannot be taken back.
    file = BytesIO()
    yield file
    sys.stdout.buffer.write(file.getbuffer())
    sys.stdout.buffer.flush()
