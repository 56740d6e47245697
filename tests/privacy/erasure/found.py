"""What is found of accounts: in rows, and in the bytes of files."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.vault import Vault

#: Kinds of row ids beside the UTC days of events.
KINDS = ("profile", "attributes", "alerts", "mails", "answers", "hooks", "windows")
#: Where rows of an account are found by its row ids: table, column.
OWNED = (
    ("event", "owner"), ("profile", "key"), ("attributes", "key"), ("track", "owner"), ("alert", "owner"),
    ("mail", "owner"), ("answer_token", "owner"), ("hook", "owner"),
)  # fmt: skip
#: Bytes between two probes of a value that is looked for in pieces.
_STEP = 32


def dump(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    """All rows of all tables as they are."""
    with closing(sqlite3.connect(path)) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: set(database.execute(f"SELECT * FROM {table}")) for table in tables}


def accounts(vault: Vault) -> dict[str, AccountKey]:
    """All accounts that have a key, by lookup."""
    return {key.lookup: key for key in vault.keyring.page(0, 1_000_000)}


def row_ids(key: AccountKey, days: Iterable[int]) -> set[str]:
    """All row ids of an account."""
    return {key.row(kind) for kind in (*KINDS, *days)}


def days(path: Path) -> list[int]:
    """The UTC days of a store's events."""
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute("SELECT DISTINCT day FROM event")]


def owned(path: Path, ids: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of row ids, with the table of each."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        for table, column in OWNED:
            for row in database.execute(f"SELECT * FROM {table}"):
                if row[column] in ids:
                    yield table, dict(row)


def names(rows: Iterable[tuple[str, dict[str, Any]]]) -> set[bytes]:
    """The names that rows are found by and that are theirs alone: keys of events, alerts, mails and hooks."""
    columns = {"event": "key", "alert": "key", "mail": "alert", "hook": "name"}
    return {row[columns[table]].encode() for table, row in rows if table in columns}


def sealed(rows: Iterable[tuple[str, dict[str, Any]]]) -> set[bytes]:
    """All that is sealed or keyed in rows: every value in bytes."""
    return {value for _, row in rows for value in row.values() if isinstance(value, bytes)}


def pieces(values: Iterable[bytes]) -> dict[bytes, bytes]:
    """Eight bytes from every thirty-two of each value, so that half of one is found as well."""
    return {value[at : at + 8]: value for value in values for at in range(0, len(value) - 7, _STEP)}


def hits(files: Iterable[Path], probes: dict[bytes, bytes], *, whole: bool) -> dict[str, set[bytes]]:
    """By file, the values of which a probe of eight bytes was found; ``whole``: only those found from there to their
    end (texts, of which eight characters are few)."""
    wanted = np.unique(np.frombuffer(b"".join(probes), dtype=np.uint64))
    found: dict[str, set[bytes]] = {}
    for file in files:
        data = file.read_bytes()
        for offset in range(min(8, len(data))):
            words = np.frombuffer(data, dtype=np.uint64, offset=offset, count=max(0, (len(data) - offset) // 8))
            at = np.flatnonzero(np.isin(words, wanted))
            for place in (int(each) * 8 + offset for each in at):
                value = probes[data[place : place + 8]]
                if not whole or data.startswith(value, place):
                    found.setdefault(file.name, set()).add(value)
    return found
