"""The queue in front of the pipeline: order, bounds, and that nobody waits in vain."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sentinel.errors import Overloaded, StoreError
from sentinel.pipeline.batch import Batch, Pipeline
from sentinel.pipeline.intake import MAX_BATCH, Intake
from sentinel.pipeline.item import Answer, Item, Outcome
from tests.pipeline.installation import Installation, login


class Gate(Pipeline):
    """A pipeline that stands still until it is let go on, and notes the batches it got.

    An item says by its event's name what comes of it: ``store`` and ``bug`` make the batch fail.
    """

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.entered = asyncio.Event()
        self.meanwhile: dict[int, Callable[[], object]] = {}  #: what happens while batch number so-and-so is judged

    async def judge(self, items: Sequence[Item]) -> Batch:
        names = [item.event for item in items if isinstance(item, Answer)]
        self.meanwhile.get(len(self.batches), lambda: None)()
        await asyncio.sleep(0)
        self.batches.append(names)
        self.entered.set()
        await self.open.wait()
        if "store" in names:
            raise StoreError("the disk is full")
        if "bug" in names:
            raise ZeroDivisionError
        batch = Batch(items, None)
        batch.outcomes = [Outcome(error=name) for name in names]
        return batch

    async def commit(self, batch: Batch) -> list[Outcome]:
        return batch.outcomes


def some(*names: str) -> list[Item]:
    return [Answer(tenant="default", key="", event=name, verdict="legitimate", time=0) for name in names]


def told(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.error for outcome in outcomes]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def reported() -> list[dict[str, Any]]:
    """What the loop's exception handler was told."""
    return []


@pytest.fixture
async def intake(gate: Gate, reported: list[dict[str, Any]]) -> AsyncIterator[Intake]:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    intake = Intake(gate, limit=1000)
    running = asyncio.ensure_future(intake.run())
    yield intake
    gate.open.set()
    intake.close()
    await running
    assert intake.waiting == 0


async def standing(gate: Gate, intake: Intake, *names: str) -> asyncio.Future[list[Outcome]]:
    """A batch that stands in the pipeline; what is submitted next has to wait."""
    gate.open.clear()
    gate.entered.clear()
    first = asyncio.ensure_future(intake.submit(some(*names or ("first",))))
    await gate.entered.wait()
    return first


async def submitted(intake: Intake, *names: str, inline: bool = False) -> asyncio.Future[list[Outcome]]:
    """A task that waits for its outcomes, in the queue already."""
    task = asyncio.ensure_future(intake.submit(some(*names), inline=inline))
    await asyncio.sleep(0)
    return task


async def test_outcomes_come_back_in_order(intake: Intake) -> None:
    assert told(await intake.submit(some("a", "b", "c"))) == ["a", "b", "c"]
    assert await intake.submit([]) == []


async def test_what_arrived_meanwhile_is_one_batch(gate: Gate, intake: Intake) -> None:
    first = await standing(gate, intake)
    tasks = [await submitted(intake, f"{name}1", f"{name}2") for name in "abc"]
    assert intake.waiting == 7
    gate.open.set()
    assert [told(await task) for task in (first, *tasks)] == [
        ["first"],
        ["a1", "a2"],
        ["b1", "b2"],
        ["c1", "c2"],
    ]
    assert gate.batches == [["first"], ["a1", "a2", "b1", "b2", "c1", "c2"]]


async def test_inline_ones_go_first(gate: Gate, intake: Intake) -> None:
    await standing(gate, intake)
    posted = await submitted(intake, *(f"p{n}" for n in range(MAX_BATCH)))
    inline = [await submitted(intake, "i1", inline=True), await submitted(intake, "i2", inline=True)]
    gate.open.set()
    assert [told(await task) for task in inline] == [["i1"], ["i2"]]
    assert len(await posted) == MAX_BATCH
    assert gate.batches[1][:3] == ["i1", "i2", "p0"]


async def test_big_posts_go_in_parts_and_let_others_in_between(gate: Gate, intake: Intake) -> None:
    await standing(gate, intake)
    names = [f"p{n}" for n in range(600)]
    big = await submitted(intake, *names)
    after = await submitted(intake, "after")
    inline: list[asyncio.Future[list[Outcome]]] = []
    gate.meanwhile[1] = lambda: inline.append(asyncio.ensure_future(intake.submit(some("inline"), inline=True)))
    gate.open.set()
    assert told(await big) == names
    assert told(await after) == ["after"]
    assert told(await inline[0]) == ["inline"]
    assert [len(batch) for batch in gate.batches] == [1, 256, 256, 90]
    assert gate.batches[2][0] == "inline"
    assert [name for batch in gate.batches for name in batch if name.startswith("p")] == names


async def test_full_means_nothing_was_taken(gate: Gate, intake: Intake) -> None:
    first = await standing(gate, intake)
    waiting = await submitted(intake, *(["w"] * 990))
    with pytest.raises(Overloaded, match="991 events wait") as failure:
        await intake.submit(some(*["x"] * 10))
    assert failure.value.retry_after >= 1
    assert intake.waiting == 991
    fits = await submitted(intake, *(["y"] * 9))
    with pytest.raises(Overloaded):
        await intake.submit(some("inline"), inline=True)
    gate.open.set()
    await asyncio.gather(first, waiting, fits)
    assert "x" not in [name for batch in gate.batches for name in batch]
    assert told(await intake.submit(some("room again"))) == ["room again"]


async def test_closing_drains_everything_and_takes_no_more(gate: Gate) -> None:
    intake = Intake(gate)
    running = asyncio.ensure_future(intake.run())
    first = await standing(gate, intake)
    rest = await submitted(intake, *(f"p{n}" for n in range(600)))
    intake.close()
    with pytest.raises(Overloaded, match="stopping"):
        await intake.submit(some("late"))
    gate.open.set()
    await running
    assert told(await first) == ["first"]
    assert len(await rest) == 600


async def test_closing_when_nothing_waits(gate: Gate) -> None:
    intake = Intake(gate)
    running = asyncio.ensure_future(intake.run())
    await asyncio.sleep(0)
    intake.close()
    await running
    intake = Intake(gate)
    intake.close()
    await intake.run()
    assert gate.batches == []


async def test_a_store_error_reaches_those_of_the_batch_and_nobody_else(
    gate: Gate, intake: Intake, reported: list[Any]
) -> None:
    await standing(gate, intake)
    one, two = await submitted(intake, "a", "store"), await submitted(intake, "b")
    gate.open.set()
    for task in (one, two):
        with pytest.raises(StoreError, match="disk is full"):
            await task
    assert told(await intake.submit(some("c"))) == ["c"]
    assert intake.waiting == 0
    assert reported == []  # expected errors are told to who waits; they are no bugs


async def test_a_bug_fails_its_event_alone_and_is_reported(
    gate: Gate, intake: Intake, reported: list[dict[str, Any]]
) -> None:
    before, bad, after = await intake.submit(some("a", "bug", "c"))
    assert told([before, after]) == ["a", "c"]
    assert bad.error is not None
    assert "failed inside; the log of the daemon says where" in bad.error
    assert told(await intake.submit(some("b"))) == ["b"]
    assert all(isinstance(context["exception"], ZeroDivisionError) for context in reported)
    assert len(reported) == 2  # once for the batch, once for the event


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("bad", [0, 300, 599])
async def test_a_big_post_fails_as_a_whole(gate: Gate, intake: Intake, inline: bool, bad: int) -> None:
    await standing(gate, intake)
    names = [f"p{n}" for n in range(600)]
    names[bad] = "store"
    big = await submitted(intake, *names, inline=inline)
    gate.open.set()
    with pytest.raises(StoreError):
        await big
    assert intake.waiting == 0
    assert told(await intake.submit(some("next"))) == ["next"]
    assert len(gate.batches) == 2 + bad // MAX_BATCH + 1


async def test_who_gives_up_waiting_keeps_nobody_else_waiting(gate: Gate, intake: Intake) -> None:
    first = await standing(gate, intake)
    gone, stays = await submitted(intake, "gone"), await submitted(intake, "stays")
    gone.cancel()
    first.cancel()
    gate.open.set()
    assert told(await stays) == ["stays"]
    with pytest.raises(asyncio.CancelledError):
        await gone
    # It was taken: it is judged all the same, and its id is a duplicate when it is posted again.
    assert gate.batches == [["first"], ["gone", "stays"]]
    assert intake.waiting == 0


async def test_who_gave_up_before_a_failure(gate: Gate, intake: Intake) -> None:
    await standing(gate, intake)
    gone, other = await submitted(intake, "store"), await submitted(intake, "other")
    gone.cancel()
    gate.open.set()
    with pytest.raises(StoreError):
        await other
    assert told(await intake.submit(some("next"))) == ["next"]


async def test_a_stopped_intake_tells_everybody_who_waits(gate: Gate) -> None:
    intake = Intake(gate)
    running = asyncio.ensure_future(intake.run())
    first = await standing(gate, intake)
    big = await submitted(intake, *(f"p{n}" for n in range(600)))
    inline = await submitted(intake, "inline", inline=True)
    running.cancel()
    for task in (first, big, inline):
        with pytest.raises(Overloaded, match="stopping"):
            await task
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(Overloaded):
        await intake.submit(some("late"))


async def test_a_stop_within_a_big_post(gate: Gate) -> None:
    intake = Intake(gate)
    running = asyncio.ensure_future(intake.run())
    big = await standing(gate, intake, *(f"p{n}" for n in range(600)))
    running.cancel()
    with pytest.raises(Overloaded):
        await big
    with pytest.raises(asyncio.CancelledError):
        await running
    assert intake.waiting == 0


async def test_over_a_real_pipeline(tmp_path: Path) -> None:
    inst = Installation(tmp_path)
    intake = Intake(inst.pipeline)
    running = asyncio.ensure_future(intake.run())
    posts = [[inst.arrival(login(hour, id=f"e-{hour}-{n}")) for n in range(hour * 40 + 1)] for hour in range(10)]
    answers = await asyncio.gather(*(intake.submit(post, inline=len(post) == 1) for post in posts))
    intake.close()
    await running
    for post, outcomes in zip(posts, answers, strict=True):
        assert [outcome.assessment.event for outcome in outcomes if outcome.assessment] == [item.id for item in post]
    assert len([entry async for entry in inst.store.history()]) == sum(map(len, posts))
    await inst.store.close()


async def test_a_duplicate_in_the_next_part_of_a_big_post(tmp_path: Path) -> None:
    """The next batch is judged before the commit of the one before has even begun."""
    inst = Installation(tmp_path)
    intake = Intake(inst.pipeline)
    running = asyncio.ensure_future(intake.run())
    await intake.submit([inst.arrival(login(0, id="before"))])
    names = [*range(MAX_BATCH), *range(MAX_BATCH - 6, 2 * MAX_BATCH)]
    outcomes = await intake.submit([inst.arrival(login(0, id=f"e-{name}")) for name in names])
    intake.close()
    await running
    assert [number for number, outcome in enumerate(outcomes) if outcome.duplicate] == list(range(256, 262))
    await inst.store.close()


# Alone


async def test_who_wants_to_be_alone_comes_after_what_was_submitted_and_before_what_follows(
    gate: Gate, intake: Intake
) -> None:
    first = await standing(gate, intake)
    earlier = await submitted(intake, "earlier")
    seen: list[list[list[str]]] = []

    async def work() -> str:
        seen.append([list(batch) for batch in gate.batches])
        await asyncio.sleep(0)
        seen.append([list(batch) for batch in gate.batches])
        return "done"

    alone = asyncio.ensure_future(intake.exclusive(work))
    await asyncio.sleep(0)
    gate.open.set()
    assert (told(await first), told(await earlier), await alone) == (["first"], ["earlier"], "done")
    assert seen == [[["first"], ["earlier"]]] * 2
    assert told(await intake.submit(some("later"))) == ["later"]


async def test_one_who_was_alone_and_failed_keeps_nobody_waiting(intake: Intake) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await intake.exclusive(work)
    assert told(await intake.submit(some("a"))) == ["a"]


async def test_one_who_gave_up_waiting_to_be_alone_keeps_nobody_waiting(gate: Gate, intake: Intake) -> None:
    async def never() -> None:
        raise AssertionError("it was given up")

    first = await standing(gate, intake)
    for steps in range(4):
        alone = asyncio.ensure_future(intake.exclusive(never))
        for _ in range(steps):
            await asyncio.sleep(0)
        alone.cancel()
    gate.open.set()
    await first
    assert told(await intake.submit(some("a"))) == ["a"]


async def test_nobody_is_alone_with_a_daemon_that_stops(gate: Gate, intake: Intake) -> None:
    async def work() -> None:
        raise AssertionError("too late")

    first = await standing(gate, intake)
    intake.close()
    with pytest.raises(Overloaded):
        await intake.exclusive(work)
    gate.open.set()
    await first
