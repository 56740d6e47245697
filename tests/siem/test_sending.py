"""Whatever happens in between, everything that is kept is sent, and what is sent twice can be told."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import FileError
from sentinel.siem.cursor import Cursor, CursorFile
from sentinel.siem.sinks import Line, SinkError
from tests.pipeline.installation import Installation, login
from tests.siem.making import Memory, export, sent


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Installation]:
    opened = Installation(tmp_path)
    yield opened
    await opened.store.close()
    opened.vault.close()


def events(sink: Memory) -> list[str]:
    """The events that were sent, in order, those sent twice as well."""
    return [each["sentinel"]["event"] for each in sink.documents if each["event"]["kind"] == "event"]


def logins(*numbers: int, account: str = "u-1") -> list[dict[str, Any]]:
    return [login(number, account=account) for number in numbers]


async def erase(at: Installation, account: str) -> None:
    """As the right to erasure does it: the rows go, then the key."""
    key = at.vault.of(at.handle(account))
    await at.store.erase(key.rows, key.handle)
    await at.vault.run(lambda: at.vault.keyring.destroy_accounts([key.handle]))
    at.vault.forget([key.handle])


async def test_what_was_sent_is_not_sent_again(at: Installation) -> None:
    sink = Memory()
    await at.run(logins(*range(5)))
    assert await export(at, sink).catch_up() == 5
    await at.run(logins(*range(5, 7)))
    assert await export(at, sink).catch_up() == 2
    assert await export(at, sink).catch_up() == 0
    assert events(sink) == [f"e-{number}" for number in range(7)]


async def test_each_export_has_its_own_place(at: Installation) -> None:
    first, second = Memory(), Memory()
    await at.run(logins(0, 1))
    await export(at, first, name="first").catch_up()
    await at.run(logins(2))
    await export(at, first, name="first").catch_up()
    await export(at, second, name="second").catch_up()
    assert events(first) == events(second) == ["e-0", "e-1", "e-2"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=6))
async def test_a_sink_that_fails_anywhere_misses_nothing(tmp_path_factory: Any, failures: list[int]) -> None:
    folder = tmp_path_factory.mktemp("failing")
    at, sink = Installation(folder), Memory()
    await at.run(logins(*range(8)), size=3)
    for takes in failures:
        sink.takes = takes
        try:
            await export(at, sink).catch_up()
        except SinkError:
            continue
    sink.takes = None
    await export(at, sink).catch_up()
    found = Counter(events(sink))
    assert set(found) == {f"e-{number}" for number in range(8)}
    ids = {each["event"]["id"] for each in sink.documents}
    assert len(ids) == 8  # what came twice is the same document
    await at.store.close()
    at.vault.close()


async def test_killed_after_the_sink_took_it_and_before_the_cursor_moved(
    at: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Memory()
    await at.run(logins(0, 1))
    with monkeypatch.context() as patched:
        patched.setattr(CursorFile, "write", lambda *_: (_ for _ in ()).throw(FileError("cursor", "killed")))
        with pytest.raises(FileError):
            await export(at, sink).catch_up()
    await export(at, sink).catch_up()
    assert events(sink) == ["e-0", "e-1", "e-0", "e-1"]
    assert len({each["event"]["id"] for each in sink.documents}) == 2


async def test_numbers_that_an_erasure_gives_again_hide_nothing(at: Installation) -> None:
    sink = Memory()
    going = export(at, sink)
    for event in [*logins(0, 1), *logins(2, 3, 4, account="u-2")]:
        await at.run([event])
        await going.catch_up()  # so that the cursor knows each of them
    newest = await at.store.newest_number()
    await erase(at, "u-2")
    await at.run(logins(5, 6, account="u-3"), size=1)
    assert await at.store.newest_number() < newest  # the numbers of u-2 are given again
    await export(at, sink).catch_up()
    assert {"e-5", "e-6"} <= set(events(sink))


async def test_an_erased_account_is_gone(at: Installation) -> None:
    await at.run([*logins(0, 1), *logins(2, account="u-2")])
    await erase(at, "u-1")
    assert [each["sentinel"]["event"] for each in await sent(at)] == ["e-2"]


async def test_a_restored_store_is_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "first"
    folder.mkdir()
    at, sink = Installation(folder), Memory()
    await at.run(logins(0, 1), size=1)
    await export(at, sink).catch_up()
    backup = await at.store.newest_number()
    await at.run(logins(2, 3, 4), size=1)
    await export(at, sink).catch_up()
    await at.store._write(lambda db: db.execute("DELETE FROM event WHERE seq > ?", (backup,)))  # type: ignore[attr-defined]
    await at.run(logins(12, 13), size=1)
    await export(at, sink).catch_up()
    assert {"e-12", "e-13"} <= set(events(sink))
    await at.store.close()
    at.vault.close()


async def test_a_cursor_older_than_what_is_kept_goes_on_with_the_oldest(
    at: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Memory()
    await at.run(logins(0))
    await export(at, sink).catch_up()
    await at.run([*logins(1), *logins(24 * 30)])
    last = await at.store.record(at.enricher.event_key("default", "e-1"))
    assert last is not None
    await at.store.expire_records(last.time // (24 * 3600 * 1_000_000), limit=100)
    await export(at, sink).catch_up()
    assert events(sink) == ["e-0", "e-720"]
    assert "the oldest that is kept" in caplog.text


async def test_only_one_process_sends_to_a_sink(tmp_path: Path) -> None:
    place = CursorFile(tmp_path, "soc")
    with place.held(), pytest.raises(FileError, match="another process"), place.held():
        pass
    with place.held():
        pass


async def test_a_broken_cursor_is_told_and_not_passed_over(tmp_path: Path, at: Installation) -> None:
    place = CursorFile(tmp_path, "soc")
    place.path.parent.mkdir(exist_ok=True)
    place.path.write_text("{}}")
    with pytest.raises(FileError, match="remove it to begin with the oldest"):
        export(at, Memory())


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=300))
def test_a_cursor_stays_small_and_keeps_points_all_along_the_way(steps: list[int]) -> None:
    cursor, number, all_of_them = Cursor(), 0, []
    for step in steps:
        number += step
        all_of_them.append(number)
        cursor = cursor.advanced(number, f"key-{number}")
    kept = [point[0] for point in cursor.points]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == number == cursor.number
    assert set(kept) <= set(all_of_them)
    assert len(kept) <= number.bit_length() + 1


async def test_following_survives_trouble_and_ends_when_told(at: Installation) -> None:
    loop, stop, failed, came = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Telling(Memory):
        def write(self, lines: Sequence[Line]) -> None:
            try:
                super().write(lines)
            except SinkError:
                loop.call_soon_threadsafe(failed.set)
                raise
            loop.call_soon_threadsafe(came.set)

    sink = Telling()
    sink.takes = 0
    await at.run(logins(0))
    going = export(at, sink)
    following = asyncio.create_task(going.follow(stop, "soc"))
    async with asyncio.timeout(30):
        await failed.wait()
        sink.takes = None
        await came.wait()
        stop.set()
        await following
    assert json.loads(sink.lines[0].text)["sentinel"]["event"] == "e-0"
