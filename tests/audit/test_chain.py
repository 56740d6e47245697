"""The chain: whatever is written and pruned verifies, and no two entries have one link."""

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.audit.chain import Chain
from sentinel.audit.entry import ACTIONS, Entry
from sentinel.events.clock import DAY
from tests.audit.making import KEY, Kept, log

_TEXT = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20)
_NAME = st.none() | _TEXT.filter(bool)
_ENTRY = st.builds(
    Entry,
    time=st.integers(0, 2**63 - 1),
    actor=_TEXT.filter(bool),
    role=st.sampled_from(["service", "operator", "person", "system"]),
    action=st.sampled_from(ACTIONS),
    purpose=_TEXT,
    tenant=_NAME,
    account=_NAME,
    sealed=st.none() | st.binary(max_size=40),
)
_STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(_ENTRY, min_size=1, max_size=4)),
    st.tuples(st.just("prune"), st.integers(0, 2**63 - 1)),
    st.tuples(st.just("reopen"), st.booleans()),
    st.tuples(st.just("stuck"), st.booleans()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEP, max_size=12))
def test_whatever_is_written_and_pruned_the_log_verifies(steps: list[tuple[str, object]]) -> None:
    """Also with heads that were lost to a kill; and it holds what was written and not pruned, in order."""
    with TemporaryDirectory() as name:
        folder, kept, model, seq = Path(name), Kept(), [], 0
        one = log(folder, head=kept)
        for step, what in steps:
            if step == "append":
                assert isinstance(what, list)
                one.append(what)
                model += [each.time for each in what]
                seq += len(what)
            elif step == "prune":
                assert isinstance(what, int)
                dropped = 0
                while dropped < len(model) and model[dropped] < what - 365 * DAY:
                    dropped += 1
                # A head that lags behind what is dropped would be lost: prune never runs while it cannot be moved.
                kept.left = 1_000_000
                assert one.prune(what) == dropped
                model = model[dropped:] + ([what] if dropped else [])
                seq += bool(dropped)
            elif step == "stuck":
                kept.left = 0 if what and kept.head is not None else 1_000_000
            else:
                one.close()
                one = log(folder, head=kept)
            report = one.verify()
            assert report.fault is None
            assert (report.entries, report.last) == (len(model), seq)
            assert [each.time for each in one.show(limit=1000)] == model
        one.close()


@settings(max_examples=300)
@given(_ENTRY, _ENTRY, st.binary(max_size=32), st.binary(max_size=32))
def test_no_two_entries_have_one_link(one: Entry, two: Entry, before: bytes, after: bytes) -> None:
    chain = Chain(KEY)
    first, second = msgspec.structs.astuple(one), msgspec.structs.astuple(two)
    same = chain.link(first, before) == chain.link(second, after)
    assert same == ((first, before) == (second, after))


def test_the_link_is_the_one_that_other_programs_compute() -> None:
    """Keyed BLAKE2b over MessagePack: pinned, or a new release would call every old log broken."""
    fields = (1, 1_700_000_000_000_000, None, "alice", "operator", "account.show", "größe", "row-1", b"\x00\xff")
    assert Chain(KEY).link(fields, bytes(32)).hex() == (
        "c247c814a8f416bb5d11cc0eaf255ded3d7e12a8fbfc3f14e92f7e2bbad9fa3e"
    )
