"""The daemon's side of its edge processes: started, answered, told, and started anew when one ends."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Literal

import msgspec

from sentinel.api.service import Readiness
from sentinel.config import Config
from sentinel.daemon.front import DRAIN
from sentinel.daemon.handover import handed_over
from sentinel.daemon.wire import (
    Ask,
    Declined,
    Exercise,
    Exercised,
    Judged,
    Order,
    Pipe,
    Refused,
    Served,
    Serving,
    Submit,
    ToDaemon,
    Told,
)
from sentinel.errors import Conflict, FieldError, Overloaded, SentinelError, StoreError
from sentinel.pipeline.intake import Intake
from sentinel.pipeline.item import Outcome
from sentinel.pipeline.request import Answer, Request

_log: Final = logging.getLogger("sentinel.edge")

#: Seconds before an edge that ended by itself is started anew, doubling up to the second.
_PAUSE: Final = (0.1, 30.0)
#: An edge that lived this long, in seconds, had started well.
_WELL: Final = 30.0
#: What is left to do after the last request: say so and go. In seconds.
_FAREWELL: Final = 2.0

Requests = Counter[tuple[str, int]]


class Desk:
    """What an edge may ask the daemon for."""

    def __init__(
        self,
        intake: Intake,
        ready: Callable[[], Awaitable[Readiness]],
        metrics: Callable[[], Awaitable[bytes]],
        exercise: Callable[[Request], Awaitable[Answer]],
    ) -> None:
        self.intake = intake
        self.exercise = exercise
        self.ready = ready
        self.metrics = metrics


class Edges:
    """Keeps ``number`` edge processes alive on the sockets that listen.

    They are started at once, to import and read what they need while the daemon makes its own parts; :meth:`serve`
    lets them begin. ``trouble`` says what is wrong with them; empty when requests are answered.
    """

    def __init__(self, config: Config, listening: list[socket.socket], number: int) -> None:
        self.config = config  #: in force; edges that are started from now on have it
        self._listening = listening
        self._past: Requests = Counter()  #: of edges that ended
        self._desk: Desk | None = None
        self._stopping = asyncio.Event()
        self._serving = asyncio.Event()
        self._edges: set[_Edge] = set()
        self._tasks = [asyncio.create_task(self._keep()) for _ in range(number)]

    @property
    def trouble(self) -> str:
        """What is wrong; empty when at least one edge answers requests."""
        return "" if any(edge.serving for edge in self._edges) else "no edge process answers requests"

    @property
    def requests(self) -> Requests:
        """Requests answered so far, by route and status."""
        return sum((edge.requests for edge in self._edges), self._past.copy())

    @property
    def processes(self) -> list[int]:
        """Process ids of the edges that live."""
        return [edge.process.pid for edge in self._edges]

    async def serve(self, desk: Desk) -> None:
        """Let them begin; returns when the first one answers requests."""
        self._desk = desk
        self.order("serve")
        await self._serving.wait()

    def order(self, what: Literal["serve", "reload", "stop"]) -> None:
        """Tell all of them."""
        for edge in self._edges:
            edge.pipe.send(Order(what))

    async def stop(self) -> None:
        """Let them answer what they have, and end."""
        self._stopping.set()
        self.order("stop")
        await asyncio.gather(*self._tasks)

    async def _keep(self) -> None:
        pause = _PAUSE[0]
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            try:
                code = await self._one()
            except OSError as error:
                code = error.errno or -1
            if self._stopping.is_set():
                return
            if clock() - began > _WELL:
                pause = _PAUSE[0]
            _log.error("an edge process ended with status %s and is started anew", code)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, _PAUSE[1])

    async def _one(self) -> int:
        ours, theirs = socket.socketpair()
        with theirs, handed_over(self.config) as (handed, arguments):
            numbers = (theirs.fileno(), *[each.fileno() for each in self._listening])
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "sentinel.daemon.edge", *arguments, *map(str, numbers)),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(handed, *numbers),
                )
            except BaseException:
                ours.close()
                raise
        edge = _Edge(process, self)
        ours.setblocking(False)
        await asyncio.get_running_loop().create_connection(lambda: edge.pipe, sock=ours)
        self._edges.add(edge)
        if self._desk is not None:
            edge.pipe.send(Order("serve"))
        if self._stopping.is_set():
            edge.pipe.send(Order("stop"))
        ended, stopping = asyncio.create_task(process.wait()), asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((ended, stopping, edge.lost), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await asyncio.wait((ended,), timeout=DRAIN + _FAREWELL)
        finally:
            stopping.cancel()
            if not ended.done():
                process.kill()
            code = await ended
            edge.pipe.close()
            self._edges.discard(edge)
            self._past += edge.requests
        return code

    def answer(self, edge: "_Edge", message: ToDaemon) -> None:
        """Do what an edge asks for."""
        match message:
            case Serving():
                edge.serving = True
                self._serving.set()
            case Served(requests):
                edge.requests = Counter({(route, status): number for route, status, number in requests})
            case Submit(call, inline, items):
                assert self._desk is not None  # no edge takes requests before
                try:
                    done = self._desk.intake.put(items, inline=inline)
                except SentinelError as error:
                    edge.pipe.send(_refused(call, error))
                else:
                    done.add_done_callback(partial(_report, edge.pipe, call, inline))
            case Ask() | Exercise():
                work = self._look if isinstance(message, Ask) else self._exercise
                task = asyncio.ensure_future(work(edge.pipe, message))  # type: ignore[arg-type]  # each its own kind
                edge.asked.add(task)
                task.add_done_callback(edge.asked.discard)

    async def _exercise(self, pipe: Pipe, message: Exercise) -> None:
        assert self._desk is not None  # as above
        try:
            pipe.send(Exercised(message.call, await self._desk.exercise(message.request)))
        except FieldError as error:
            pipe.send(Declined(message.call, False, error.field, error.expected))
        except Conflict as error:
            pipe.send(Declined(message.call, True, error.field, str(error)))
        except SentinelError as error:
            pipe.send(_refused(message.call, error))
        except Exception:
            pipe.send(_broken(message.call))

    async def _look(self, pipe: Pipe, ask: Ask) -> None:
        assert self._desk is not None  # as above
        value: object
        try:
            match ask.what:
                case "holds":
                    value = self._desk.intake.holds_now(ask.key)
                case "ready":
                    value = msgspec.to_builtins(await self._desk.ready())
                case "metrics":
                    value = await self._desk.metrics()
        except SentinelError as error:
            pipe.send(_refused(ask.call, error))
        except Exception:
            pipe.send(_broken(ask.call))
        else:
            pipe.send(Told(ask.call, value))


class _Edge:
    """One edge process, as the daemon sees it."""

    def __init__(self, process: asyncio.subprocess.Process, edges: Edges) -> None:
        self.process = process
        self.serving = False
        self.requests: Requests = Counter()
        self.asked: set[asyncio.Future[None]] = set()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pipe = Pipe(ToDaemon, lambda message: edges.answer(self, message), self._lose)

    def _lose(self) -> None:
        self.serving = False
        if not self.lost.done():
            self.lost.set_result(None)


def _report(pipe: Pipe, call: int, inline: bool, done: asyncio.Future[list[Outcome]]) -> None:
    if done.cancelled():
        pipe.send(Refused(call, True, "the daemon is stopping; post again in a moment", 5))
    elif (error := done.exception()) is not None:
        pipe.send(_refused(call, error))
    else:
        # Whoever posts is told numbers only; whoever asks inline gets the assessment.
        pipe.send(
            Judged(
                call,
                [
                    Outcome(
                        assessment=outcome.assessment if inline else None,
                        duplicate=outcome.duplicate,
                        error=outcome.error,
                        conflict=outcome.conflict,
                    )
                    for outcome in done.result()
                ],
            )
        )


def _broken(call: int) -> Refused:
    """Whoever asked must hear of it, or would wait for ever."""
    _log.exception("what an edge process asked for broke off")
    return Refused(call, False, "it broke off inside; the log of the daemon says where", False)


def _refused(call: int, error: BaseException) -> Refused:
    if isinstance(error, Overloaded):
        return Refused(call, True, str(error), error.retry_after)
    return Refused(call, False, str(error), error.retry if isinstance(error, StoreError) else False)
