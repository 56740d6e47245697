"""The daemon: all parts started, watched, reloaded and stopped in the right order."""

import asyncio
import gc
import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from sentinel.api.app import make_app
from sentinel.api.auth import Keys
from sentinel.api.service import Limits, Service
from sentinel.config import Config, load
from sentinel.daemon import logs, notify
from sentinel.daemon.build import build_enricher, load_ruleset, open_lookups, tenant_settings
from sentinel.daemon.courier import Courier
from sentinel.daemon.figures import CountedPipeline, Figures
from sentinel.daemon.listen import make_way
from sentinel.daemon.lock import state_lock
from sentinel.daemon.mail import make_delivery
from sentinel.daemon.state import open_store, prepare_state
from sentinel.daemon.verdicts import carry_out_verdicts
from sentinel.daemon.watch import watch
from sentinel.enrich.device import describe
from sentinel.errors import SentinelError
from sentinel.events.clock import now
from sentinel.pipeline.intake import Intake
from sentinel.privacy.keys import LocalKey
from sentinel.privacy.sealer import Sealer

_log: Final = logging.getLogger("sentinel.daemon")

#: Seconds between rounds of upkeep.
_UPKEEP: Final = 60.0
#: Seconds that requests under way may take after SIGTERM.
_DRAIN: Final = 20.0
#: Seconds that a refused body is still read, so that its sender gets the answer and not a broken connection.
_LINGER: Final = 2.0
#: How long a proof that the store works is good for, in seconds.
_CHECKED: Final = 1.0
#: A batch that the store did not take counts against readiness for this long: the small write of a check may fit where
#: events do not. Not longer, or a balancer that sends nothing more would never find out. In seconds.
_REMEMBERED: Final = 10.0
#: Settings that only a restart changes.
_FIXED: Final = ("state", "store", "listen", "http")
#: Settings that mail delivery is made of.
_OF_MAIL: Final = ("smtp", "alerts", "service", "tenants")


class Daemon:
    """One process of sentinel. :meth:`run` returns when it was told to stop and everything is drained.

    ``started`` is set once requests are answered, ``stopping`` once the daemon is to end. ``port`` is the TCP port it
    listens on (0: a Unix socket), also where the configuration leaves the choice to the system. With ``courier`` mails
    are written and sent by a process beside this one: a mail takes milliseconds that a caller would wait for.
    """

    def __init__(self, config: Config, *, courier: bool = False) -> None:
        self.config = config
        self._courier = Courier(config) if courier and not config.store_url.endswith(":memory:") else None
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
            stack.enter_context(state_lock(self.config.state, self.config.store_url))
            self.store = open_store(self.config)
            stack.push_async_callback(self.store.close)
            self._build()
            # Of another installation's store nothing could be opened; better not to start than to refuse every event.
            await self.store.bind(self._sealer.fingerprint)
            await self._serve()
        if self._broken:
            raise SentinelError(f"{self._broken} broke off; the log says where")

    def _build(self) -> None:
        config = self.config
        key = LocalKey.load(config.state)
        self._sealer = Sealer(key)
        rules = load_ruleset(config)
        self.enricher = build_enricher(key, open_lookups(config))
        self._provider = tenant_settings(config, rules, self.enricher.pseudonym)
        self.figures = Figures(lambda: self._service.requests if hasattr(self, "_service") else Counter())
        self._pipeline = CountedPipeline(self.store, self._sealer, self._provider)
        self._pipeline.figures, self._pipeline.wake = self.figures, self._wake.set
        self.intake = Intake(self._pipeline, limit=config.http.queue_events)
        self._service = Service(
            store=self.store,
            intake=self.intake,
            enricher=self.enricher,
            sealer=self._sealer,
            keys=Keys(self.store),
            settings=lambda tenant: self._provider(tenant),
            clock=now,
            ready=self.wrong,
            metrics=self._metrics,
            limits=Limits(
                body_bytes=config.http.max_body_bytes,
                batch=config.http.max_batch,
                seconds=config.http.request_timeout_seconds,
            ),
        )
        self._delivery = make_delivery(config, self.store, self._sealer, self._busy)
        # The first agent costs a fifth of a second to prepare the parser; no request should wait for that.
        describe("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")

    async def _serve(self) -> None:
        runner = web.AppRunner(
            make_app(self._service),
            access_log=None,
            handle_signals=False,
            auto_decompress=False,
            shutdown_timeout=_DRAIN,
            keepalive_timeout=75,
            lingering_time=_LINGER,
        )
        await runner.setup()
        loop = asyncio.get_running_loop()
        listening = False
        try:
            await self._listen(runner)
            listening = True
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
            loop.add_signal_handler(signal.SIGHUP, self.reload)
            self._start("intake", self.intake.run())
            self._start("delivery", self._deliver())
            self._start("upkeep", self._upkeep())
            self._start("verdicts", carry_out_verdicts(self.store, self.intake.submit, self._sealer))
            self._start("watch", watch(lambda: self.config, self.reload))
            if (interval := notify.watchdog_interval()) is not None:
                self._start("watchdog", self._watchdog(interval))
            self.started.set()
            notify.ready("ready")
            _log.info("ready", extra={"event.action": "start", "server.port": self.port})
            await self.stopping.wait()
            notify.stopping()
            _log.info("stopping: no more events are taken", extra={"event.action": "stop"})
        finally:
            self.intake.close()
            if "intake" in self._tasks:
                await asyncio.wait([self._tasks["intake"]], timeout=_DRAIN)
            await runner.cleanup()
            if self.config.listen.path and listening:
                # Python before 3.13 leaves it there.
                Path(self.config.listen.path).unlink(missing_ok=True)  # noqa: ASYNC240  # one file, nobody waits
            self._mail_ended = True
            self._mail_stop.set()
            if "delivery" in self._tasks:
                await asyncio.wait([self._tasks["delivery"]], timeout=_DRAIN)
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _listen(self, runner: web.AppRunner) -> None:
        listen = self.config.listen
        site: web.BaseSite
        if listen.path:
            await make_way(Path(listen.path))
            site = web.UnixSite(runner, listen.path)
        else:
            site = web.TCPSite(runner, listen.host, listen.port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise SentinelError(
                f"cannot listen on {listen}: {error.strerror or error}; is another daemon running?"
            ) from None
        if not listen.path:
            self.port = runner.addresses[0][1]

    async def _deliver(self) -> None:
        """Deliver mails; a reload puts another delivery in the place of the one under way."""
        while not self._mail_ended:
            self._mail_stop.clear()
            if self._courier is not None:
                await self._courier.run(self._mail_stop, self._wake)
            else:
                await self._delivery.run(self._mail_stop, self._wake, now)

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
            provider = tenant_settings(msgspec.structs.replace(config, **kept), rules, self.enricher.pseudonym)
            delivery = make_delivery(config, self.store, self._sealer, self._busy)
        except SentinelError as error:
            _log.error("not reloaded, what was in force stays: %s", error, extra={"event.action": "reload"})
            notify.ready("not reloaded: what was wrong is in the log")
            return
        for name in _FIXED:
            if getattr(config, name) != getattr(self.config, name):
                _log.warning("%s changes only with a restart", name, extra={"event.action": "reload"})
        before, self.config = self.config, msgspec.structs.replace(config, **kept)
        self.enricher.use(*lookups)
        self._provider = provider
        self._pipeline.use(self._provider)
        if any(getattr(before, name) != getattr(config, name) for name in _OF_MAIL):
            self._delivery = delivery
            if self._courier is not None:
                self._courier.config = self.config
            self._mail_stop.set()
        if before.log != config.log:
            logging.getLogger().setLevel(logs.LEVELS[config.log.level])
        _log.info("reloaded", extra={"event.action": "reload"})
        notify.ready("ready")

    async def wrong(self) -> dict[str, str]:
        """What keeps the daemon from its work, by part; empty when ready."""
        reasons = {name: "broke off" for name, task in self._tasks.items() if task.done()}
        if self.stopping.is_set():
            reasons["daemon"] = "stopping"
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

    def _busy(self) -> bool:
        return self.intake.waiting > 0

    async def _metrics(self) -> bytes:
        mails = await self.store.mail_counts()
        return self.figures.text(waiting=self.intake.waiting, mails=mails, ready=not await self.wrong())

    async def _upkeep(self) -> None:
        while True:
            await asyncio.sleep(_UPKEEP)
            try:
                while await self.store.expire_windows(now()):  # noqa: ASYNC110  # rounds, not waiting for a change
                    await asyncio.sleep(0.05)
            except SentinelError as error:
                _log.error("upkeep failed, trying again: %s", error)

    async def _watchdog(self, interval: float) -> None:
        """Tell systemd that the loop turns and the store takes writes; silence lets it start us anew."""
        while True:
            if not await self.wrong():
                notify.watchdog()
            await asyncio.sleep(interval)


def serve(config: Config, started: Callable[["Daemon"], None] | None = None) -> None:
    """Run a daemon in this process until it is told to stop."""

    # The state is made of many small objects without cycles: scanning them all again and again costs a quarter of the
    # time and finds nothing.
    gc.set_threshold(50_000, 20, 100)
    # The writer thread wants the interpreter's lock a dozen times a batch; at the default of five milliseconds it would
    # wait longer for it than for the disk.
    sys.setswitchinterval(0.0005)

    async def main() -> None:
        daemon = Daemon(config, courier=True)
        asyncio.get_running_loop().set_exception_handler(_report)
        if started is not None:
            started(daemon)
        await daemon.run()

    asyncio.run(main())


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    _log.error("%s", context.get("message"), exc_info=error if isinstance(error, BaseException) else None)
