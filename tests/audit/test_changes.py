"""Ten thousand single changes to a log of some hundred entries, without its key: all seen."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sentinel.audit.chain import Chain
from sentinel.audit.tables import open_tables
from sentinel.audit.verify import Report, walk
from sentinel.errors import StoreError
from tests.audit.forging import ENTRIES, LAST, PRUNED, WAYS, Database, Forger, Row
from tests.audit.making import KEY, Kept, entry, log

CHANGES = 10_000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The file of a log with a past, and its head."""
    folder = tmp_path_factory.mktemp("log")
    kept = Kept()
    one = log(folder, head=kept)
    one.append([entry(number, time=number) for number in range(PRUNED)])
    one.append([entry(number) for number in range(ENTRIES - 1)])
    assert one.prune(entry().time) == PRUNED
    assert one.verify().entries == ENTRIES
    one.close()
    assert kept.head is not None
    with sqlite3.connect(folder / "audit.db") as database:
        database.execute("PRAGMA journal_mode = DELETE")
        file = database.serialize()
    database.close()
    return file, kept.head


@pytest.fixture
def database(written: tuple[bytes, bytes]) -> Iterator[Database]:
    """The log in memory."""
    found = open_tables(None)
    found.deserialize(written[0])
    yield found
    found.close()


def test_ten_thousand_single_changes_are_all_seen(database: Database, written: tuple[bytes, bytes]) -> None:
    chain, head = Chain(KEY), written[1]
    assert walk(database, chain, head) == Report(entries=ENTRIES, start=PRUNED, last=LAST, after_head=0, fault=None)
    random = Random(20_260_101)
    missed, misnamed, seen = [], [], Counter[str]()
    for number, way in enumerate(random.choices(list(WAYS), list(WAYS.values()), k=CHANGES)):
        database.execute("SAVEPOINT change")
        forger = Forger(database, head, random)
        described = getattr(forger, way)()
        fault = walk(database, chain, forger.head).fault
        if fault is None:
            missed.append((number, way))
        elif fault.kind not in described:
            misnamed.append((number, way, fault))
        seen[way] += 1
        database.execute("ROLLBACK TO change")
        database.execute("RELEASE change")
    assert missed == []
    assert misnamed == []
    assert set(seen) == set(WAYS)
    assert walk(database, chain, head).fault is None


def test_any_bit_of_the_file_is_seen_or_changes_no_entry(written: tuple[bytes, bytes]) -> None:
    """SQLite's own pages hold much that says nothing; what says something is noticed, by SQLite or by us."""
    file, head = written
    chain, random = Chain(KEY), Random(7)
    genuine = content(file)
    seen = 0
    for _ in range(1500):
        changed = bytearray(file)
        changed[random.randrange(len(file))] ^= 1 << random.randrange(8)
        if seen_in(bytes(changed), chain, head):
            seen += 1
        else:
            assert content(bytes(changed)) == genuine
    assert seen > 500


def opened(file: bytes, use: Callable[[Database], Any]) -> Any:
    database = open_tables(None)
    try:
        database.deserialize(file)
        return use(database)
    finally:
        database.close()


def content(file: bytes) -> list[Row]:
    found: list[Row] = opened(
        file, lambda db: db.execute("SELECT * FROM entry").fetchall() + db.execute("SELECT * FROM start").fetchall()
    )
    return found


def seen_in(file: bytes, chain: Chain, head: bytes) -> bool:
    try:
        report: Report = opened(file, lambda db: walk(db, chain, head))
        return report.fault is not None
    except (sqlite3.DatabaseError, UnicodeDecodeError, StoreError):  # AuditLog tells both in words
        return True


def test_another_key_is_told_from_a_change(database: Database, written: tuple[bytes, bytes], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"another key \(sentinel\.key\)"):
        walk(database, Chain(b"x" * 32), written[1])
