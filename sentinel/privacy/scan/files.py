"""Every file under some folders, its name too, looked through in pieces."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from sentinel.privacy.scan.report import Problem, Report
from sentinel.privacy.scan.search import Found, Needles
from sentinel.privacy.scan.stream import Limits, Stream
from sentinel.privacy.scan.tables import MAGIC, walk

_READ: Final = 1 << 20


def scan(
    paths: Iterable[Path], needles: Needles, progress: Callable[[str, int], None] = lambda path, size: None
) -> Report:
    """Look through ``paths``, files and folders with all below them, each file once.

    ``progress`` is told of each file with no bytes, and then of bytes as they are read. What cannot be read is a
    problem of the report; a file that went away meanwhile (a log that was rotated) is none.
    """
    report = Report(values=len(needles.values), forms=needles.forms)
    seen: set[tuple[int, int]] = set()
    for path in paths:
        for file in _files(path, seen, report, root=True):
            shown = _shown(file, path, needles, report)
            progress(shown, 0)
            try:
                _file(file, shown, needles, report, progress)
            except FileNotFoundError:
                continue
            except OSError as error:
                report.problems.append(Problem(shown, error.strerror or type(error).__name__))
    return report


def size(paths: Sequence[Path]) -> int:
    """Bytes that :func:`scan` will read, as far as can be told before."""
    seen: set[tuple[int, int]] = set()
    return sum(file.stat().st_size for path in paths for file in _files(path, seen, Report()) if file.exists())


def _files(path: Path, seen: set[tuple[int, int]], report: Report, *, root: bool = False) -> Iterator[Path]:
    """Regular files at and below ``path``. Links are followed: what they lead to belongs to what is promised."""
    try:
        status = path.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        if stat.S_ISREG(status.st_mode):
            yield path
        elif stat.S_ISDIR(status.st_mode):
            for entry in sorted(path.iterdir()):
                yield from _files(entry, seen, report)
        # Sockets, pipes and devices hold nothing.
    except FileNotFoundError:
        if root:
            report.problems.append(Problem(str(path), "there is no such file or folder"))
    except OSError as error:
        report.problems.append(Problem(str(path), error.strerror or type(error).__name__))


def _shown(path: Path, root: Path, needles: Needles, report: Report) -> str:
    """The path as it is shown: names below ``root`` that hold a value are hits and are not repeated."""
    below = path.relative_to(root)
    found = list(needles.search(os.fsencode(below)))
    if not found:
        return str(path)
    shown = f"{root}{os.sep}(a name that holds a value)"
    for each in found:
        report.hit(needles.values, shown, each.value, each.form.name)
    return shown


def _file(path: Path, shown: str, needles: Needles, report: Report, progress: Callable[[str, int], None]) -> None:
    def sink(offset: int, found: Found, around: tuple[tuple[str, int], ...]) -> None:
        inside = tuple(f"{kind} at {at}" for kind, at in around)
        report.hit(needles.values, shown, found.value, found.form.name, offset=offset, inside=inside)

    limits = Limits()
    stream = Stream(needles, sink, limits)
    with path.open("rb", buffering=0) as file:
        first = data = file.read(_READ)
        while data:
            stream.feed(data)
            report.bytes += len(data)
            progress(shown, len(data))
            data = file.read(_READ)
    stream.finish()
    report.files += 1
    report.members += limits.members
    report.problems += [Problem(shown, problem) for problem in limits.problems]
    if first.startswith(MAGIC):
        walk(path, shown, needles, report)
