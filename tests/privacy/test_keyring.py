"""The keyring: what it keeps opens with the master key alone, and what it destroyed is gone from its files."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from sentinel.errors import FileError, StoreError
from sentinel.privacy.account_key import AccountKey, row_of
from sentinel.privacy.keyring import DayKeys, Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.wrapping import fingerprint

MASTER, OTHER = Secret(b"m" * 32), Secret(b"o" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring.db"


def keys(*numbers: int) -> list[AccountKey]:
    return [AccountKey(number, f"lookup-{number}", bytes([number]) * 32) for number in numbers]


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def test_what_was_written_is_there_again(path: Path) -> None:
    ring = Keyring(path, MASTER)
    root = ring.root.derive("x")
    ring.write(keys(1, 2), {20_000: DayKeys(b"r" * 32, b"e" * 32)})
    ring.put_value("head", b"five")
    ring.close()
    for readonly in (True, False):
        again = Keyring(path, MASTER, readonly=readonly)
        assert again.root.derive("x") == root
        (found,) = again.accounts("lookup", ["lookup-2", "lookup-3"])
        assert (found.number, found.handle, found.secret) == (2, keys(2)[0].handle, b"\x02" * 32)
        assert [key.number for key in again.accounts("handle", [found.handle])] == [2]
        assert [key.number for key in again.accounts("number", [1, 2, 9])] == [1, 2]
        assert again.days() == {20_000: DayKeys(b"r" * 32, b"e" * 32)}
        assert (again.value("head"), again.value("other")) == (b"five", None)
        assert again.last_number() == 2
        again.close()


def test_another_master_key_opens_nothing_and_changes_nothing(path: Path) -> None:
    Keyring(path, MASTER).close()
    before = bytes_of(path.parent)
    for readonly in (True, False):
        with pytest.raises(FileError, match="not the one that opens this keyring"):
            Keyring(path, OTHER, readonly=readonly)
    assert bytes_of(path.parent) == before
    Keyring(path, MASTER).close()


def test_a_master_key_is_exchanged_without_anybody_noticing(path: Path) -> None:
    ring, beside = Keyring(path, MASTER), None
    ring.write(keys(1), {})
    ring.add_slot(OTHER)
    beside = Keyring(path, OTHER, readonly=True)
    assert ring.slots() == sorted([fingerprint(MASTER), fingerprint(OTHER)])
    assert ring.keep_slot(OTHER) == 1
    with pytest.raises(FileError, match="not the one"):
        Keyring(path, MASTER)
    # Those that have it open go on.
    ring.write(keys(2), {})
    assert [key.number for key in beside.accounts("number", [1, 2])] == [1, 2]
    ring.close()
    beside.close()


def test_a_destroyed_key_leaves_no_byte(path: Path) -> None:
    ring = Keyring(path, MASTER)
    ring.write(keys(1, 2), {day: DayKeys(bytes([day]) * 32, bytes([100 + day]) * 32) for day in (1, 2, 3)})
    database = ring._db
    wrapped = {
        name: database.execute(query).fetchone()[0]
        for name, query in {
            "account": "SELECT key FROM account WHERE number = 1",
            "raw 1": "SELECT raw FROM day WHERE day = 1",
            "raw 2": "SELECT raw FROM day WHERE day = 2",
            "record 1": "SELECT record FROM day WHERE day = 1",
        }.items()
    }
    kept = database.execute("SELECT key FROM account WHERE number = 2").fetchone()[0]
    assert all(value in bytes_of(path.parent) for value in wrapped.values())
    assert ring.destroy_accounts([keys(1)[0].handle, "unknown"]) == 1
    assert ring.destroy_days(raw_through=2, records_through=1) == (2, 1)
    found = bytes_of(path.parent)
    assert [name for name, value in wrapped.items() if value in found] == []
    assert kept in found
    assert [key.number for key in ring.accounts("number", [1, 2])] == [2]
    assert ring.days() == {2: DayKeys(None, b"\x66" * 32), 3: DayKeys(b"\x03" * 32, b"\x67" * 32)}
    ring.close()


def test_a_number_is_never_used_twice(path: Path) -> None:
    ring = Keyring(path, MASTER)
    ring.write(keys(1, 2), {})
    ring.destroy_accounts([key.handle for key in keys(1, 2)])
    ring.close()
    again = Keyring(path, MASTER)
    assert again.last_number() == 2
    again.close()


def test_half_a_write_is_none(path: Path) -> None:
    ring = Keyring(path, MASTER)
    ring.write(keys(1), {})
    with pytest.raises(StoreError):
        ring.write(keys(2, 1), {5: DayKeys(b"r" * 32, b"e" * 32)})
    assert ([key.number for key in ring.accounts("number", [1, 2])], ring.days()) == ([1], {})
    ring.close()


def test_what_looks_cannot_write(path: Path) -> None:
    Keyring(path, MASTER).close()
    ring = Keyring(path, MASTER, readonly=True)
    with pytest.raises(StoreError):
        ring.write(keys(1), {})
    ring.close()


def test_everything_in_the_file_is_wrapped(path: Path) -> None:
    ring = Keyring(path, MASTER)
    ring.write(keys(7), {9: DayKeys(b"r" * 32, b"e" * 32)})
    ring.put_value("head", b"a plain value")
    found = bytes_of(path.parent)
    for plain in (b"\x07" * 16, b"r" * 16, b"e" * 16, b"m" * 16, b"a plain value"):
        assert plain not in found
    ring.close()


def test_row_ids_say_nothing_of_each_other() -> None:
    one, two = keys(1, 2)
    kinds = ["profile", "attributes", "alerts", "mails", "hooks", "windows", *range(20_000, 20_400)]
    rows = [key.row(kind) for key in (one, two) for kind in kinds]
    assert len({*rows, one.handle, two.handle}) == len(rows) + 2
    assert [row_of(one.rows, kind) for kind in kinds] == rows[: len(kinds)]
    assert one.derive("raw", b"day one") != one.derive("raw", b"day two") != one.derive("record", b"day one")


def test_where_rows_were_moved_no_copy_of_a_name_stays(path: Path) -> None:
    ring = Keyring(path, MASTER)
    # Names in no order: their indexes split pages and move rows again and again.
    made = [
        AccountKey(number, f"{number * 2654435761 % 2**32:016x}", number.to_bytes(32, "big"))
        for number in range(1, 3001)
    ]
    for at in range(0, len(made), 50):
        ring.write(made[at : at + 50], {})
    gone, kept = made[::2], made[1::2]
    assert ring.destroy_accounts([key.handle for key in gone]) == len(gone)
    data = bytes_of(path.parent)
    assert [key.number for key in gone if key.lookup.encode() in data or key.handle.encode() in data] == []
    assert all(key.lookup.encode() in data for key in kept)
    ring.close()


def test_keys_in_a_log_that_cannot_be_emptied_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.database.BUSY_SECONDS", 0.01)
    ring = Keyring(path, MASTER)
    ring.write(keys(1, 2), {})
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM account").fetchall()
        with pytest.raises(StoreError, match="destroyed keys are still in its log"):
            ring.destroy_accounts([keys(1)[0].handle])
    ring.destroy_accounts([keys(1)[0].handle])  # as it is done again after a crash
    assert keys(1)[0].handle.encode() not in bytes_of(path.parent)
    ring.close()


def test_keys_are_found_while_others_are_written_and_until_it_is_closed(path: Path) -> None:
    """Looked up on one thread, written on another; closing waits for both."""
    ring = Keyring(path, MASTER)
    ring.write(keys(1), {})

    written: list[str] = []

    def work(number: int) -> str:
        try:
            if number % 4 == 0:
                ring.write([AccountKey(1000 + number, f"l-{number}", number.to_bytes(32, "big"))], {})
                written.append(f"l-{number}")
            return str(len(ring.accounts("lookup", ["lookup-1"])))
        except StoreError as error:
            return str(error)

    with ThreadPoolExecutor(4) as threads:
        told = [threads.submit(work, number) for number in range(200)]
        while not told[20].done():
            pass
        ring.close()
        found = {each.result() for each in told}
    assert "1" in found
    assert all(each == "1" or "ProgrammingError" in each for each in found)
    with closing(Keyring(path, MASTER)) as again:
        assert len(again.accounts("lookup", written)) == len(written) > 0
