"""The store's side of the outbox: what whoever sends mails asks of it."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby

from sentinel.events.alert import summary_of
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.hook import HookEvent
from sentinel.store.protocol import Changes, Mail
from sentinel.store.sqlite import outbox, writing
from sentinel.store.sqlite.part import Part


class SqliteMailing(Part):
    """Mails, leased and settled; a base of :class:`sentinel.store.sqlite.store.SqliteStore`."""

    async def lease(self, *, worker: str, now: int, limit: int, seconds: int) -> list[Mail]:
        """See the protocol."""
        mails = []
        for id, attempts, first_try, alert, ref, sealed in await self._write(
            lambda db: outbox.lease(db, worker, now, limit, seconds)
        ):
            # What belongs to an erased account goes with its other rows; until then it is nobody's to send.
            if (notice := self._rows.open_notice(alert, ref, sealed)) is not None:
                mails.append(Mail(id=id, notice=notice, attempts=attempts, first_try=first_try))
        return mails

    async def holds_mail(self, mail: int, *, worker: str) -> bool:
        """See the protocol."""
        return await self._read(lambda db: outbox.holds(db, mail, worker))

    async def settle_mail(
        self,
        mail: int,
        *,
        worker: str,
        now: int,
        state: str,
        reason: str = "",
        hooks: Sequence[HookEvent] = (),
    ) -> None:
        """See the protocol."""
        telling = writing.pack(Changes(hooks=list(hooks)), self._rows)
        await self._write(lambda db: outbox.settle(db, mail, worker, now, state, reason, telling))

    async def retry_mail(self, mail: int, *, worker: str, at: int, reason: str, tried: bool = True) -> None:
        """See the protocol."""
        await self._write(lambda db: outbox.retry(db, mail, worker, at, reason, tried))

    async def put_refusal(self, mail: int, address: str, *, worker: str) -> None:
        """See the protocol."""
        name = self._rows.address_name(address)
        await self._write(lambda db: outbox.refuse(db, mail, worker, name))

    async def refused(self, account: str, address: str) -> int:
        """See the protocol."""
        owner, name = self._rows.mails_row(account), self._rows.address_name(address)
        found = await self._read(lambda db: outbox.refusals(db, owner))
        return max((time for known, time in found if known == name), default=0)

    async def refusals(self) -> int:
        """See the protocol."""
        return await self._read(outbox.refused_accounts)

    async def crowds(self, now: int) -> dict[str, int]:
        """See the protocol."""
        return await self._read(lambda db: outbox.crowds(db, now))

    async def fold_mails(self, tenant: str, *, now: int) -> int:
        """See the protocol."""
        rows, folded = self._rows, 0
        found = await self._read(lambda db: outbox.crowd(db, tenant, now))
        for _, group in groupby(found, key=lambda row: row[0]):
            mails = [
                (notice, id)
                for _, id, alert, ref, sealed in group
                if (notice := rows.open_notice(alert, ref, sealed)) is not None and notice.kind != "credential_change"
            ]
            if len(mails) > 1:
                one = summary_of([notice for notice, _ in mails])
                kept = next(id for notice, id in mails if notice.id == one.id)
                others = [id for _, id in mails if id != kept]
                sealed, urgency = rows.notice(one)[3], LEVEL_ORDER[one.level]
                folded += await self._write(
                    partial(outbox.fold, kept=kept, notice=sealed, urgency=urgency, others=others, now=now)
                )
        return folded

    async def mail_counts(self) -> dict[str, int]:
        """See the protocol."""
        return await self._read(outbox.counts)
