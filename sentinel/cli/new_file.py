"""Writing a file that holds people's data: a new one, for its owner only, and none when it was not finished."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """The file at ``path``, made with mode 0600; nothing is written over, and what breaks off leaves nothing."""
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
