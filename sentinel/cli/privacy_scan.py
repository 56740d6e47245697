"""`sentinel privacy scan`: whether known values stand in the clear anywhere."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import DownloadColumn

from sentinel.cli.bar import progress_bar
from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.looks import looked
from sentinel.daemon.state import open_vault
from sentinel.privacy.keyring import KEYRING_NAME
from sentinel.privacy.scan.files import scan as scan_files
from sentinel.privacy.scan.files import size
from sentinel.privacy.scan.report import Report
from sentinel.privacy.scan.search import Needles

#: Shorter values stand everywhere.
_SHORTEST: Final = 3
_LONGEST: Final = 4096


@click.command("scan")
@click.option("--value", "values", multiple=True, help="An address, an e-mail, any text to look for; repeat it.")
@click.option(
    "--values",
    "values_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File with values, one a line; `-` reads them from standard input.",
)
@click.option(
    "--dir",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Another folder or file to look through, as logs or backups; repeat it.",
)
@json_option
@pass_config
def scan(
    context: Context, values: tuple[str, ...], values_file: Path | None, folders: tuple[Path, ...], as_json: bool
) -> int:
    """Look for known values in every file of the state, in all forms they may have there.

    Looked through are the state directory, the store, and each --dir: files and their names, write-ahead logs, what is
    compressed in them (gzip, zlib, zstd, bzip2, xz, ZIP), and all tables of SQLite databases. Forms are text in either
    case, UTF-16, escaped text, hexadecimal digits, base64, and of addresses also packed bytes, integers, reversed names
    and IPv4-mapped IPv6. Packed IPv4 addresses and other forms below seven bytes are looked for as whole values in
    tables only: over raw bytes they would be found by chance. Sealed data is not opened, so that nothing in it is
    found; that is the point.

    Other users of the machine can see the command line: give the values of real people by --values. Hits tell a
    value's number and its first two characters. Exit 1 when there are hits, or when something could not be read.

    \b
    Example:
      sentinel privacy scan --value 192.0.2.7 --dir /var/log/sentinel
      sentinel privacy scan --values - < values.txt
    """
    needles = Needles(_values(values, values_file))
    config = context.config
    if (config.state / KEYRING_NAME).exists():
        with closing(open_vault(config)) as vault:
            looked(config, vault, "privacy.scan")
    paths = [config.state, *folders]
    scheme, _, store = config.store_url.partition(":")
    if scheme == "sqlite" and store != ":memory:" and not Path(store).is_relative_to(config.state):
        paths[1:1] = [file for end in ("", "-wal", "-shm", "-journal") if (file := Path(store + end)).exists()]
    report = _run(paths, needles)
    if as_json:
        print_json(report)
    else:
        _print(report)
    return 0 if report.clean else 1


def _values(given: tuple[str, ...], file: Path | None) -> list[str]:
    """The values without blank lines and repetitions; those of the command line come first."""
    values = list(given)
    if file is not None:
        try:
            data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
            values += data.decode("utf-8-sig").splitlines()
        except OSError as error:
            raise click.UsageError(f"--values {file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise click.UsageError(f"--values {file}: expected UTF-8 text, one value a line") from None
    values = list(dict.fromkeys(value for each in values if (value := each.strip())))
    if not values:
        raise click.UsageError(
            "give at least one value to look for, with --value or --values: sealed data is not opened to find some"
        )
    for number, value in enumerate(values, 1):
        if not _SHORTEST <= len(value) <= _LONGEST:
            raise click.UsageError(f"value {number}: expected {_SHORTEST} to {_LONGEST} characters, got {len(value)}")
    return values


def _run(paths: list[Path], needles: Needles) -> Report:
    console = Console(stderr=True)
    if not console.is_terminal:
        return scan_files(paths, needles)
    with progress_bar(console, DownloadColumn()) as bar:
        task = bar.add_task("looking", total=size(paths))
        return scan_files(
            paths, needles, lambda file, read: bar.update(task, advance=read, description=Path(file).name)
        )


def _print(report: Report) -> None:
    for hit in report.hits:
        click.echo(str(hit))
    if report.found > len(report.hits):
        click.echo(f"and {report.found - len(report.hits):,} more; a file's first ones are told")
    for problem in report.problems:
        click.echo(str(problem), err=True)
    outcome = f"{report.found:,} hits" if report.found else "nothing found"
    if report.problems:
        outcome += f", but {len(report.problems)} could not be looked through"
    click.echo(f"{report.summary()}: {outcome}")
