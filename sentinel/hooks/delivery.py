"""Brings the outbox of hooks to its targets: each has a loop of its own, so that a slow one delays no other."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from sentinel.errors import SentinelError
from sentinel.events.clock import SECOND
from sentinel.hooks.schedule import retry_after, wait
from sentinel.hooks.targets import Result, Target
from sentinel.store.hooks import Disabled, Hook
from sentinel.store.protocol import Store

_log: Final = logging.getLogger("sentinel.hooks")

#: Posts to one target at a time.
CONCURRENT: Final = 8
#: Seconds between two looks when nobody wakes the loop.
POLL: Final = 15.0
#: Seconds beyond a target's time-out that a lease lasts: reading, marking.
_MARGIN: Final = 60


class HookDelivery:
    """See the module. ``worker`` names this process among those on the same outbox."""

    def __init__(self, store: Store, targets: Sequence[Target], *, worker: str) -> None:
        self._store, self._targets, self._worker = store, targets, worker
        self._wakes = [asyncio.Event() for _ in targets]
        self._paused: dict[str, int] = {}  #: target → until when it asked to be left alone (micros)
        self._failing: set[str] = set()

    def wake(self) -> None:
        """Something was put into the outbox."""
        for each in self._wakes:
            each.set()

    async def run(self, stop: asyncio.Event, clock: Callable[[], int]) -> None:
        """Deliver until ``stop``; what is under way is finished first. ``clock`` gives micros."""
        loops = zip(self._targets, self._wakes, strict=True)
        try:
            await self._bury_strays(clock())
        except SentinelError as error:
            _log.warning("hooks: outbox not readable: %s", error)
        try:
            await asyncio.gather(*(self._loop(target, woken, stop, clock) for target, woken in loops))
        finally:
            await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        for target in self._targets:
            await target.poster.close()

    async def run_once(self, now: int) -> int:
        """Deliver what is due at ``now`` (micros), once to each target; returns how many were dealt with."""
        await self._bury_strays(now)
        return sum(await asyncio.gather(*(self._pass(target, lambda: now) for target in self._targets)))

    async def _loop(self, target: Target, woken: asyncio.Event, stop: asyncio.Event, clock: Callable[[], int]) -> None:
        while not stop.is_set():
            woken.clear()
            try:
                if await self._pass(target, clock):
                    continue
            except SentinelError as error:
                _log.warning("hook %s: outbox not readable, trying again: %s", target.name, error)
            except Exception:
                _log.exception("hook %s: delivery broke off, trying again", target.name)
            await _first((stop, woken), POLL)

    async def _bury_strays(self, now: int) -> None:
        """What waits for a target that is not configured any more would wait for ever. At the beginning only: what
        comes in later is for targets that somebody knows."""
        for name in await self._store.hook_targets() - {target.name for target in self._targets}:
            await self._store.bury_hooks(name, now=now, reason="no such hook is configured")

    async def _pass(self, target: Target, clock: Callable[[], int]) -> int:
        now = clock()
        if await self._is_disabled(target, now) or self._paused.get(target.name, 0) > now:
            return 0
        seconds = int(target.poster.timeout) + _MARGIN
        hooks = await self._store.lease_hooks(
            target.name, worker=self._worker, now=now, limit=CONCURRENT, seconds=seconds
        )
        await asyncio.gather(*(self._deliver(target, hook, clock) for hook in hooks))
        return len(hooks)

    async def _is_disabled(self, target: Target, now: int) -> bool:
        """Whether the target said that it is gone, and was not changed since; what waits for it is given up then."""
        for disabled in await self._store.disabled_hooks():
            if disabled.target == target.name and disabled.digest == target.digest:
                await self._store.bury_hooks(target.name, now=now, reason=disabled.reason)
                return True
            if disabled.target == target.name:
                await self._store.enable_hook(target.name)
        return False

    async def _deliver(self, target: Target, hook: Hook, clock: Callable[[], int]) -> None:
        now = clock()
        try:
            result = await target.send(hook, now)
        except Exception as error:
            # One that cannot be written must not hold up the others; the type is all that is safe to keep.
            text = str(error) if isinstance(error, SentinelError) else type(error).__name__
            result = Result(status="again", reason=f"it could not be sent: {text}")
        try:
            await self._mark(target, hook, result, clock())
        except SentinelError as error:
            _log.warning("hook %s: not marked: %s", target.name, error)

    async def _mark(self, target: Target, hook: Hook, result: Result, now: int) -> None:
        store, worker = self._store, self._worker
        self._tell(target.name, result)
        if result.status == "delivered":
            await store.settle_hook(hook.id, worker=worker, now=now, state="delivered")
            return
        if result.status == "gone":
            gone = Disabled(target=target.name, digest=target.digest, since=now, reason=result.reason)
            await store.disable_hook(gone)
            await store.settle_hook(hook.id, worker=worker, now=now, state="dead", reason=result.reason)
            await store.bury_hooks(target.name, now=now, reason=result.reason)
            return
        seconds = wait(hook.name, hook.attempts) if result.status == "again" else None
        if seconds is None:
            await store.settle_hook(hook.id, worker=worker, now=now, state="dead", reason=result.reason)
            return
        reply = result.reply
        if reply is not None and reply.status in (429, 503) and (asked := retry_after(reply.retry_after, now)):
            self._paused[target.name] = now + asked * SECOND
            seconds = max(seconds, asked)
        await store.retry_hook(hook.id, worker=worker, at=now + seconds * SECOND, reason=result.reason)

    def _tell(self, name: str, result: Result) -> None:
        """Log when a target begins to fail, and when it is well again; not each of a thousand tries."""
        if result.status == "delivered" and name in self._failing:
            self._failing.discard(name)
            _log.info("hook %s takes events again", name, extra={"event.action": "hook"})
        elif result.status != "delivered" and name not in self._failing:
            self._failing.add(name)
            _log.warning("hook %s: %s", name, result.reason, extra={"event.action": "hook"})


async def _first(events: Sequence[asyncio.Event], seconds: float) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
