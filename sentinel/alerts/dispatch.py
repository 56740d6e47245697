"""One mail of the outbox: to whom, whether now, written, handed over, and marked with what became of it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from hashlib import sha256
from typing import Final, Protocol

import msgspec

from sentinel.alerts.address import AddressError, SenderError
from sentinel.alerts.compose import Identity, compose
from sentinel.alerts.outbox import Outbox, OutboxItem
from sentinel.alerts.rates import Rates
from sentinel.alerts.recipients import Reach, is_urgent, quiet_until, recipients
from sentinel.alerts.sender import Sender
from sentinel.alerts.smtp import Result
from sentinel.errors import SentinelError
from sentinel.events.alert import OPERATOR_KINDS, REPORT, Notice
from sentinel.events.clock import DAY, HOUR, SECOND
from sentinel.events.sighting import Attributes
from sentinel.privacy.answer_token import Role

_log: Final = logging.getLogger("sentinel.alerts")

#: First wait and longest wait between two tries, in seconds. RFC 5321 section 4.5.4.1 asks for 30 minutes
#: at least, but of relays; this is a submission to the operator's own server, which is usually back within
#: minutes.
FIRST_WAIT: Final = 60
LONGEST_WAIT: Final = 6 * 3600
#: For how long an address that was refused for good gets nothing but what is urgent (micros). Mailboxes come back.
REFUSED_SPAN: Final = 30 * DAY
REFUSED_BEFORE: Final = "the mail server refused the address for good; the mail waits for another one"
#: Half-delivered mails remembered; those that another worker finished would otherwise stay for ever.
_MAX_REACHED: Final = 10_000


@dataclass(slots=True)
class Counters:
    """Mails since the start, by what became of them; ``retried`` counts tries, ``postponed`` waits that are none."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    unaddressed: int = 0
    postponed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """``worker`` names this process among those on the same outbox. ``retry_hours`` is how long a mail is
    tried (RFC 5321 section 4.5.4.1: 4 to 5 days for relays; an alert three days old helps nobody).
    ``batch`` is how many mails are held at once, ``poll_seconds`` how often to look when nobody wakes the
    loop, ``flood`` how many mails that are not critical may wait before they are folded. Where a tenant has operators
    or a limit of its own, they stand in ``tenant_operators`` and ``tenant_floods``."""

    worker: str
    operators: tuple[str, ...] = ()
    retry_hours: int = 72
    first_wait: int = FIRST_WAIT
    batch: int = 10
    poll_seconds: float = 15.0
    flood: int = 500
    tenant_operators: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tenant_floods: Mapping[str, int] = field(default_factory=dict)

    def operators_of(self, notice: Notice) -> tuple[str, ...]:
        """Who hears of it: a tenant's own operators of what is that tenant's. The report is of all tenants, so no
        tenant's operators get it."""
        return self.operators if notice.kind == REPORT else self.tenant_operators.get(notice.tenant, self.operators)

    def flood_of(self, tenant: str) -> int:
        """How many mails of a tenant may wait."""
        return self.tenant_floods.get(tenant, self.flood)

    @property
    def most_operators(self) -> int:
        """How many a mail goes to at most."""
        return max(len(self.operators), *map(len, self.tenant_operators.values()), 0)


@dataclass(slots=True)
class Round:
    """One lease of mails: when it began, and whether the server turned out to be down."""

    now: int
    started: float
    down: str = ""


class ForOperators(Protocol):
    """Writes the mails of :data:`sentinel.events.alert.OPERATOR_KINDS`; raises as :func:`compose` does."""

    async def __call__(self, notice: Notice, identity: Identity, *, recipient: str, now: int) -> EmailMessage:
        """The mail to one operator."""
        ...


class _Outcome(msgspec.Struct):
    """Of the recipients of one mail: why somebody waits, why somebody never gets it, from when on somebody may."""

    waiting: str = ""
    refused: str = ""
    later: int = 0


class Dispatch:
    """Deals with mails one by one; several may be under way at once."""

    def __init__(
        self,
        outbox: Outbox,
        mailer: Sender,
        identity: Callable[[str], Identity],
        reach: Callable[[str], Reach],
        settings: DeliverySettings,
        rates: Rates,
        answer_url: Callable[[Notice, Role], str | None] = lambda notice, role: None,
        for_operators: ForOperators | None = None,
    ) -> None:
        self.counters = Counters()
        self._outbox = outbox
        self._mailer = mailer
        self._identity = identity
        self._reach = reach
        self._settings = settings
        self._rates = rates
        self._answer_url = answer_url
        self._for_operators = for_operators
        # Recipients that have their mail already, of mails that are not finished: a mail to two addresses
        # where one has to wait, or one whose mark could not be written. Digests, because addresses are not
        # kept in memory.
        self._reached: dict[int, set[bytes]] = {}

    async def deal_with(self, item: OutboxItem, work: Round) -> None:
        """Send the mail, or mark it as what else it is. Raises what the store raises."""
        notice, worker, now = item.notice, self._settings.worker, work.now
        if not await self._outbox.holds(item.id, worker=worker):
            # Restricted or erased since it was leased: nobody is written to about such an account.
            return
        attributes: Attributes | None = None
        people, why = self._settings.operators_of(notice), "nobody is set in alerts.operators"
        # One of those that operators get belongs to an account: it is erased and held back with it.
        if notice.kind not in OPERATOR_KINDS and (notice.addressed is not None or notice.account is not None):
            reach = self._reach(notice.tenant)
            attributes = notice.addressed
            if attributes is None and notice.account is not None:
                attributes = await self._outbox.attributes(notice.tenant, notice.account)
            people, why = recipients(attributes, reach, now=now)
            zone = attributes.timezone if attributes is not None else None
            morning = None if is_urgent(notice) else quiet_until(reach.quiet, zone, now)
            if people and morning is not None:
                await self._postpone(item, morning, "quiet hours")
                return
        if not people:
            await self._outbox.unaddressed(item.id, worker=worker, now=now, reason=why)
            self.counters.unaddressed += 1
            _log.info("alert %s (%s) goes to nobody: %s", notice.id, notice.kind, why)
            return
        outcome = await self._send_all(item, attributes, people, work)
        if outcome.waiting:
            await self._again(item, outcome.waiting, now)
        elif outcome.later:
            await self._postpone(item, outcome.later, "rate limit")
        elif item.id in self._reached:
            await self._outbox.sent(item.id, worker=worker, now=now)
            self.counters.sent += 1
            _log.info("alert %s (%s) sent", notice.id, notice.kind)
        else:
            await self._fail(item, outcome.refused, now)
        # Only now: were the mark not written, the mail would come again and must not be sent again.
        if not outcome.waiting and not outcome.later:
            self._reached.pop(item.id, None)

    async def _send_all(
        self, item: OutboxItem, attributes: Attributes | None, people: tuple[str, ...], work: Round
    ) -> _Outcome:
        """Send to everybody who has no mail yet."""
        outcome, urgent, refused = _Outcome(), is_urgent(item.notice), False
        for recipient in people:
            digest = sha256(recipient.casefold().encode()).digest()
            if digest in self._reached.get(item.id, ()):
                continue
            if work.down:
                outcome.waiting = work.down
                continue
            if not urgent and await self._is_refused(item, recipient, work.now):
                refused = True
                continue
            at = self._rates.take(recipient, work.now, urgent=urgent)
            if at is not None:
                outcome.later = max(outcome.later, at)
                continue
            result = await self._send(item, attributes, recipient, work.now)
            if result.status == "sent":
                self._reached.setdefault(item.id, set()).add(digest)
                if len(self._reached) > _MAX_REACHED:
                    self._reached.pop(next(iter(self._reached)))
            elif result.status == "temporary":
                outcome.waiting = result.reason
                work.down = result.reason if result.server else work.down
            else:
                outcome.refused = result.reason
                await self._note_refusal(item, recipient, result)
        if refused and not outcome.waiting and not outcome.later and item.id not in self._reached:
            outcome.waiting = REFUSED_BEFORE
        return outcome

    async def _is_refused(self, item: OutboxItem, recipient: str, now: int) -> bool:
        account = item.notice.account
        return account is not None and await self._outbox.is_refused(account, recipient, since=now - REFUSED_SPAN)

    async def _note_refusal(self, item: OutboxItem, recipient: str, result: Result) -> None:
        notice = item.notice
        _log.warning("alert %s (%s) refused for one recipient: %s", notice.id, notice.kind, result.reason)
        if result.refused and notice.account is not None and notice.kind not in OPERATOR_KINDS:
            await self._outbox.refused(item.id, recipient, worker=self._settings.worker)

    async def _send(self, item: OutboxItem, attributes: Attributes | None, recipient: str, now: int) -> Result:
        notice = item.notice
        try:
            identity = self._identity(notice.tenant)
            if notice.kind in OPERATOR_KINDS and self._for_operators is not None:
                message = await self._for_operators(notice, identity, recipient=recipient, now=now)
            else:
                page = self._answer_url(notice, _role(attributes, recipient))
                message = compose(notice, attributes, identity, recipient=recipient, now=now, answer_url=page)
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

    async def _postpone(self, item: OutboxItem, at: int, reason: str) -> None:
        await self._outbox.postpone(item.id, worker=self._settings.worker, at=at, reason=reason)
        self.counters.postponed += 1
        _log.debug("alert %s (%s) waits: %s", item.notice.id, item.notice.kind, reason)

    async def _fail(self, item: OutboxItem, reason: str, now: int) -> None:
        await self._outbox.failed(item.id, worker=self._settings.worker, now=now, reason=reason)
        self.counters.failed += 1
        _log.error("alert %s (%s) will not be sent: %s", item.notice.id, item.notice.kind, reason)


def _role(attributes: Attributes | None, recipient: str) -> Role:
    """Whether an address is one of the account's, or one that it had before."""
    if attributes is None or recipient in (attributes.email, attributes.contact_email):
        return "current"
    return "former"


def wait(alert: str, attempts: int, first: int = FIRST_WAIT) -> int:
    """Seconds until the next try: doubling from 60 s to 6 h, spread by a quarter either way.

    The spread comes from the alert's id, so that mails which failed together do not come back together, and
    a test knows the outcome.
    """
    seconds = min(first << min(attempts, 20), LONGEST_WAIT)
    spread = sha256(f"{alert}\x1f{attempts}".encode()).digest()[0] / 255 - 0.5
    return min(int(seconds * (1 + spread / 2)), LONGEST_WAIT)
