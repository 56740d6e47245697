"""Start and head of the audit log: what a stopped writer leaves, what a cut shows, repair, pruning."""

from pathlib import Path

import pytest

from sentinel.events.clock import DAY
from tests.audit.making import BEGIN, Kept, entry, log, tamper, whole


def test_an_entry_beyond_the_head_is_no_fault_and_the_next_mends_it(tmp_path: Path) -> None:
    kept = Kept()
    one = log(tmp_path, head=kept)
    one.append([entry(0)])
    kept.left = 0  # as if killed between commit and head
    one.append([entry(1), entry(2)])
    assert one.verify() == whole(3, after_head=2)
    kept.left = 1_000_000
    one.append([entry(3)])
    assert one.verify() == whole(4)


def test_a_writer_killed_before_its_first_head_leaves_a_good_log(tmp_path: Path) -> None:
    kept = Kept()
    log(tmp_path, head=kept).close()
    assert (log(tmp_path, head=kept).verify(), kept.head) == (whole(0), None)
    one = log(tmp_path, head=kept)
    kept.left = 1
    one.append([entry(0)])
    assert one.verify() == whole(1, after_head=1)


def test_writing_on_does_not_cover_up_a_cut(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(number) for number in range(10)])
    tamper(tmp_path, "DELETE FROM entry WHERE seq > 7")
    fault = one.verify().fault
    assert fault is not None
    assert (fault.kind, fault.entry, fault.text) == (
        "tail cut",
        8,
        "entries 8 to 10 are gone: the newest were cut off",
    )
    for number in range(6):
        one.append([entry(number)])
        fault = one.verify().fault
        assert fault is not None
        assert fault.kind == "tail cut"
    assert fault.text.startswith("entry 10 is not the one that was there")


@pytest.mark.parametrize("damage", ["gone", "bit", "empty"])
def test_a_head_that_was_lost_is_not_made_anew_silently(tmp_path: Path, damage: str) -> None:
    one = log(tmp_path)
    one.append([entry(0), entry(1)])
    head = tmp_path / "audit.head"
    if damage == "gone":
        head.unlink()
    else:
        head.write_bytes(bytes(80) if damage == "bit" else b"")
    for _ in range(2):
        fault = one.verify().fault
        assert fault is not None
        assert fault.kind == "head"
        one.append([entry(2)])


def test_a_head_is_repaired_and_the_log_says_so(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(number) for number in range(10)])
    tamper(tmp_path, "DELETE FROM entry WHERE seq > 7")
    fault = one.repair(BEGIN, "alice").fault
    assert fault is not None
    assert one.verify() == whole(8)
    last = one.show()[-1]
    assert (last.action, last.actor, last.role, last.purpose) == ("audit.repair", "alice", "operator", fault.text)
    assert one.repair(BEGIN, "alice") == whole(8)
    assert len(one.show()) == 8


@pytest.mark.parametrize("damage", [bytes(80), bytes(200), b"", None])
def test_whatever_became_of_a_head_it_is_repaired(tmp_path: Path, damage: bytes | None) -> None:
    one = log(tmp_path)
    one.append([entry(0), entry(1)])
    (tmp_path / "audit.head").unlink()
    if damage is not None:
        (tmp_path / "audit.head").write_bytes(damage)
    fault = one.repair(BEGIN, "alice").fault
    assert fault is not None
    assert fault.kind == "head"
    assert one.verify() == whole(3)


def test_a_broken_chain_is_not_repaired_but_a_new_log_can_begin(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(number) for number in range(10)])
    tamper(tmp_path, "UPDATE entry SET purpose = 'harmless' WHERE seq = 4")
    for _ in range(2):
        fault = one.repair(BEGIN, "alice").fault
        assert fault is not None
        assert (fault.kind, fault.entry) == ("changed", 4)
    assert len(one.show()) == 10
    one.close()
    (tmp_path / "audit.db").rename(tmp_path / "evidence.db")
    one = log(tmp_path)
    fault = one.repair(BEGIN, "alice").fault
    assert fault is not None
    assert fault.kind == "tail cut"
    assert one.verify() == whole(1)


def test_old_entries_are_dropped_and_the_rest_verifies(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(0, time=BEGIN + day * DAY, purpose=f"day {day:03}") for day in range(400)])
    now = BEGIN + 400 * DAY
    assert one.prune(now) == 35
    found = one.show(limit=1000)
    assert [found[0].purpose, found[-2].purpose] == ["day 035", "day 399"]
    assert (found[-1].action, found[-1].role, found[-1].time) == ("audit.prune", "system", now)
    assert found[-1].purpose == "kept for 365 days; 35 dropped, up to 35"
    assert one.verify() == log(tmp_path).verify() == whole(366, start=35)
    assert one.prune(now) == 0
    assert len(one.show(limit=1000)) == 366
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"day 035" in files
    assert b"day 034" not in files


def test_pruning_in_many_steps_and_to_the_end(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(number) for number in range(2500)])
    assert one.prune(BEGIN + 500 * DAY) == 2500
    # Three steps, each with its entry.
    assert one.verify() == whole(3, start=2500)
    one.append([entry(0)])
    assert one.verify() == whole(4, start=2500)
    with pytest.raises(ValueError, match="1 to 365 days"):
        one.prune(BEGIN, keep_days=366)


def test_pruning_with_a_head_that_lags_leaves_a_good_log(tmp_path: Path) -> None:
    kept = Kept()
    one = log(tmp_path, head=kept)
    one.append([entry(0)])
    kept.left = 0
    one.append([entry(number) for number in range(1, 9)])
    # Killed right after the entries are gone: only the first head of two is kept.
    kept.left = 1
    assert one.prune(BEGIN + 400 * DAY) == 9
    assert one.verify() == whole(1, start=9, after_head=1)


def test_pruning_tells_when_what_it_drops_did_not_fit(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(number) for number in range(5)])
    tamper(tmp_path, "UPDATE entry SET purpose = 'harmless' WHERE seq = 2")
    one.prune(BEGIN + 366 * DAY)
    assert one.show()[-1].purpose.endswith("some of them did not fit the chain")
    assert one.verify() == whole(1, start=5)


def test_an_older_file_put_back_is_seen(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(0), entry(1)])
    one.close()
    before = (tmp_path / "audit.db").read_bytes()
    one = log(tmp_path)
    one.append([entry(2)])
    one.close()
    (tmp_path / "audit.db").write_bytes(before)
    fault = log(tmp_path).verify().fault
    assert fault is not None
    assert (fault.kind, fault.entry) == ("tail cut", 3)


def test_dropped_entries_put_back_with_their_start_are_seen(tmp_path: Path) -> None:
    one = log(tmp_path)
    one.append([entry(0), entry(1), entry(2, time=BEGIN + 400 * DAY)])
    tamper(tmp_path, "CREATE TABLE kept AS SELECT * FROM entry", "CREATE TABLE begun AS SELECT * FROM start")
    assert one.prune(BEGIN + 400 * DAY) == 2
    tamper(
        tmp_path,
        "REPLACE INTO entry SELECT * FROM kept",
        "REPLACE INTO start SELECT * FROM begun",
        "DROP TABLE kept",
        "DROP TABLE begun",
    )
    fault = one.verify().fault
    assert fault is not None
    assert fault.kind == "start moved"
    assert fault.text.startswith("the log begins after entry 0, but was pruned up to 2")
