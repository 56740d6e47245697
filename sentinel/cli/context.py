"""What commands share: the --config option that may stand anywhere, JSON output, running async code."""

import asyncio
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TextIO, TypeVar

import click
import msgspec

from sentinel.config import Config, load

P = ParamSpec("P")
T = TypeVar("T")


class Context:
    """The configuration file that was named, loaded when a command first needs it."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self._config: Config | None = None

    @property
    def config(self) -> Config:
        """The checked configuration. Raises :class:`sentinel.errors.FileError`."""
        if self._config is None:
            self._config = load(self.path)
        return self._config


class Checked(click.ParamType[str], ABC):
    """A kind of option whose value is checked against the configuration, once that is known."""

    @abstractmethod
    def expect(self, config: Config, value: str) -> None:
        """Raise :class:`click.UsageError` when the value cannot be right."""


def pass_config(function: Callable[..., T]) -> Callable[..., T]:
    """Give a command ``--config`` and hand it the :class:`Context` as its first argument."""

    @click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Configuration file (else $SENTINEL_CONFIG, else /etc/sentinel/sentinel.toml, else defaults).",
    )
    @click.pass_context
    @wraps(function)
    def wrapped(ctx: click.Context, /, *args: Any, config_file: Path | None, **kwargs: Any) -> T:
        context = ctx.ensure_object(Context)
        if config_file is not None:
            context.path = config_file
        for parameter in ctx.command.params:
            value = kwargs.get(parameter.name or "")
            if isinstance(parameter.type, Checked) and value is not None:
                for each in value if parameter.multiple else (value,):
                    parameter.type.expect(context.config, each)
        return function(context, *args, **kwargs)

    return wrapped


def run_async(main: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Run an async command."""

    @wraps(main)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        return asyncio.run(main(*args, **kwargs))

    return wrapped


def print_json(value: Any, file: TextIO | None = None) -> None:
    """One JSON document on standard output, or on ``file``."""
    (file or sys.stdout).write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
