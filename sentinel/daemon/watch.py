"""Reloading when a file changes: configuration, rules, allowlists and lists of networks are looked at now and then."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sentinel.config import Config
from sentinel.daemon.models import ModelDesk
from sentinel.toml_source import toml_files

#: What a file is recognised by: changed, replaced by another, or cut.
Snapshot = dict[str, tuple[int, int, int]]

#: Seconds that a file must stay as it is before it is read: an editor may still be writing it.
_SETTLED: Final = 0.2
#: Seconds between looks at whether watching was switched on again.
_OFF: Final = 5.0


def snapshot(config: Config) -> Snapshot:
    """The files that a reload reads, as they are now; those that are missing or unreadable are left out."""
    paths: list[Path] = [*toml_files(config.rules.directory), *toml_files(config.rules.allow_directory)]
    paths += [item.path for item in config.geo.lists]
    if config.path is not None:
        paths.append(config.path)
    found: Snapshot = {}
    for path in paths:
        try:
            seen = path.stat()
        except OSError:
            continue
        found[str(path)] = seen.st_mtime_ns, seen.st_size, seen.st_ino
    return found


class Watcher:
    """Tells whether something changed since it was last asked. Each change is told once, whether it was good or not."""

    def __init__(self, config: Config) -> None:
        self._seen = snapshot(config)

    def changed(self, config: Config) -> bool:
        """Whether the files of ``config`` are others than at the last call."""
        before, self._seen = self._seen, snapshot(config)
        return before != self._seen

    def follow(self, config: Config) -> None:
        """Look at the files of another configuration from now on: those it names anew are no change."""
        self._seen = {path: self._seen.get(path, now) for path, now in snapshot(config).items()}


async def watch_models(seconds: Callable[[], float], desk: ModelDesk) -> None:
    """Put other models in force when they were promoted or rolled back, or got too old, until cancelled.

    ``seconds`` is how often to look, 0: now and then, since a model's last day comes whether files are watched or not.
    Models are compiled beside the loop, and put in force on it.
    """
    while True:
        await asyncio.sleep(seconds() or _OFF)
        if desk.changed():
            desk.use(await asyncio.to_thread(desk.prepare))


async def watch(config: Callable[[], Config], reload: Callable[[], None]) -> None:
    """Call ``reload`` after each change of the files of the configuration in force, until cancelled.

    ``reload`` keeps what is in force when the files are wrong, and says so in the log.
    """
    watcher = Watcher(config())
    while True:
        seconds = config().rules.watch_seconds
        await asyncio.sleep(seconds or _OFF)
        if not watcher.changed(config()):
            continue
        while True:
            await asyncio.sleep(_SETTLED)
            if not watcher.changed(config()):
                break
        if seconds:
            reload()
            watcher.follow(config())
