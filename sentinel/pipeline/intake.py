"""The queue in front of the pipeline: what arrived while one batch was being judged is the next batch."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from sentinel.errors import Overloaded, SentinelError, StoreError
from sentinel.pipeline.batch import Batch, Pipeline
from sentinel.pipeline.item import Arrival, Item, Outcome

_T = TypeVar("_T")
#: Items of one batch at most: bounds how long an inline assessment waits behind posted ones.
MAX_BATCH: Final = 256


class Intake:
    """Feeds the pipeline. ``limit`` bounds the items that wait; inline ones go before posted ones."""

    def __init__(self, pipeline: Pipeline, *, limit: int = 20_000) -> None:
        self._pipeline = pipeline
        self._limit = limit
        self._inline: deque[_Waiting] = deque()
        self._posted: deque[_Waiting] = deque()
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self._keys: Counter[str] = Counter()
        self._turns: deque[_Turn] = deque()

    async def holds(self, key: str) -> bool:
        """Whether an event with this record key waits to be judged."""
        return self.holds_now(key)

    def holds_now(self, key: str) -> bool:
        """The same, for callers in this process."""
        return key in self._keys

    @property
    def waiting(self) -> int:
        """Items that wait to be judged."""
        return self._waiting

    async def submit(self, items: Sequence[Item], *, inline: bool = False) -> list[Outcome]:
        """The outcomes of ``items`` in order, once they are durable.

        Raises :class:`Overloaded` when too many wait already or the daemon is stopping (nothing was taken), and
        :class:`StoreError` when the store failed.
        """
        return await self.put(items, inline=inline)

    def put(self, items: Sequence[Item], *, inline: bool = False) -> asyncio.Future[list[Outcome]]:
        """The same without waiting: raises :class:`Overloaded` at once, gives the outcomes later."""
        if self._closing:
            raise _stopping()
        if self._waiting + len(items) > self._limit:
            raise Overloaded(f"{self._waiting} events wait already; post again in a moment", retry_after=1)
        waiting = _Waiting(items)
        if not items:
            waiting.done.set_result([])
            return waiting.done
        (self._inline if inline else self._posted).append(waiting)
        self._waiting += len(items)
        keys = [item.sighting.key for item in items if isinstance(item, Arrival)]
        self._keys.update(keys)
        self._arrived.set()
        waiting.done.add_done_callback(lambda _: self._let_go(keys))
        return waiting.done

    def _let_go(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._keys[key] -= 1
            if not self._keys[key]:
                del self._keys[key]

    async def exclusive(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do something while nothing is judged or stored, after everything that was submitted before; what comes
        meanwhile waits. Raises :class:`Overloaded` when the daemon is stopping."""
        if self._closing:
            raise _stopping()
        before = [waiting.done for waiting in (*self._inline, *self._posted)]
        if before:
            await asyncio.wait(before)
        turn = _Turn()
        self._turns.append(turn)
        self._arrived.set()
        try:
            await turn.come
            return await work()
        finally:
            turn.over.set()

    async def run(self) -> None:
        """Judge batches until :meth:`close` was called and nothing waits any more. Cancelled, it tells all who wait."""
        storing: asyncio.Task[None] | None = None
        parts: list[_Part] = []  #: taken, and not handed on yet
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._turns or (parts := self._take()):
                    if self._turns:
                        if storing is not None:
                            await storing
                            storing = None
                        turn = self._turns.popleft()
                        if not turn.come.done():
                            turn.come.set_result(None)
                            await turn.over.wait()
                        continue
                    batch = await self._judge(parts, storing)
                    if storing is not None:
                        await storing
                    storing = asyncio.create_task(self._store(batch, parts)) if batch is not None else None
                    parts = []
                if self._closing:
                    return
        finally:
            self._closing = True
            if storing is not None:
                await asyncio.wait((storing,))
            for turn in self._turns:
                if not turn.come.done():
                    turn.come.set_exception(_stopping())
            left = [(waiting, waiting.taken, waiting.taken) for waiting in (*self._inline, *self._posted)]
            self._fail([*parts, *left], _stopping())

    def close(self) -> None:
        """Take no more; :meth:`run` ends when what waits is done."""
        self._closing = True
        self._arrived.set()

    async def _judge(self, parts: list["_Part"], storing: asyncio.Task[None] | None) -> Batch | None:
        """Judge a batch while the one before is stored; nothing when there is nothing left to store of it."""
        items = [item for waiting, start, end in parts for item in waiting.items[start:end]]
        try:
            return await self._pipeline.judge(items)
        except SentinelError as error:
            self._fail(parts, error)
        except Exception as error:
            _report(error)
            if storing is not None:
                await storing
            try:
                self._tell(parts, await self._singly(items))
            except SentinelError as failure:
                self._fail(parts, failure)
        return None

    async def _store(self, batch: Batch, parts: list["_Part"]) -> None:
        try:
            self._tell(parts, await self._pipeline.commit(batch))
        except SentinelError as error:
            self._fail(parts, error)
        except Exception as error:
            _report(error)
            self._fail(parts, StoreError("storing failed inside; the log of the daemon says where"))
        except BaseException:
            self._fail(parts, _stopping())
            raise

    def _tell(self, parts: list["_Part"], outcomes: Sequence[Outcome]) -> None:
        self._waiting -= len(outcomes)
        at = 0
        for waiting, start, end in parts:
            waiting.outcomes.extend(outcomes[at : at + end - start])
            at += end - start
            if len(waiting.outcomes) == len(waiting.items) and not waiting.done.done():
                waiting.done.set_result(waiting.outcomes)

    async def _singly(self, items: Sequence[Item]) -> list[Outcome]:
        """Judge one by one after a batch broke off inside: the event that does it must not take others with it."""
        outcomes: list[Outcome] = []
        for item in items:
            try:
                outcomes += await self._pipeline.process([item])
            except SentinelError:
                raise
            except Exception as error:
                _report(error)
                outcomes.append(Outcome(error="judging it failed inside; the log of the daemon says where"))
        return outcomes

    def _take(self) -> list["_Part"]:
        """Up to a batch of items, inline ones first; a large post is taken in parts, in order."""
        parts = []
        room = MAX_BATCH
        for queue in (self._inline, self._posted):
            while queue and room:
                waiting = queue[0]
                start = waiting.taken
                end = min(len(waiting.items), start + room)
                waiting.taken = end
                parts.append((waiting, start, end))
                room -= end - start
                if end == len(waiting.items):
                    queue.popleft()
        return parts

    def _fail(self, parts: list["_Part"], error: SentinelError) -> None:
        """None of the batch was stored; what is left of its posts fails with it, since a post is answered whole."""
        for waiting, start, end in parts:
            self._waiting -= end - start
            if (left := len(waiting.items) - waiting.taken) > 0:
                self._waiting -= left
                waiting.taken = len(waiting.items)
                (self._inline if waiting in self._inline else self._posted).remove(waiting)
            if not waiting.done.done():
                waiting.done.set_exception(error)


class _Turn:
    """Somebody who wants to be alone: ``come`` is done when they are, ``over`` is set when they are ready."""

    __slots__ = ("come", "over")

    def __init__(self) -> None:
        self.come: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()


class _Waiting:
    __slots__ = ("done", "items", "outcomes", "taken")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.taken = 0
        self.outcomes: list[Outcome] = []
        self.done: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()


#: Items of a post, from one position to another.
_Part = tuple[_Waiting, int, int]


def _stopping() -> Overloaded:
    return Overloaded("the daemon is stopping; post again in a moment", retry_after=5)


def _report(error: BaseException) -> None:
    """Report an error nobody waits for, without stopping the intake: the loop's handler logs it."""
    asyncio.get_running_loop().call_exception_handler({"message": "a batch failed inside", "exception": error})
