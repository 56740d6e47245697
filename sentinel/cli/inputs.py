"""What `assess` and `import` share: files, their format, and what lines leave out."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import click

from sentinel.cli.tenants import tenant_option
from sentinel.sources import SOURCES, Options


class Zone(click.ParamType[str]):
    """The IANA name of a time zone, also where no stamp needs it."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See click. Raises :class:`sentinel.errors.SourceError` when there is no such zone."""
        Options(timezone=str(value)).zone()
        return str(value)


def source_options(function: Callable[..., Any], *, required: bool = True) -> Callable[..., Any]:
    """FILES (at least one where they are ``required``), --from, --year, --timezone and --tenant."""
    for decorate in (
        tenant_option("Whose settings apply."),
        click.option("--timezone", type=Zone(), help="Zone of stamps without one, as Europe/Paris (default UTC)."),
        click.option("--year", type=click.IntRange(1970, 9998), help="Year of the first line, if they lack it (sshd)."),
        click.option("--from", "source", type=click.Choice(sorted(SOURCES)), default="native", show_default=True,
                     help="Format of the input."),
        click.argument("files", nargs=-1, required=required, type=click.Path(path_type=Path, allow_dash=True)),
    ):  # fmt: skip
        function = decorate(function)
    return function


def open_inputs(paths: Sequence[Path], stack: ExitStack) -> list[tuple[str, BinaryIO]]:
    """Files with their names, opened before the first is read; see :func:`open_input`."""
    return [(str(path), open_input(path, stack)) for path in paths]


def open_input(path: Path, stack: ExitStack) -> BinaryIO:
    """A file, or standard input for ``-``. Raises :class:`click.UsageError` when it cannot be read."""
    if str(path) == "-":
        return sys.stdin.buffer
    try:
        stream = path.open("rb")
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
    return stack.enter_context(stream)
