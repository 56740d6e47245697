"""The delivery loop: leases due mails and has them dealt with, several at once, the most urgent first."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from sentinel.alerts.compose import Identity
from sentinel.alerts.dispatch import Counters, DeliverySettings, Dispatch, ForOperators, Round
from sentinel.alerts.outbox import Outbox, OutboxItem
from sentinel.alerts.rates import Rates
from sentinel.alerts.recipients import Reach
from sentinel.alerts.sender import Sender
from sentinel.errors import SentinelError
from sentinel.events.alert import Notice
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import SECOND
from sentinel.privacy.answer_token import Role

_log: Final = logging.getLogger("sentinel.alerts")

#: Seconds between two mails while events wait to be judged: a caller waits for each of those.
BUSY_PAUSE: Final = 0.05
#: How often it is asked whether there is a flood (micros).
_FLOOD_LOOK: Final = 5 * SECOND


class Delivery:
    """Brings the outbox to the mail server.

    ``identity`` gives the sender for a tenant, ``reach`` how its people are reached. ``answer_url`` gives the page that
    asks the person at an address whether it was them, ``for_operators`` writes mails that are no alerts. ``elapsed`` is
    a clock that only moves forward, in seconds; it guards the lease. ``busy`` says that events wait: then mails,
    milliseconds of work each, go slower. Several deliveries may work on one outbox: who holds the lease sends, and
    stops in time.
    """

    def __init__(
        self,
        outbox: Outbox,
        mailer: Sender,
        identity: Callable[[str], Identity],
        settings: DeliverySettings,
        *,
        reach: Callable[[str], Reach] = lambda tenant: Reach(),
        rates: Rates | None = None,
        for_operators: ForOperators | None = None,
        elapsed: Callable[[], float] = time.monotonic,
        busy: Callable[[], bool] = lambda: False,
        answer_url: Callable[[Notice, Role], str | None] = lambda notice, role: None,
    ) -> None:
        self._outbox = outbox
        self._mailer = mailer
        self._settings = settings
        self._rates = rates or Rates()
        self._elapsed = elapsed
        self._busy = busy
        self._dispatch = Dispatch(outbox, mailer, identity, reach, settings, self._rates, answer_url, for_operators)
        self._looked = 0

    @property
    def counters(self) -> Counters:
        """What became of mails since the start."""
        return self._dispatch.counters

    @property
    def lease_seconds(self) -> int:
        """How long a batch is held: the longest a mail to three recipients can take, twice, and at least 5
        minutes."""
        recipients = max(3, self._settings.most_operators)
        return max(300, int(self._mailer.budget * recipients * 2) + 1)

    async def run(self, stop: asyncio.Event, wake: asyncio.Event, clock: Callable[[], int]) -> None:
        """Deliver until ``stop``; ``wake`` says that something was put into the outbox. ``clock`` gives
        micros.

        Mails under way are finished first. Trouble with the store is logged and tried again.
        """
        try:
            while not stop.is_set():
                wake.clear()
                try:
                    if await self._pass(clock(), stop):
                        continue
                except SentinelError as error:
                    _log.warning("outbox not readable, trying again: %s", error)
                except Exception:
                    _log.exception("delivery pass broke off, trying again")
                await self._mailer.close()
                now = clock()
                full = (self._rates.free_at(now) - now) / SECOND
                seconds = self._settings.poll_seconds
                await _first(stop, wake, min(full, seconds) if full > 0 else seconds)
        finally:
            await self._mailer.close()

    async def run_once(self, now: int) -> int:
        """Lease what is due at ``now`` (micros) and deal with it; returns how many mails were dealt with."""
        return await self._pass(now, None)

    async def _pass(self, now: int, stop: asyncio.Event | None) -> int:
        settings = self._settings
        if not 0 <= now - self._looked < _FLOOD_LOOK:
            self._looked = now
            await self._outbox.fold_flood(settings.flood_of, now=now)
        limit = self._rates.room(now, settings.batch)
        if not limit:
            return 0
        work = Round(now, self._elapsed())
        items = await self._outbox.lease(worker=settings.worker, now=now, limit=limit, seconds=self.lease_seconds)
        todo = deque(sorted(items, key=lambda item: -LEVEL_ORDER.get(item.notice.level, 0)))
        await asyncio.gather(*(self._work(todo, work, stop) for _ in range(min(self._mailer.connections, len(todo)))))
        # What is not begun in time is left to whoever holds it next: better late than twice.
        await self._give_back(todo, now)
        return len(items) - len(todo)

    async def _work(self, todo: deque[OutboxItem], work: Round, stop: asyncio.Event | None) -> None:
        """Deal with one mail after the other, as long as there are any and the lease lasts."""
        while todo:
            left = self.lease_seconds - (self._elapsed() - work.started)
            if (stop is not None and stop.is_set()) or left < self.lease_seconds / 2:
                return
            item = todo.popleft()
            if self._busy():
                await asyncio.sleep(BUSY_PAUSE)
            try:
                await self._dispatch.deal_with(item, work)
            except SentinelError as error:
                _log.warning("alert %s (%s) not marked: %s", item.notice.id, item.notice.kind, error)
            except Exception:
                _log.exception("alert %s (%s) broke off", item.notice.id, item.notice.kind)

    async def _give_back(self, items: Sequence[OutboxItem], now: int) -> None:
        """Leased but not begun: whoever comes next need not wait for the lease to run out."""
        for item in items:
            try:
                await self._outbox.postpone(item.id, worker=self._settings.worker, at=now, reason="")
            except SentinelError as error:
                _log.warning("alert %s (%s) not given back: %s", item.notice.id, item.notice.kind, error)


async def _first(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (stop, wake)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
