"""Windows against a recount by hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.past import windows
from sentinel.past.windows import Entry, Track, decode_entries, encode_entries


def filled(*times: int, keep: int = 1000) -> Track:
    track = Track()
    for time in times:
        track.add(time, (), keep)
    return track


def test_a_window_is_closed_at_both_ends() -> None:
    track = filled(100)
    assert [track.count(at, 10) for at in (99, 100, 109, 110, 111)] == [0, 1, 1, 1, 0]
    track = Track()
    track.add(100, ("a",), 1000)
    assert [track.distinct(at, 10, 0) for at in (99, 100, 109, 110, 111)] == [0, 1, 1, 1, 0]


def test_a_late_event_counts_where_it_belongs() -> None:
    track = filled(100, 130, 105)
    assert track.count(105, 10) == 2
    assert track.count(130, 10) == 1


def test_an_unknown_member_is_no_distinct_value() -> None:
    track = Track()
    for member in ("a", None, "b", "a"):
        track.add(5, (member,), 100)
    assert (track.count(5, 10), track.distinct(5, 10, 0)) == (4, 2)


def test_counts_saturate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_ENTRIES", 100)
    track = Track()
    for time in range(1, 1001):
        track.add(time, (time,), 10_000)
    assert track.count(1000, 5000) == track.distinct(1000, 5000, 0) == 100
    assert len(track) == 100


def test_memory_is_bounded_by_what_windows_can_see() -> None:
    track = filled(*range(10_000), keep=20)
    assert len(track) == 21
    assert len(track._times) < 21 + 2 * windows._STRIDE
    assert track.count(9_999, 10) == 11


SPANS = (5, 20, 50)
KEEP = 2 * max(SPANS)
STEP = st.tuples(st.integers(-150, 40), st.sampled_from(["a", "b", "c", "d", None]), st.integers(0, 60))


def check(track: Track, entries: list[Entry], at: int) -> None:
    for over in SPANS:
        inside = [members for entered, members in entries if at - over <= entered <= at]
        assert track.count(at, over) == len(inside)
        assert track.distinct(at, over, 0) == len({first for first, _ in inside} - {None})
        assert track.distinct(at, over, 1) == len({second for _, second in inside})


@settings(max_examples=200)
@given(st.lists(STEP, max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_windows_equal_a_recount_of_what_is_kept(steps: list[tuple[int, Any, int]], reread: list[int]) -> None:
    """Events come in any order; now and then the track is written and read again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_FEW", 2)
        patch.setattr(windows, "_STRIDE", 4)
        recount(steps, reread)


def recount(steps: list[tuple[int, Any, int]], reread: list[int]) -> None:
    track = Track()
    came: list[Entry] = []
    kept: list[Entry] = []
    now = 1000
    for number, (shift, first, second) in enumerate(steps):
        time = now + shift
        now = max(now, time)
        entry = (time, (first, second))
        track.add(*entry, KEEP)
        came.append(entry)
        kept = [other for other in kept if other[0] >= time - KEEP] + [entry]
        if number in reread:
            track = Track(decode_entries(encode_entries(came)), KEEP)
        for at in (time, now, now - 30):
            check(track, kept, at)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(-50, 40), st.sampled_from(["a", None]), st.integers(0, 60)), max_size=150))
def test_up_to_one_span_late_nothing_is_missed(steps: list[tuple[int, Any, int]]) -> None:
    track = Track()
    came: list[Entry] = []
    now = 1000
    for shift, first, second in steps:
        time = now + shift
        now = max(now, time)
        came.append((time, (first, second)))
        track.add(*came[-1], KEEP)
        check(track, came, time)
        check(track, came, now)


def test_a_second_log_of_the_same_day_is_counted_like_the_first() -> None:
    track = Track()
    for _ in range(2):
        for time in range(1000, 9000, 2):
            track.add(time, (time,), KEEP)
        assert track.count(8998, 20) in (11, 22)
    late = Track()
    for time in (*range(1000, 9000, 2), *range(1001, 5001, 2)):
        late.add(time, (time,), KEEP)
        assert late.count(time, 20) >= min(10, (time - 998) // 2)
    assert late.distinct(4999, 20, 0) == 11


def test_a_wide_window_slides() -> None:
    track = Track()
    members = [number * number % 173 if number % 5 else None for number in range(2000)]
    for time, member in enumerate(members):
        track.add(time, (member,), 400)
        for over in (60, 200):
            inside = members[max(0, time - over) : time + 1]
            assert track.distinct(time, over, 0) == len(set(inside) - {None})


def test_what_was_added_waits_to_be_saved() -> None:
    track = Track([(1, ("a",))])
    track.add(2, ("b",), 100)
    assert track.unsaved == [(2, ("b",))]
    assert decode_entries(encode_entries(track.unsaved)) == [(2, ("b",))]


def test_a_full_track_slides_though_it_is_asked_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_ENTRIES", 100)
    track = Track()
    members = [number * number % 173 for number in range(1500)]
    for time, member in enumerate(members):
        track.add(time, (member,), 100_000)
        if time % 3 == 0:
            assert track.distinct(time, 50_000, 0) == len(set(members[max(0, time - 99) : time + 1]))
