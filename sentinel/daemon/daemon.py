"""The daemon: all parts started, watched, reloaded and stopped in the right order."""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from socket import socket
from typing import Any, Final

import msgspec
from aiohttp import web

from sentinel.api.auth import Keys
from sentinel.api.service import Readiness, Service
from sentinel.config import Config, load
from sentinel.daemon import logs, notify
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.backups import finish_restore
from sentinel.daemon.build import build_enricher, limits_of, load_ruleset, open_lookups, tenant_settings
from sentinel.daemon.courier import Courier
from sentinel.daemon.drift import DriftFigures
from sentinel.daemon.edges import Desk, Edges
from sentinel.daemon.export import exporter
from sentinel.daemon.figures import CountedPipeline, Figures
from sentinel.daemon.front import DRAIN, serve_http, tune_interpreter
from sentinel.daemon.hooks import make_hook_delivery, prepare_signals
from sentinel.daemon.ledger import ledger_trouble
from sentinel.daemon.listen import listening
from sentinel.daemon.lock import DAEMON, state_lock
from sentinel.daemon.mail import identity_of, make_delivery
from sentinel.daemon.models import ModelFigures, model_desk
from sentinel.daemon.questions import answer_questions
from sentinel.daemon.report import report_weekly
from sentinel.daemon.retention_parts import RetentionFigures, make_retention, readiness
from sentinel.daemon.second_person import needs_second
from sentinel.daemon.state import open_ledger, open_store, open_vault, prepare_state
from sentinel.daemon.upkeep import keep_up
from sentinel.daemon.verdicts import carry_out_verdicts
from sentinel.daemon.watch import watch, watch_models
from sentinel.errors import SentinelError
from sentinel.events.clock import now
from sentinel.pipeline.intake import Intake
from sentinel.pipeline.rights import Rights
from sentinel.privacy.ledger import expect

_log: Final = logging.getLogger("sentinel.daemon")

#: How long a proof that the store works is good for, in seconds.
_CHECKED: Final = 1.0
#: A batch that the store did not take counts against readiness for this long: the small write of a check may fit where
#: events do not. Not longer, or a balancer that sends nothing more would never find out. In seconds.
_REMEMBERED: Final = 10.0
#: Settings that only a restart changes.
_FIXED: Final = ("state", "store", "listen", "http")
#: Settings that delivery of mails and hooks is made of.
_OF_MAIL: Final = ("smtp", "alerts", "service", "tenants", "hooks", "streams", "signals")


class Daemon:
    """One sentinel. :meth:`run` returns when it was told to stop and everything is drained.

    ``started`` is set once requests are answered, ``stopping`` once the daemon is to end. ``port`` is the TCP port it
    listens on (0: a Unix socket), also where the configuration leaves the choice to the system. With ``processes``
    requests are taken by edge processes (``http.edges``) and mails are sent by a courier: what each of them takes,
    judging would have to wait for.
    """

    def __init__(self, config: Config, *, processes: bool = False) -> None:
        self.config = config
        processes = processes and not config.store_url.endswith(":memory:")
        self._courier = Courier(config) if processes else None
        self._edge_count = config.http.edges if processes else 0
        self._edges: Edges | None = None
        self._runner: web.AppRunner | None = None
        self.started = asyncio.Event()
        self.stopping = asyncio.Event()
        self.port = 0
        self._broken = ""
        self._wake = asyncio.Event()
        self._mail_stop = asyncio.Event()
        self._mail_ended = False
        self._checked_at = float("-inf")
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def stop(self) -> None:
        """Ask to stop: no more events are taken, those taken are judged."""
        self.stopping.set()

    async def run(self) -> None:
        """Start, serve until :meth:`stop` or SIGTERM, drain, stop. Raises :class:`SentinelError` if it cannot start."""
        async with AsyncExitStack() as stack:
            prepare_state(self.config)
            stack.enter_context(state_lock(self.config.state, self.config.store_url, by=DAEMON))
            finish_restore(self.config)
            sockets = await stack.enter_async_context(listening(self.config.listen))
            # Before the edge processes, which read the keyring.
            self.vault = open_vault(self.config, writes=True)
            stack.callback(self.vault.close)
            self.port = 0 if self.config.listen.path else sockets[0].getsockname()[1]
            if self._edge_count:
                self._edges = Edges(self.config, sockets, self._edge_count)
                stack.push_async_callback(self._edges.stop)
            self.store = open_store(self.config, self.vault)
            stack.push_async_callback(self.store.close)
            self._audit = stack.enter_context(opened_audit(self.config, self.vault))
            self._ledger = open_ledger(self.config, self.vault)
            stack.callback(self._ledger.close)
            self._build()
            # Of another installation's store nothing could be opened; better not to start than to refuse every event.
            await self.store.bind(self.vault.fingerprint)
            if trouble := self._ledger_trouble():
                _log.error("%s", trouble, extra={"event.action": "erase"})
            expect(self.vault.keyring, self._ledger)
            if finished := await self._rights.finish(now()):
                _log.info("%d rights that were begun are finished", finished, extra={"event.action": "erase"})
            await self._serve(sockets)
        if self._broken:
            raise SentinelError(f"{self._broken} broke off; the log says where")

    def _build(self) -> None:
        config = self.config
        rules = load_ruleset(config)
        self.enricher = build_enricher(self.vault.pseudonym, open_lookups(config))
        self.models = model_desk(config)
        self.models.use(self.models.prepare())
        self._provider = tenant_settings(
            config, rules, self.vault.pseudonym, self.vault.lookup_of, self.models, tell=True
        )
        self.figures = Figures(lambda: self._edges.requests if self._edges is not None else self._service.requests)
        self._pipeline = CountedPipeline(self.store, self.vault, self._provider)
        self._pipeline.figures, self._pipeline.wake = self.figures, self._wake.set
        self.intake = Intake(self._pipeline, limit=config.http.queue_events)
        self._rights = Rights(
            self.store,
            self.vault,
            self._ledger,
            self.intake.exclusive,
            self._audit.log,
            series=lambda tenant: self._provider(tenant).rules.series,
        )
        self.retention = make_retention(
            lambda: self.config, self.store, self.vault, self._audit.log, self._ledger, alone=self.intake.exclusive
        )
        self._pipeline.witness = self.retention.witness
        self.figures.registry.register(RetentionFigures(self.retention))
        self.figures.registry.register(ModelFigures(self.models))
        self.drift = DriftFigures(self.store, self.vault, self.models, now)
        self.figures.registry.register(self.drift)
        self._service = Service(
            store=self.store,
            intake=self.intake,
            enricher=self.enricher,
            vault=self.vault,
            keys=Keys(self.store),
            settings=lambda tenant: self._provider(tenant),
            clock=now,
            ready=self._ready,
            metrics=self._metrics,
            limits=limits_of(config),
            exercise=self._rights.exercise,
            export=exporter(self.store, self.vault, self._audit.log, lambda: self.config),
            log=self._audit.log,
            identity=lambda tenant: identity_of(self.config, tenant),
            second_person=lambda tenant: needs_second(self.config, tenant),
            issuer=lambda: self.config.signals.issuer,
        )
        prepare_signals(config, self.vault, now())
        self._delivering = self._deliveries(config)

    async def _serve(self, sockets: list[socket]) -> None:
        loop = asyncio.get_running_loop()
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
            loop.add_signal_handler(signal.SIGHUP, self.reload)
            self._start("intake", self.intake.run())
            self._start("delivery", self._deliver())
            self._start("upkeep", keep_up(self.store, self._rights))
            self._start("verdicts", carry_out_verdicts(self.store, self.intake.submit))
            log = self._audit.log
            self._start("questions", answer_questions(self.store, self._rights, self.intake.submit, self.vault, log))
            self._start("retention", self.retention.run())
            self._start("report", report_weekly(self.store, lambda: self.config, self._wake.set))
            self._start("watch", watch(lambda: self.config, self.reload))
            self._start("models", watch_models(lambda: self.config.rules.watch_seconds, self.models))
            if (interval := notify.watchdog_interval()) is not None:
                self._start("watchdog", self._watchdog(interval))
            await self._open_doors(sockets)
            self.started.set()
            notify.ready("ready")
            _log.info("ready", extra={"event.action": "start", "server.port": self.port})
            await self.stopping.wait()
            notify.stopping()
            _log.info("stopping: no more events are taken", extra={"event.action": "stop"})
        finally:
            self.intake.close()
            if "intake" in self._tasks:
                await asyncio.wait([self._tasks["intake"]], timeout=DRAIN)
            if self._edges is not None:
                await self._edges.stop()
            if self._runner is not None:
                await self._runner.cleanup()
            self._mail_ended = True
            self._mail_stop.set()
            if "delivery" in self._tasks:
                await asyncio.wait([self._tasks["delivery"]], timeout=DRAIN)
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _open_doors(self, sockets: list[socket]) -> None:
        """Answer requests from now on: here, or in edge processes."""
        if self._edges is None:
            self._runner = await serve_http(self._service, sockets)
            return
        serving = asyncio.create_task(
            self._edges.serve(Desk(self.intake, self._ready, self._metrics, self._rights.exercise))
        )
        stopping = asyncio.create_task(self.stopping.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        stopping.cancel()

    async def _deliver(self) -> None:
        """Deliver mails and hooks; a reload puts another delivery in the place of the one under way."""
        while not self._mail_ended:
            self._mail_stop.clear()
            if self._courier is not None:
                await self._courier.run(self._mail_stop, self._wake)
            else:
                await self._delivering()

    def _deliveries(self, config: Config) -> Callable[[], Awaitable[None]]:
        """Delivery in this process. Raises :class:`SentinelError` for secrets that are missing or wrong."""
        hooks = make_hook_delivery(config, self.store, self.vault)
        wake = asyncio.Event()
        mails = make_delivery(config, self.store, self.vault, self._busy, hooks.wake)

        async def spread() -> None:
            while True:
                await self._wake.wait()
                self._wake.clear()
                wake.set()
                hooks.wake()

        async def deliver() -> None:
            spreading = asyncio.create_task(spread())
            try:
                await asyncio.gather(mails.run(self._mail_stop, wake, now), hooks.run(self._mail_stop, now))
            finally:
                spreading.cancel()

        return deliver

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("%s broke off; stopping so that a supervisor starts anew", name, exc_info=error)
            self._broken = name
            self.stop()

    def reload(self) -> None:
        """Read configuration, rules and databases anew; if any is wrong, what is in force stays."""
        notify.reloading()
        try:
            config = load(self.config.path)
            kept = {name: getattr(self.config, name) for name in _FIXED}
            rules = load_ruleset(config)
            lookups = open_lookups(config)
            lasting, vault = msgspec.structs.replace(config, **kept), self.vault
            provider = tenant_settings(lasting, rules, vault.pseudonym, vault.lookup_of, self.models, tell=True)
            prepare_signals(config, vault, now())
            delivering = self._deliveries(config)
        except SentinelError as error:
            _log.error("not reloaded, what was in force stays: %s", error, extra={"event.action": "reload"})
            notify.ready("not reloaded: what was wrong is in the log")
            return
        for name in _FIXED:
            if getattr(config, name) != getattr(self.config, name):
                _log.warning("%s changes only with a restart", name, extra={"event.action": "reload"})
        before, self.config = self.config, lasting
        self.enricher.use(*lookups)
        self._provider = provider
        self._pipeline.use(self._provider)
        if any(getattr(before, name) != getattr(config, name) for name in _OF_MAIL):
            self._delivering = delivering
            self._mail_stop.set()
        if self._courier is not None:
            self._courier.config = self.config
        if self._edges is not None:
            self._edges.config = self.config
            self._edges.order("reload")
        if before.log != config.log:
            logging.getLogger().setLevel(logs.LEVELS[config.log.level])
        _log.info("reloaded", extra={"event.action": "reload"})
        notify.ready("ready")

    async def wrong(self) -> dict[str, str]:
        """What keeps the daemon from its work, by part; empty when ready."""
        reasons = {name: "broke off" for name, task in self._tasks.items() if task.done()}
        if self.stopping.is_set():
            reasons["daemon"] = "stopping"
        if self._edges is not None and (trouble := self._edges.trouble):
            reasons["edges"] = trouble
        if self._pipeline.failure and time.perf_counter() - self._pipeline.failed_at < _REMEMBERED:
            reasons["store"] = self._pipeline.failure
        elif time.monotonic() - self._checked_at > _CHECKED:
            try:
                await self.store.check()
            except SentinelError as error:
                reasons["store"] = str(error)
            else:
                self._checked_at = time.monotonic()
        return reasons

    async def _ready(self) -> Readiness:
        wrong, trouble = await self.wrong(), self._ledger_trouble()
        warnings = {"ledger": trouble} if trouble else {}
        return readiness(self.retention, wrong, warnings, durable=self.store.durable, waiting=self.intake.waiting)

    def _ledger_trouble(self) -> str:
        return ledger_trouble(self.vault.keyring, self._ledger)

    def _busy(self) -> bool:
        return self.intake.waiting > 0

    async def _metrics(self) -> bytes:
        mails, hooks = await self.store.mail_counts(), await self.store.hook_counts()
        found = await self._ready()
        await self.drift.refresh()
        return self.figures.text(waiting=found.waiting, mails=mails, hooks=hooks, ready=not found.reasons)

    async def _watchdog(self, interval: float) -> None:
        """Tell systemd that the loop turns and the store takes writes; silence lets it start us anew."""
        while True:
            if not await self.wrong():
                notify.watchdog()
            await asyncio.sleep(interval)


def serve(config: Config, started: Callable[["Daemon"], None] | None = None) -> None:
    """Run a daemon in this process until it is told to stop."""

    tune_interpreter()

    async def main() -> None:
        daemon = Daemon(config, processes=True)
        asyncio.get_running_loop().set_exception_handler(_report)
        if started is not None:
            started(daemon)
        await daemon.run()

    asyncio.run(main())


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    _log.error("%s", context.get("message"), exc_info=error if isinstance(error, BaseException) else None)
