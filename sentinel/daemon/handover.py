"""The configuration in force, handed to the processes beside the daemon: the file may say something else by now."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from sentinel.config import Config
from sentinel.config.load import load_again
from sentinel.config.values import StoreAddress
from sentinel.daemon import logs
from sentinel.errors import SentinelError

#: Arguments that :func:`taken_over` takes.
ARGUMENTS = 4


@contextmanager
def handed_over(config: Config) -> Iterator[tuple[int, list[str]]]:
    """The number of a file that the child has to inherit, and the arguments it needs.

    A file without a name, not a pipe: a long configuration must not wait for a child that is still starting. State
    and store are those of the daemon, even when the configuration says others since.
    """
    with TemporaryFile(dir=config.state) as file:
        file.write(config.text.encode())
        file.seek(0)
        yield file.fileno(), [str(file.fileno()), str(config.path or ""), str(config.state), config.store_url]


def taken_over(arguments: list[str]) -> Config:
    """In the child: the configuration that the daemon handed over. Its logs are set up."""
    number, path, state, store = arguments
    with os.fdopen(int(number), "rb") as file:
        config = load_again(Path(path) if path else None, file.read().decode())
    config = msgspec.structs.replace(config, state=Path(state), store=StoreAddress(store))
    logs.setup(config.log.level)
    return config


def or_say_why(work: Callable[[], None]) -> None:
    """Do ``work``, the whole of a process; what is wrong with its files is one line in the log, and exit status 1."""
    try:
        work()
    except SentinelError as error:
        logging.getLogger("sentinel").error("%s", error)
        sys.exit(1)
