"""Windows over any number of keys stay within the stated memory: TRACK_CACHE units of at most TRACK_BYTES."""

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.past.windows import Member
from sentinel.store.protocol import Changes, TrackKey, Wanted
from sentinel.store.rows import track_number
from sentinel.store.sqlite.store import TRACK_BYTES, TRACK_CACHE, SqliteStore
from tests.store.named import NamedVault

HOUR = 3600 * 1_000_000
LIMIT = 4_000
BATCH = 500


def text(kind: str, number: int) -> str:
    """As long as a pseudonym, and no other object is it."""
    return f"{kind}{number:015d}"


async def fill(
    store: SqliteStore, count: int, key: Callable[[int], int], members: Callable[[int], tuple[Member, ...]]
) -> None:
    """Enter ``count`` events, and ask each track as rules do."""
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        wanted: dict[TrackKey, int] = {("series", ("default", text("k", key(number)))): HOUR for number in numbers}
        past = await store.recall(Wanted(tracks=wanted))
        changes = Changes()
        for number in numbers:
            at: TrackKey = ("series", ("default", text("k", key(number))))
            track = past.tracks[at]
            track.add(number * 1000, members(number), HOUR)
            if members(number):
                track.distinct(number * 1000, HOUR, 0)
            changes.tracks[at] = track
        await store.commit(changes)


@pytest.mark.parametrize(
    ("keys", "members"),
    [
        pytest.param(50_000, lambda number: (text("m", number), text("n", number)), id="a million keys, in small"),
        pytest.param(50_000, lambda number: (), id="that only count"),
        pytest.param(20, lambda number: (text("m", number), text("n", number)), id="a few hot keys"),
        pytest.param(20, lambda number: (), id="hot ones that only count"),
    ],
)
async def test_tracks_stay_within_the_bound(
    tmp_path: Path, keys: int, members: Callable[[int], tuple[Member, ...]]
) -> None:
    store = SqliteStore(tmp_path / "store.db", NamedVault(), track_cache=LIMIT, durable=False)
    await fill(store, BATCH, lambda number: number % keys, members)  # what is made once does not count
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await fill(store, 20_000, lambda number: number % keys, members)
        track_number.cache_clear()  # bounded by its own size
        gc.collect()
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    await store.close()
    assert used <= LIMIT * TRACK_BYTES


def test_the_bound_that_is_stated() -> None:
    """ARCHITECTURE.md promises it; a change here is a change there."""
    assert TRACK_CACHE * TRACK_BYTES == 128_000_000
    assert "128 MB" in Path(__file__).resolve().parents[2].joinpath("ARCHITECTURE.md").read_text(encoding="utf-8")
