"""Secrets: from a systemd credential or a file that only its owner can read; never from the configuration
itself or a command line, which backups and process lists show to others."""

import os
import stat
from pathlib import Path

from sentinel.config.config import Config
from sentinel.errors import FileError


def read_secret(config: Config, name: str, file: Path | None) -> str | None:
    """The secret in ``$CREDENTIALS_DIRECTORY/name``, else in ``file``; None when neither is there to ask.

    A relative ``file`` is relative to the configuration's folder. The newline at the end is not part of the
    secret. FileError when the file is missing, empty or open to group or others. Credentials are not checked
    for that: systemd keeps them in memory for the service alone, with an access list in place of the mode.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder and (credential := Path(folder, name)).exists():
        return _read(credential, private=False)
    if file is None:
        return None
    return read_private((config.path.parent if config.path else Path()) / file)


def read_private(path: Path) -> str:
    """The secret in a file that only its owner can read, without the newline at its end. Raises :class:`FileError` as
    :func:`read_secret` does."""
    return _read(path, private=True)


def _read(path: Path, *, private: bool) -> str:
    try:
        with path.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if private and mode & 0o077:
                raise FileError(str(path), f"others can get at this secret (mode {mode:04o}); chmod 600 it")
            raw = opened.read()
    except FileNotFoundError:
        raise FileError(str(path), "there is no such file; it should hold a secret") from None
    except OSError as error:
        raise FileError(str(path), f"the secret cannot be read: {error.strerror}") from None
    try:
        secret = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise FileError(str(path), "the secret is not valid UTF-8") from None
    if not secret:
        raise FileError(str(path), "the secret is empty")
    return secret
