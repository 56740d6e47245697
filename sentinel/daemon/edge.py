"""An edge process: takes requests, decodes and enriches events, and hands them to the daemon to be judged.

It keeps no state of its own. Its store connection is for looking things up; everything that changes something goes
through the daemon, so that there is one order of events. It ends when the daemon does, however that ended.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any, Final

import msgspec

from sentinel.api.auth import Keys
from sentinel.api.service import Readiness, Service
from sentinel.config import Config, load
from sentinel.daemon import logs
from sentinel.daemon.audit import Audit
from sentinel.daemon.build import build_enricher, limits_of, open_lookups, untuned_settings
from sentinel.daemon.export import exporter
from sentinel.daemon.front import serve_http, tune_interpreter
from sentinel.daemon.handover import ARGUMENTS, or_say_why, taken_over
from sentinel.daemon.mail import identity_of
from sentinel.daemon.second_person import needs_second
from sentinel.daemon.state import open_store, open_vault
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
    ToEdge,
    Told,
)
from sentinel.errors import Conflict, FieldError, Overloaded, SentinelError, StoreError
from sentinel.events.clock import now
from sentinel.pipeline.item import Item, Outcome
from sentinel.pipeline.request import Answer, Request

_log: Final = logging.getLogger("sentinel.edge")

#: Items in one message, so that the daemon is never busy reading one for long.
MAX_ITEMS: Final = 256
#: Seconds between two reports of the requests answered.
_REPORT: Final = 1.0


class RemoteIntake:
    """The daemon's intake, from here."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._calls = count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def submit(self, items: Sequence[Item], *, inline: bool = False) -> list[Outcome]:
        """See :class:`sentinel.pipeline.intake.Intake`. Of a large post a part may have been taken when it raises."""
        parts = []
        for at in range(0, len(items), MAX_ITEMS):
            call, answer = self._call()
            self._pipe.send(Submit(call, inline, list(items[at : at + MAX_ITEMS])))
            parts.append(answer)
        outcomes: list[Outcome] = []
        for done in await asyncio.gather(*parts, return_exceptions=True):
            if isinstance(done, BaseException):
                raise done
            outcomes += done
        return outcomes

    async def holds(self, key: str) -> bool:
        """Whether an event with this record key waits to be judged."""
        return bool(await self.ask("holds", key))

    async def ask(self, what: Any, key: str = "") -> Any:
        """The daemon's answer to :class:`Ask`."""
        call, answer = self._call()
        self._pipe.send(Ask(call, what, key))
        return await answer

    async def exercise(self, request: Request) -> Answer:
        """A person's right, carried out by the daemon."""
        call, answer = self._call()
        self._pipe.send(Exercise(call, request))
        done: Answer = await answer
        return done

    def heard(self, message: Judged | Refused | Told | Exercised | Declined) -> None:
        """An answer came."""
        answer = self._waiting.pop(message.call)
        if answer.done():
            return  # the request was given up
        match message:
            case Judged(_, outcomes):
                answer.set_result(outcomes)
            case Told(_, value) | Exercised(_, value):
                answer.set_result(value)
            case Declined(_, True, field, text):
                answer.set_exception(Conflict(text, field))
            case Declined(_, False, field, text):
                answer.set_exception(FieldError(field, text))
            case Refused(_, True, text, seconds):
                answer.set_exception(Overloaded(text, retry_after=int(seconds)))
            case Refused(_, False, text, again):
                answer.set_exception(StoreError(text, retry=bool(again)))

    def _call(self) -> tuple[int, asyncio.Future[Any]]:
        call = next(self._calls)
        answer = self._waiting[call] = asyncio.get_running_loop().create_future()
        return call, answer


class Edge:
    """One edge process, over a socket that listens."""

    def __init__(self, config: Config, listening: list[socket.socket]) -> None:
        self._config = config
        self._listening = listening
        self._requests: Counter[tuple[str, int]] = Counter()
        self._reported = 0
        self._orders: asyncio.Queue[str] = asyncio.Queue()

    async def run(self, link: socket.socket) -> None:
        """Serve as the daemon orders, until it says stop."""
        _, pipe = await asyncio.get_running_loop().create_connection(self._make_pipe, sock=link)
        self._pipe = pipe
        self.intake = RemoteIntake(pipe)
        # Made while the daemon makes its own parts; the store is there once it says so.
        vault = open_vault(self._config)
        self._enricher = build_enricher(vault.pseudonym, open_lookups(self._config))
        stale = False
        while (order := await self._orders.get()) != "serve":
            if order == "stop":
                return
            stale = True  # reloaded before it was served: what was read at the start may be old
        store = open_store(self._config, vault, durable=False)
        audit = Audit(self._config, vault)
        service = Service(
            store=store,
            intake=self.intake,
            enricher=self._enricher,
            vault=vault,
            keys=Keys(store),
            settings=lambda tenant: self._settings(tenant),
            clock=now,
            ready=self._ready,
            metrics=self._metrics,
            limits=limits_of(self._config),
            exercise=self.intake.exercise,
            export=exporter(store, vault, audit.log, lambda: self._config),
            log=audit.log,
            identity=lambda tenant: identity_of(self._config, tenant),
            second_person=lambda tenant: needs_second(self._config, tenant),
            issuer=lambda: self._config.signals.issuer,
        )
        self._requests = service.requests
        self._settings = untuned_settings(self._config)
        if stale:
            self._reload()
        runner = await serve_http(service, self._listening)
        pipe.send(Serving())
        report = asyncio.create_task(self._report())
        try:
            while (order := await self._orders.get()) != "stop":
                if order == "reload":
                    self._reload()
        finally:
            report.cancel()
            await runner.cleanup()
            self._tell()
            pipe.close()
            await store.close()
            audit.log.close()
            vault.close()

    def _make_pipe(self) -> Pipe:
        return Pipe(ToEdge, self._heard, self._orphaned)

    def _heard(self, message: Judged | Refused | Told | Exercised | Declined | Order) -> None:
        if isinstance(message, Order):
            self._orders.put_nowait(message.what)
        else:
            self.intake.heard(message)

    def _orphaned(self) -> None:
        # Nothing here can be answered without the daemon, and its successor wants the port.
        os._exit(0)

    def _reload(self) -> None:
        """The daemon read all this without an error a moment ago; if it fails here, what is in force stays."""
        try:
            config = load(self._config.path)
            self._enricher.use(*open_lookups(config))
        except SentinelError as error:
            _log.error("not reloaded, what was in force stays: %s", error, extra={"event.action": "reload"})
            return
        self._config = config
        self._settings = untuned_settings(config)
        logging.getLogger().setLevel(logs.LEVELS[config.log.level])

    async def _ready(self) -> Readiness:
        return msgspec.convert(await self.intake.ask("ready"), Readiness)

    async def _metrics(self) -> bytes:
        self._tell()
        text: bytes = await self.intake.ask("metrics")
        return text

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT)
            self._tell()

    def _tell(self) -> None:
        if (total := self._requests.total()) != self._reported:
            self._reported = total
            self._pipe.send(Served([(route, status, number) for (route, status), number in self._requests.items()]))


def main() -> None:
    """Entry of the process; arguments: the configuration handed over, numbers of the sockets."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A supervisor tells all processes; the daemon passes on what concerns us, in its own order.
        signal.signal(number, signal.SIG_IGN)
    arguments = sys.argv[1:]
    link, *listening = [socket.socket(fileno=int(number)) for number in arguments[ARGUMENTS:]]
    config = taken_over(arguments[:ARGUMENTS])
    tune_interpreter()
    with contextlib.suppress(KeyboardInterrupt):
        or_say_why(lambda: asyncio.run(Edge(config, listening).run(link)))


if __name__ == "__main__":
    main()
