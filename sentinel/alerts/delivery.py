"""The delivery loop: leases due mails, writes them, hands them over, marks what became of them."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from hashlib import sha256
from typing import Final, Protocol

from sentinel.alerts.address import AddressError, SenderError
from sentinel.alerts.compose import Identity, compose
from sentinel.alerts.outbox import Outbox, OutboxItem
from sentinel.alerts.smtp import Result
from sentinel.errors import SentinelError
from sentinel.events.alert import OPERATOR_KINDS, Notice
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import HOUR, SECOND
from sentinel.events.sighting import Attributes

_log: Final = logging.getLogger("sentinel.alerts")

#: First wait and longest wait between two tries, in seconds. RFC 5321 section 4.5.4.1 asks for 30 minutes
#: at least, but of relays; this is a submission to the operator's own server, which is usually back within
#: minutes.
FIRST_WAIT: Final = 60
LONGEST_WAIT: Final = 6 * 3600
#: Seconds between two mails while events wait to be judged: a caller waits for each of those.
BUSY_PAUSE: Final = 0.05
#: Half-delivered mails remembered; those that another worker finished would otherwise stay for ever.
_MAX_REACHED: Final = 10_000


class Sender(Protocol):
    """What delivery needs of a mailer (:class:`sentinel.alerts.smtp.Mailer`)."""

    @property
    def budget(self) -> float:
        """The longest one ``send`` may take, in seconds."""
        ...

    async def send(self, message: EmailMessage, recipient: str) -> Result:
        """Hand one mail over."""
        ...

    async def close(self) -> None:
        """Give the connection back."""
        ...


class ForOperators(Protocol):
    """Writes the mails of :data:`sentinel.events.alert.OPERATOR_KINDS`; raises as :func:`compose` does."""

    async def __call__(self, notice: Notice, identity: Identity, *, recipient: str, now: int) -> EmailMessage:
        """The mail to one operator."""
        ...


@dataclass(slots=True)
class Counters:
    """Mails since the start, by what became of them; ``retried`` counts tries."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    unaddressed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """``worker`` names this process among those on the same outbox. ``retry_hours`` is how long a mail is
    tried (RFC 5321 section 4.5.4.1: 4 to 5 days for relays; an alert three days old helps nobody).
    ``batch`` is how many mails are held at once, ``poll_seconds`` how often to look when nobody wakes the
    loop."""

    worker: str
    operators: tuple[str, ...] = ()
    retry_hours: int = 72
    first_wait: int = FIRST_WAIT
    batch: int = 10
    poll_seconds: float = 15.0


@dataclass(slots=True)
class _Pass:
    """One lease of mails: how long it is good for, and whether the server turned out to be down."""

    now: int
    started: float
    down: str = ""


class Delivery:
    """Brings the outbox to the mail server.

    ``identity`` gives the sender for a tenant. ``elapsed`` is a clock that only moves forward, in seconds;
    it guards the lease. ``for_operators`` writes mails that are no alerts. ``busy`` says that events wait:
    mails, milliseconds of work each, then go slower.
    Several deliveries may work on one outbox: who holds the lease sends, and stops in time.
    """

    def __init__(
        self,
        outbox: Outbox,
        mailer: Sender,
        identity: Callable[[str], Identity],
        settings: DeliverySettings,
        *,
        for_operators: ForOperators | None = None,
        elapsed: Callable[[], float] = time.monotonic,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self.counters = Counters()
        self._outbox = outbox
        self._mailer = mailer
        self._identity = identity
        self._settings = settings
        self._elapsed = elapsed
        self._busy = busy
        self._for_operators = for_operators
        # Recipients that have their mail already, of mails that are not finished: a mail to two addresses
        # where one has to wait, or one whose mark could not be written. Digests, because addresses are not
        # kept in memory.
        self._reached: dict[int, set[bytes]] = {}

    @property
    def lease_seconds(self) -> int:
        """How long a batch is held: the longest a mail to two recipients can take, twice, and at least 5
        minutes."""
        recipients = max(2, len(self._settings.operators))
        return max(300, int(self._mailer.budget * recipients * 2) + 1)

    async def run(self, stop: asyncio.Event, wake: asyncio.Event, clock: Callable[[], int]) -> None:
        """Deliver until ``stop``; ``wake`` says that something was put into the outbox. ``clock`` gives
        micros.

        A mail under way is finished first. Trouble with the store is logged and tried again.
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
                await _first(stop, wake, self._settings.poll_seconds)
        finally:
            await self._mailer.close()

    async def run_once(self, now: int) -> int:
        """Lease what is due at ``now`` (micros) and deal with it; returns how many mails were dealt with."""
        return await self._pass(now, None)

    async def _pass(self, now: int, stop: asyncio.Event | None) -> int:
        settings = self._settings
        work = _Pass(now, self._elapsed())
        items = await self._outbox.lease(
            worker=settings.worker, now=now, limit=settings.batch, seconds=self.lease_seconds
        )
        done = 0
        items = sorted(items, key=lambda item: -LEVEL_ORDER.get(item.notice.level, 0))
        for item in items:
            # What is not begun in time is left to whoever holds it next: better late than twice.
            left = self.lease_seconds - (self._elapsed() - work.started)
            if (stop is not None and stop.is_set()) or left < self.lease_seconds / 2:
                await self._give_back(items[done:], now)
                break
            if self._busy():
                await asyncio.sleep(BUSY_PAUSE)
            try:
                await self._deal_with(item, work)
            except SentinelError as error:
                _log.warning("alert %s (%s) not marked: %s", item.notice.id, item.notice.kind, error)
            except Exception:
                _log.exception("alert %s (%s) broke off", item.notice.id, item.notice.kind)
            done += 1
        return done

    async def _give_back(self, items: Sequence[OutboxItem], now: int) -> None:
        """Leased but not begun: whoever comes next need not wait for the lease to run out."""
        for item in items:
            try:
                await self._outbox.retry(item.id, worker=self._settings.worker, at=now, reason="")
            except SentinelError as error:
                _log.warning("alert %s (%s) not given back: %s", item.notice.id, item.notice.kind, error)

    async def _deal_with(self, item: OutboxItem, work: _Pass) -> None:
        notice, worker, now = item.notice, self._settings.worker, work.now
        if not await self._outbox.holds(item.id, worker=worker):
            # Restricted or erased since it was leased: nobody is written to about such an account.
            return
        attributes: Attributes | None = None
        recipients: tuple[str, ...] = self._settings.operators
        if notice.kind in OPERATOR_KINDS:
            pass  # though one of them belongs to an account: it is erased and held back with it
        elif notice.addressed is not None:
            attributes = notice.addressed
            recipients = _recipients(attributes, now=now)
        elif notice.account is not None:
            attributes = await self._outbox.attributes(notice.tenant, notice.account)
            recipients = _recipients(attributes, now=now)
        if not recipients:
            await self._outbox.unaddressed(item.id, worker=worker, now=now)
            self.counters.unaddressed += 1
            _log.info("alert %s (%s) has no address to go to", notice.id, notice.kind)
            return
        waiting, refused = await self._send_all(item, attributes, recipients, work)
        if waiting:
            await self._again(item, waiting, now)
        elif item.id in self._reached:
            await self._outbox.sent(item.id, worker=worker, now=now)
            self.counters.sent += 1
            _log.info("alert %s (%s) sent", notice.id, notice.kind)
        else:
            await self._fail(item, refused, now)
        # Only now: were the mark not written, the mail would come again and must not be sent again.
        if not waiting:
            self._reached.pop(item.id, None)

    async def _send_all(
        self, item: OutboxItem, attributes: Attributes | None, recipients: tuple[str, ...], work: _Pass
    ) -> tuple[str, str]:
        """Send to everybody who has no mail yet. Returns why somebody has to wait and why somebody never
        gets it."""
        waiting = refused = ""
        for recipient in recipients:
            digest = sha256(recipient.casefold().encode()).digest()
            if digest in self._reached.get(item.id, ()):
                continue
            if work.down:
                waiting = work.down
                continue
            result = await self._send(item, attributes, recipient, work.now)
            if result.status == "sent":
                self._reached.setdefault(item.id, set()).add(digest)
                if len(self._reached) > _MAX_REACHED:
                    self._reached.pop(next(iter(self._reached)))
            elif result.status == "temporary":
                waiting = result.reason
                work.down = result.reason if result.server else ""
            else:
                refused = result.reason
                notice = item.notice
                _log.warning("alert %s (%s) refused for one recipient: %s", notice.id, notice.kind, refused)
        return waiting, refused

    async def _send(self, item: OutboxItem, attributes: Attributes | None, recipient: str, now: int) -> Result:
        notice = item.notice
        try:
            identity = self._identity(notice.tenant)
            if notice.kind in OPERATOR_KINDS and self._for_operators is not None:
                message = await self._for_operators(notice, identity, recipient=recipient, now=now)
            else:
                message = compose(notice, attributes, identity, recipient=recipient, now=now)
        except AddressError as error:
            return Result("permanent", str(error))
        except SenderError as error:
            return Result("temporary", str(error))
        except Exception as error:
            # One mail that cannot be written must not hold up the others; the type is all that is safe to
            # keep.
            text = str(error) if isinstance(error, SentinelError) else type(error).__name__
            return Result("permanent", f"the mail could not be written: {text}")
        try:
            return await self._mailer.send(message, recipient)
        except Exception as error:
            return Result("temporary", f"the mail could not be handed over: {type(error).__name__}")

    async def _again(self, item: OutboxItem, reason: str, now: int) -> None:
        last = (item.first_try or now) + self._settings.retry_hours * HOUR
        if now >= last:
            await self._fail(item, f"given up after {self._settings.retry_hours} h: {reason}", now)
            self._reached.pop(item.id, None)
            return
        pause = wait(item.notice.id, item.attempts, self._settings.first_wait)
        at = min(now + pause * SECOND, last)
        await self._outbox.retry(item.id, worker=self._settings.worker, at=at, reason=reason)
        self.counters.retried += 1
        _log.warning("alert %s (%s) has to wait: %s", item.notice.id, item.notice.kind, reason)

    async def _fail(self, item: OutboxItem, reason: str, now: int) -> None:
        await self._outbox.failed(item.id, worker=self._settings.worker, now=now, reason=reason)
        self.counters.failed += 1
        _log.error("alert %s (%s) will not be sent: %s", item.notice.id, item.notice.kind, reason)


def wait(alert: str, attempts: int, first: int = FIRST_WAIT) -> int:
    """Seconds until the next try: doubling from 60 s to 6 h, spread by a quarter either way.

    The spread comes from the alert's id, so that mails which failed together do not come back together, and
    a test knows the outcome.
    """
    seconds = min(first << min(attempts, 20), LONGEST_WAIT)
    spread = sha256(f"{alert}\x1f{attempts}".encode()).digest()[0] / 255 - 0.5
    return min(int(seconds * (1 + spread / 2)), LONGEST_WAIT)


def _recipients(attributes: Attributes | None, *, now: int) -> tuple[str, ...]:
    if attributes is None:
        return ()
    found = [attributes.email] if attributes.email else []
    previous = attributes.previous_email
    if previous and attributes.previous_until > now:
        found += [previous] if [previous.casefold()] != [address.casefold() for address in found] else []
    return tuple(found)


async def _first(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (stop, wake)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
