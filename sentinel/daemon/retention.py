"""Retention in the daemon: what is due goes every day and at the next chance, by a clock that is believed."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

import msgspec

from sentinel.daemon.expiry import Expired, Expiry
from sentinel.daemon.kept import Answer, open_order, put_answer, read_mark, write_mark
from sentinel.errors import Overloaded, SentinelError
from sentinel.events.clock import DAY, HOUR, MINUTE, to_text
from sentinel.privacy.retention import KEEP_DAYS, Due, due, ending_day, overdue_through
from sentinel.privacy.sure_clock import SureClock
from sentinel.privacy.vault import Vault

_log: Final = logging.getLogger("sentinel.retention")
#: Between two looks at what is due, and at whether somebody ordered a run, in seconds.
_ROUND: Final = 60.0
_LOOK: Final = 1.0
#: How often what has surely passed is written down (micros).
_STAMP: Final = HOUR


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How retention stands. ``error`` and ``warning`` are empty when all is well; ``raw_age`` is the age of the oldest
    raw value that can still be read, counted from the beginning of its day (micros; null: there is none)."""

    error: str = ""
    warning: str = ""
    overdue: bool = False
    doubted: bool = False
    raw_age: int | None = None
    ran: int = 0


def ticks() -> int:
    """A clock that nobody sets (micros); on Linux it goes on while the machine sleeps."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


def is_overdue(vault: Vault, now: int, raw_days: int) -> bool:
    """Whether something can still be read that had to be gone."""
    raw, records = overdue_through(now, raw_days), overdue_through(now, KEEP_DAYS)
    return _has_keys(vault, Due(raw_through=raw, records_through=records))


def oldest_raw(vault: Vault) -> int | None:
    """The oldest UTC day whose raw values can be read."""
    return min((day for day, keys in vault.days.items() if keys.raw is not None), default=None)


def _has_keys(vault: Vault, wanted: Due) -> bool:
    return any(
        day <= wanted.records_through or (keys.raw is not None and day <= wanted.raw_through)
        for day, keys in vault.days.items()
    )


class Retention:
    """See the module. ``raw_days`` gives the setting in force, ``log`` writes a run into the audit log before it does
    anything, ``clock`` and ``ticks`` are read in micros."""

    def __init__(
        self,
        expiry: Expiry,
        vault: Vault,
        *,
        raw_days: Callable[[], int],
        log: Callable[[int, str], None],
        clock: Callable[[], int],
        ticks: Callable[[], int] = ticks,
    ) -> None:
        self._expiry, self._vault, self._raw_days, self._log = expiry, vault, raw_days, log
        self._clock, self._ticks = clock, ticks
        self._mark = read_mark(vault.keyring)
        self._sure = SureClock(self._first_sure(), clock(), ticks())
        self._turn = asyncio.Lock()
        self._failed = ""
        self._late = False  #: what had to be gone was not, after the last round
        self._told = ""
        self.total = Expired()  #: since the start
        if self._sure.believes(now := clock(), ticks()):
            # Events may come before the first round.
            vault.keep_no_raw(due(now, raw_days()).raw_through)

    def _first_sure(self) -> int:
        """What has surely passed: as kept; else the newest day of which there are keys; else nothing is known, and
        there is nothing to lose."""
        if self._mark.sure:
            return self._mark.sure
        now = self._clock()
        return min(max(self._vault.days) * DAY, now) if self._vault.days else now

    def witness(self, event: int) -> None:
        """An event was accepted over HTTP, of this time by its sender (micros)."""
        self._sure.witness(event, self._clock(), self._ticks())

    async def run(self) -> None:
        """Round after round, for as long as the daemon runs."""
        version = 0
        while True:
            await self.round()
            for _ in range(round(_ROUND / _LOOK)):
                await asyncio.sleep(_LOOK)
                if (seen := self._vault.keyring.version()) != version:
                    version = seen
                    await self.obey()

    async def round(self) -> None:
        """Whatever is due now goes; errors are logged and told (:meth:`standing`)."""
        async with self._turn:
            await self._round()

    async def _round(self) -> None:
        now, at = self._clock(), self._ticks()
        if not self._sure.believes(now, at):
            self._tell(self._sure.doubt(now, at)[0])
            return
        self._tell("")
        try:
            await self._expire(now, Expired(), whole=ending_day(now) != self._mark.day)
            if abs(self._sure.sure(at) - self._mark.sure) >= _STAMP:
                await self._keep()
        except Overloaded:
            return  # the daemon is stopping; the next one goes on
        except SentinelError as error:
            self._failed = str(error)
            _log.error("retention failed, trying again: %s", error, extra={"event.action": "retention"})
        else:
            self._failed = ""
        self._late = is_overdue(self._vault, self._clock(), self._raw_days())

    async def obey(self) -> None:
        """Carry out what a command ordered."""
        async with self._turn:
            await self._obey()

    async def _obey(self) -> None:
        order = open_order(self._vault.keyring)
        if order is None:
            return
        now, done, error = self._clock(), Expired(), ""
        if abs(order.time - now) > MINUTE:
            # Of a daemon that was not there then; or the clock was set since.
            error = f"the order is of {to_text(order.time)} and not of now; nothing was done"
        else:
            self._sure.confirm(now, self._ticks())
            try:
                await self._expire(max(now, min(order.through, latest(now))), done, whole=True)
            except SentinelError as failure:
                error = str(failure)
            self._late = is_overdue(self._vault, self._clock(), self._raw_days())
        answer = Answer(order.id, done, error)
        await self._vault.run(lambda: put_answer(self._vault.keyring, answer))

    async def _expire(self, now: int, done: Expired, *, whole: bool) -> None:
        wanted = due(now, self._raw_days())
        before = msgspec.structs.astuple(done)
        try:
            if whole or _has_keys(self._vault, wanted):
                await asyncio.to_thread(self._log, self._clock(), purpose(wanted))
                await self._expiry.keys(wanted, done)
                await self._expiry.rows(wanted, done)
            if whole:
                await self._expiry.rest_of_it(wanted, now, self._mark.created_by(wanted.before), done)
                await self._expiry.space(done)
                self._mark.note_number(now, self._vault.keyring.last_number(), wanted.before)
                self._mark.day, self._mark.ran = ending_day(now), self._clock()
                await self._keep()
        finally:
            for name, was in zip(done.__struct_fields__, before, strict=True):
                setattr(self.total, name, getattr(self.total, name) + getattr(done, name) - was)

    async def _keep(self) -> None:
        self._mark.sure = self._sure.sure(self._ticks())
        await self._vault.run(lambda: write_mark(self._vault.keyring, self._mark))

    def _tell(self, doubt: str) -> None:
        """Log a doubt once, and when it is over."""
        if bool(doubt) != bool(self._told):
            _log.log(
                logging.WARNING if doubt else logging.INFO,
                "%s",
                doubt or "the clock is believed again: expiry goes on",
                extra={"event.action": "retention"},
            )
        self._told = doubt

    def standing(self) -> Standing:
        """How retention stands now."""
        now = self._clock()
        doubt, lasts = self._sure.doubt(now, self._ticks())
        oldest = oldest_raw(self._vault)
        late = "what had to be gone is still there" if self._late and not doubt else ""
        error = "; ".join(text for text in (late, self._failed if late else "", doubt if lasts else "") if text)
        return Standing(
            error=error,
            warning="" if error else doubt or self._failed,
            overdue=bool(late) or lasts,
            doubted=bool(doubt),
            raw_age=now - oldest * DAY if oldest is not None else None,
            ran=self._mark.ran,
        )


def latest(now: int) -> int:
    """Up to which moment a run may go ahead of the clock: the end of its day, since what goes then has its day."""
    return now // DAY * DAY + DAY - 1


def purpose(wanted: Due) -> str:
    """What a run does, for the audit log."""
    raw, records = (to_text(day * DAY)[:10] for day in (wanted.raw_through, wanted.records_through))
    return f"raw values through {raw}, records through {records}"
