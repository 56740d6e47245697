"""Allowlists: TOML files in a folder, each table an entry; docs/tuning.md shows one."""

from pathlib import Path
from typing import Final

import msgspec

from sentinel.config.load import Reader
from sentinel.config.tuning import ENTRY_NAME, AllowEntry
from sentinel.errors import FileError
from sentinel.toml_source import TomlFile, toml_files

#: What an entry goes by; one at least must be given.
_CONDITIONS: Final = ("networks", "accounts", "tags", "countries", "devices", "agents")


class Allowed(msgspec.Struct, frozen=True):
    """One entry, its name, and the file it stands in."""

    name: str
    entry: AllowEntry
    source: TomlFile

    def error(self, message: str, *key: str | int) -> FileError:
        """An error about a key of the entry."""
        return self.source.error(message, self.name, *key)


def read_allow(directory: Path) -> tuple[Allowed, ...]:
    """All entries of the files in ``directory``, in the order of the files' names; a missing folder has none.

    Raises :class:`FileError` about the first thing that is wrong: names are unique over all files.
    """
    found: dict[str, Allowed] = {}
    for path in toml_files(directory):
        source = TomlFile.read(path)
        reader = Reader(source, path.parent)
        for name, values in source.data.items():
            if not ENTRY_NAME.fullmatch(name):
                raise source.error("an entry's name is 1 to 64 letters, digits, '.', '_' or '-'", name)
            allowed = Allowed(name, reader.entry(AllowEntry, values, name), source)
            if not any(getattr(allowed.entry, condition) for condition in _CONDITIONS):
                raise allowed.error(f"names nothing, so it would allow everything; give {', '.join(_CONDITIONS)}")
            if name in found:
                raise allowed.error(f"there is an entry of this name in {found[name].source.path}; choose another")
            found[name] = allowed
    return tuple(found.values())
