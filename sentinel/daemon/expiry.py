"""One run of expiry: keys first, then rows, then what accounts remember, then the space, in steps that keep nobody
waiting."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from sentinel.daemon.forgetting import Alone, Forgetting
from sentinel.daemon.pace import Pace
from sentinel.events.clock import DAY, utc_day
from sentinel.privacy.retention import HOOK_DAYS, MAIL_DAYS, Due
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store

#: Files of their own that drop what is old by themselves, by name: given the time (micros), they say how much they did.
Others = Mapping[str, Callable[[int], int]]


class Expired(msgspec.Struct, kw_only=True):
    """What a run did: keys of days destroyed, rows cleared or deleted, accounts changed or gone, pages given back."""

    raw_keys: int = 0
    record_keys: int = 0
    raw: int = 0
    records: int = 0
    alerts: int = 0
    mails: int = 0
    hooks: int = 0
    verdicts: int = 0
    windows: int = 0
    profiles: int = 0
    attributes: int = 0
    accounts: int = 0
    audit: int = 0
    erasures: int = 0
    standings: int = 0
    backups: int = 0
    models: int = 0
    pages: int = 0


class Expiry:
    """Runs over one store. ``alone`` does something while nothing is judged, ``rest`` is the least time between steps
    in seconds; without one nobody else is there to be kept waiting."""

    def __init__(self, store: Store, vault: Vault, alone: Alone, others: Others, *, rest: float = 0.002) -> None:
        self._store, self._vault, self._alone, self._others, self._rest = store, vault, alone, others, rest

    async def keys(self, due: Due, done: Expired) -> None:
        """Destroy the keys of days that are due: from then on nobody can read what they sealed, wherever it lies."""

        async def work() -> asyncio.Task[tuple[int, int]]:
            destroying = self._vault.destroy_days(raw_through=due.raw_through, records_through=due.records_through)
            task = asyncio.ensure_future(destroying)
            # They are gone from memory when it has begun; nobody needs to wait for the disk.
            await asyncio.sleep(0)
            return task

        raw, records = await (await self._alone(work))
        done.raw_keys += raw
        done.record_keys += records

    async def rows(self, due: Due, done: Expired) -> None:
        """Clear what those keys had sealed, and give its space back."""
        store = self._store
        done.raw += await self._steps(lambda limit: store.expire_raw(due.raw_through, limit=limit))
        done.records += await self._steps(lambda limit: store.expire_records(due.records_through, limit=limit))

    async def rest_of_it(self, due: Due, now: int, created: int, done: Expired) -> None:
        """All else that has a term. ``created`` is the number of the last account made before the term of records."""
        store = self._store
        done.alerts += await self._steps(lambda limit: store.expire_alerts(due.records_through, limit=limit))
        done.mails += await self._steps(lambda limit: store.expire_mails(now - MAIL_DAYS * DAY, limit=limit))
        done.hooks += await self._steps(lambda limit: store.expire_hooks(utc_day(now) - HOOK_DAYS, limit=limit))
        done.verdicts += await self._steps(lambda limit: store.expire_verdicts(now - DAY, limit=limit))
        while dropped := await store.expire_windows(now):
            done.windows += dropped
            await asyncio.sleep(self._rest)
        walk = Forgetting(
            store, self._vault, self._alone, before=due.before, now=now, created=created, pace=Pace(self._rest)
        )
        forgot = await walk.run()
        done.profiles += forgot.profiles
        done.attributes += forgot.attributes
        done.accounts += forgot.accounts
        for name, drop in self._others.items():
            setattr(done, name, getattr(done, name) + await asyncio.to_thread(drop, now))

    async def space(self, done: Expired) -> None:
        """Give free pages back, and begin the log anew."""
        done.pages += await self._steps(lambda limit: self._store.reclaim(limit=limit))
        await self._store.scrub()

    async def _steps(self, step: Callable[[int], Awaitable[int]]) -> int:
        return await Pace(self._rest).all(step)
