"""The store's outbox as delivery wants it."""

from sentinel.alerts.outbox import OutboxItem
from sentinel.daemon.flood import fold_flood
from sentinel.events.sighting import Attributes
from sentinel.store.protocol import Store


class StoreOutbox:
    """See :class:`sentinel.alerts.outbox.Outbox`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def lease(self, *, worker: str, now: int, limit: int, seconds: int) -> list[OutboxItem]:
        mails = await self._store.lease(worker=worker, now=now, limit=limit, seconds=seconds)
        return [
            OutboxItem(id=mail.id, notice=mail.notice, attempts=mail.attempts, first_try=mail.first_try)
            for mail in mails
        ]

    async def holds(self, item_id: int, *, worker: str) -> bool:
        return await self._store.holds_mail(item_id, worker=worker)

    async def sent(self, item_id: int, *, worker: str, now: int) -> None:
        await self._store.settle_mail(item_id, worker=worker, now=now, state="sent")

    async def retry(self, item_id: int, *, worker: str, at: int, reason: str) -> None:
        await self._store.retry_mail(item_id, worker=worker, at=at, reason=reason)

    async def postpone(self, item_id: int, *, worker: str, at: int, reason: str) -> None:
        await self._store.retry_mail(item_id, worker=worker, at=at, reason=reason, tried=False)

    async def failed(self, item_id: int, *, worker: str, now: int, reason: str) -> None:
        await self._store.settle_mail(item_id, worker=worker, now=now, state="failed", reason=reason)

    async def unaddressed(self, item_id: int, *, worker: str, now: int, reason: str) -> None:
        await self._store.settle_mail(item_id, worker=worker, now=now, state="unaddressed", reason=reason)

    async def refused(self, item_id: int, address: str, *, worker: str) -> None:
        await self._store.put_refusal(item_id, address, worker=worker)

    async def is_refused(self, account: str, address: str, *, since: int) -> bool:
        return await self._store.refused(account, address) >= since

    async def fold_flood(self, most: int, *, now: int) -> int:
        return await fold_flood(self._store, most, now=now)

    async def attributes(self, tenant: str, account: str) -> Attributes | None:
        return await self._store.attributes(account)

    async def pending(self) -> int:
        return (await self._store.mail_counts())["pending"]
