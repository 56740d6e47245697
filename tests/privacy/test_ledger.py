"""The erasure ledger: durable, without names, and forgetful in time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sentinel.errors import StoreError
from sentinel.events.clock import DAY
from sentinel.privacy.ledger import BACKUP_DAYS, Ledger

KEY = b"l" * 32
NOW = 20_000 * DAY


def test_an_erasure_is_there_until_it_is_finished_and_after(tmp_path: Path) -> None:
    path = tmp_path / "erasures.db"
    ledger = Ledger(path, KEY)
    one = ledger.begin("handle-1", b"1" * 32, NOW)
    two = ledger.begin("handle-2", b"2" * 32, NOW + 1)
    ledger.finish(one.receipt, NOW + 5)
    ledger.finish(one.receipt, NOW + 9)
    ledger.close()
    again = Ledger(path, KEY)
    assert again.unfinished() == [two]
    assert [each.done for each in again.entries()] == [NOW + 5, 0]
    assert again.entries(since=NOW + 1) == [two]
    assert (again.get(two.receipt), again.get("r-unknown")) == (two, None)
    again.put([two])
    assert len(again.entries()) == 2
    again.close()


def test_two_threads_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "erasures.db", KEY)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda number: ledger.begin(f"handle-{number}", b"1" * 32, NOW), range(100)))
    assert len(ledger.unfinished()) == 100
    ledger.close()


def test_accounts_that_went_into_one_are_erased_with_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "erasures.db", KEY)
    other = ledger.begin("handle-0", b"0" * 32, NOW)
    one = ledger.begin("handle-1", b"1" * 32, NOW, [("handle-2", b"2" * 32), ("handle-3", b"3" * 32)])
    parts = ledger.parts(one.receipt)
    assert parts[0] == one
    assert [(part.handle, part.rows[:1]) for part in parts] == [
        ("handle-1", b"1"),
        ("handle-2", b"2"),
        ("handle-3", b"3"),
    ]
    assert len({part.receipt for part in parts}) == 3
    # Whoever replays the ledger finds each of them.
    assert {each.handle for each in ledger.entries()} == {f"handle-{number}" for number in range(4)}
    assert len(ledger.unfinished()) == 4
    assert ledger.parts(other.receipt) == [other]
    assert ledger.parts("r-") == ledger.parts("%") == []
    ledger.close()


def test_row_ids_are_forgotten_when_no_backup_can_hold_them(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "erasures.db", KEY)
    old, unfinished = ledger.begin("handle-1", b"1" * 32, NOW), ledger.begin("handle-2", b"2" * 32, NOW)
    ledger.finish(old.receipt, NOW)
    assert ledger.forget(NOW + BACKUP_DAYS * DAY) == 0
    assert ledger.forget(NOW + BACKUP_DAYS * DAY + 1) == 1
    kept = ledger.get(old.receipt)
    assert kept is not None
    assert (kept.rows, kept.handle, kept.done) == (b"", "", NOW)
    assert ledger.unfinished() == [unfinished]
    ledger.close()


def test_nothing_of_whom_is_in_the_file(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "erasures.db", KEY)
    ledger.begin("a-handle-of-one", b"row-secret-of-it" * 2, NOW)
    found = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"a-handle" not in found
    assert b"row-secret" not in found
    ledger.close()


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "erasures.db", KEY)
    ledger.begin("handle", b"1" * 32, NOW)
    ledger.close()
    other = Ledger(tmp_path / "erasures.db", b"o" * 32, readonly=True)
    with pytest.raises(StoreError, match="another key"):
        other.entries()
    other.close()


def test_who_is_at_it_ends_before_it_is_closed(tmp_path: Path) -> None:
    """Closing a file that another thread reads would end the process."""
    ledger = Ledger(tmp_path / "erasures.db", KEY)
    for number in range(50):
        ledger.begin(f"handle-{number}", b"1" * 32, NOW)

    def read(_: int) -> str:
        try:
            return str(len(ledger.entries()))
        except StoreError as error:
            return str(error)

    with ThreadPoolExecutor(4) as threads:
        told = [threads.submit(read, number) for number in range(400)]
        while not told[20].done():
            pass
        ledger.close()
        found = {each.result() for each in told}
    assert "50" in found
    assert all(each == "50" or "ProgrammingError" in each for each in found)
