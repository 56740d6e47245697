"""The part of the embedded store that lets things go."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from sentinel.privacy.retention import Due
from sentinel.store.aging import Expiring, Kept
from sentinel.store.sqlite import expiry, log, reading
from sentinel.store.sqlite.part import Part

#: Rows changed between two copies of the log, and its pages (8 MB) at which it is begun anew then.
_ROWS: Final = 100
_PAGES: Final = 2048


class SqliteAging(Part):
    """See :class:`sentinel.store.aging.Aging`; a base of :class:`sentinel.store.sqlite.store.SqliteStore`."""

    _stepped = 0

    async def expire_raw(self, through: int, *, limit: int) -> int:
        """See the protocol."""
        return await self._step(lambda db: expiry.raw(db, through, limit))

    async def expire_records(self, through: int, *, limit: int) -> int:
        """See the protocol."""
        return await self._step(lambda db: expiry.records(db, through, limit))

    async def expire_alerts(self, through: int, *, limit: int) -> int:
        """See the protocol."""
        found = await self._read(lambda db: expiry.old_alerts(db, through, limit))
        return await self._step(lambda db: expiry.alerts(db, found, through)) if found else 0

    async def expire_mails(self, before: int, *, limit: int) -> int:
        """See the protocol."""
        found = await self._read(lambda db: expiry.old_mails(db, before, limit))
        for id, alert, ref, sealed in await self._read(lambda db: expiry.oldest_pending(db, limit - len(found))):
            notice = self._rows.open_notice(alert, ref, sealed)
            if notice is not None and notice.time < before:
                found.append(id)
        return await self._step(lambda db: expiry.mails(db, found)) if found else 0

    async def expire_verdicts(self, before: int, *, limit: int) -> int:
        """See the protocol."""
        return await self._step(lambda db: expiry.verdicts(db, before, limit))

    async def expiring(self, due: Due, *, mails_before: int, links_before: int = 0) -> Expiring:
        """See the protocol."""
        return await self._read(lambda db: expiry.count(db, due, mails_before, links_before))

    async def kept(self, accounts: Sequence[str]) -> dict[str, Kept]:
        """See the protocol."""
        profiles = {self._rows.profile_row(account): account for account in accounts}
        attributes = {self._rows.attributes_row(account): account for account in accounts}
        rows = await self._read(
            lambda db: (expiry.sealed(db, "profile", profiles), expiry.sealed(db, "attributes", attributes))
        )
        found: dict[str, Kept] = {}
        for name, sealed in rows[0]:
            account = profiles[name]
            found.setdefault(account, Kept()).profile = self._rows.open_profile(account, sealed)
        for name, sealed in rows[1]:
            account = attributes[name]
            found.setdefault(account, Kept()).attributes = self._rows.open_attributes(account, sealed)
        return found

    async def has_past(self, account: str) -> bool:
        """See the protocol."""
        key = self._rows.vault.of(account)
        days = await self._read(reading.days)
        owners, alerts = [key.row(day) for day in days], key.row("alerts")
        return await self._read(lambda db: expiry.has_past(db, owners, alerts))

    async def drop_account(self, account: str) -> int:
        """See the protocol."""
        rows = self._rows.vault.of(account).rows
        gone = await self._write(lambda db: expiry.drop_account(db, rows))
        self._profiles.drop(account)
        return gone

    async def reclaim(self, *, limit: int) -> int:
        """See the protocol."""
        return await self._step(lambda db: expiry.reclaim(db, limit))

    async def _step(self, work: Callable[[sqlite3.Connection], int]) -> int:
        """Write, and begin the log anew when it is long: the longer the file, the longer it takes to cut it off."""
        rows = await self._write(work)
        self._stepped += rows
        if self._stepped >= _ROWS:
            self._stepped = 0
            if (await self._copy(log.copy))[0] > _PAGES and await self._copied():
                await self._write(log.restart)
        return rows
