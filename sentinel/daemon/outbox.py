"""The store's outbox as delivery wants it; hooks are told of a mail that went out, with its mark."""

from collections.abc import Callable, Sequence

from sentinel.alerts.outbox import OutboxItem
from sentinel.daemon.flood import fold_flood
from sentinel.events.alert import OPERATOR_KINDS, Notice
from sentinel.events.hook import HookEvent
from sentinel.events.sighting import Attributes
from sentinel.hooks.receivers import Receivers
from sentinel.pipeline.telling import of_mail
from sentinel.store.protocol import Store


class StoreOutbox:
    """See :class:`sentinel.alerts.outbox.Outbox`. ``receivers`` gives those of a tenant, ``told`` is called when
    there is something for them."""

    def __init__(
        self,
        store: Store,
        receivers: Callable[[str], Receivers] = lambda tenant: Receivers(),
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._receivers, self._told = store, receivers, told
        self._notices: dict[int, Notice] = {}  #: of the mails under way

    async def lease(self, *, worker: str, now: int, limit: int, seconds: int) -> list[OutboxItem]:
        mails = await self._store.lease(worker=worker, now=now, limit=limit, seconds=seconds)
        self._notices.update((mail.id, mail.notice) for mail in mails)
        return [
            OutboxItem(id=mail.id, notice=mail.notice, attempts=mail.attempts, first_try=mail.first_try)
            for mail in mails
        ]

    async def holds(self, item_id: int, *, worker: str) -> bool:
        held = await self._store.holds_mail(item_id, worker=worker)
        if not held:
            self._notices.pop(item_id, None)
        return held

    async def sent(self, item_id: int, *, worker: str, now: int) -> None:
        hooks = await self._telling(self._notices.get(item_id), now)
        await self._store.settle_mail(item_id, worker=worker, now=now, state="sent", hooks=hooks)
        self._notices.pop(item_id, None)
        if hooks:
            self._told()

    async def retry(self, item_id: int, *, worker: str, at: int, reason: str) -> None:
        self._notices.pop(item_id, None)
        await self._store.retry_mail(item_id, worker=worker, at=at, reason=reason)

    async def postpone(self, item_id: int, *, worker: str, at: int, reason: str) -> None:
        self._notices.pop(item_id, None)
        await self._store.retry_mail(item_id, worker=worker, at=at, reason=reason, tried=False)

    async def failed(self, item_id: int, *, worker: str, now: int, reason: str) -> None:
        self._notices.pop(item_id, None)
        await self._store.settle_mail(item_id, worker=worker, now=now, state="failed", reason=reason)

    async def unaddressed(self, item_id: int, *, worker: str, now: int, reason: str) -> None:
        self._notices.pop(item_id, None)
        await self._store.settle_mail(item_id, worker=worker, now=now, state="unaddressed", reason=reason)

    async def refused(self, item_id: int, address: str, *, worker: str) -> None:
        await self._store.put_refusal(item_id, address, worker=worker)

    async def is_refused(self, account: str, address: str, *, since: int) -> bool:
        return await self._store.refused(account, address) >= since

    async def fold_flood(self, most: Callable[[str], int], *, now: int) -> int:
        return await fold_flood(self._store, most, now=now)

    async def _telling(self, notice: Notice | None, now: int) -> Sequence[HookEvent]:
        # The account of a last mail is erased: nobody is told of it. What operators get beside alerts is none.
        if notice is None or notice.addressed is not None or notice.kind in OPERATOR_KINDS:
            return ()
        receivers = self._receivers(notice.tenant)
        if not receivers.of("alert.sent"):
            return ()
        return of_mail(notice, await self._store.record(notice.event), receivers, now)

    async def attributes(self, tenant: str, account: str) -> Attributes | None:
        return await self._store.attributes(account)

    async def pending(self) -> int:
        return (await self._store.mail_counts())["pending"]
