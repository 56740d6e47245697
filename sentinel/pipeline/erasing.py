"""Erasing an account: the ledger first, then the keys, then the rows. Whatever comes between is finished later."""

from collections.abc import Awaitable, Callable, Sequence

from sentinel.alerts.policy import FoldPolicy
from sentinel.errors import Conflict
from sentinel.events.alert import Notice, alert_id
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY
from sentinel.events.sighting import Attributes
from sentinel.past.profile import Profile
from sentinel.pipeline.request import Answer, Request
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.ledger import BACKUP_DAYS, Erasure, Ledger, expect
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Changes, Store, Wanted


class Erasing:
    """See the module. ``note`` takes a request down, once it was checked; nothing may be judged meanwhile."""

    def __init__(self, store: Store, vault: Vault, ledger: Ledger, note: Callable[[Request], Awaitable[None]]) -> None:
        self._store = store
        self._vault = vault
        self._ledger = ledger
        self._note = note

    async def erase(self, request: Request) -> Answer:
        """Erase an account; one never heard of is answered alike. Raises :class:`Conflict`,
        :class:`sentinel.errors.StoreError`."""
        await self.finish(request.time)
        lookup = self._vault.pseudonym("account", request.tenant, request.account)
        key = self._vault.find(lookup)
        if key is not None and key.lookup != lookup:
            # Who cleans up after a merge must not erase the person by it.
            raise Conflict("the account was merged into another one: erase that one")
        await self._note(request)
        told = False
        former: list[AccountKey] = []
        if key is None:
            # Nobody is known by this name: the ledger gets an entry all the same, of a key that never was.
            key = AccountKey(0, "", self._vault.keyring.new_key())
        else:
            told = await self._tell_first(request, key)
            former = self._vault.former(key)
        await self._vault.flush()
        secrets = [(each.handle, each.rows) for each in former]
        # Syncs wait for the disk; beside the loop, in the order in which keys are written.
        erasure = await self._vault.run(lambda: self._begin(key, request.time, secrets))
        await self._carry_out(self._ledger.parts(erasure.receipt), request.time)
        return Answer(receipt=erasure.receipt, told=told, backups_until=request.time + BACKUP_DAYS * DAY)

    def unfinished(self) -> bool:
        """Whether an erasure was begun and not finished."""
        return bool(self._ledger.unfinished())

    async def finish(self, now: int) -> int:
        """Finish what was begun; how many erasures there were."""
        unfinished = self._ledger.unfinished()
        await self._carry_out(unfinished, now)
        return len(unfinished)

    def _begin(self, key: AccountKey, time: int, former: Sequence[tuple[str, bytes]]) -> Erasure:
        erasure = self._ledger.begin(key.handle, key.rows, time, former)
        expect(self._vault.keyring, self._ledger, 1 + len(former))
        return erasure

    async def _carry_out(self, erasures: Sequence[Erasure], now: int) -> None:
        # The keys first: from then on what is left can be read by nobody, wherever it lies.
        handles = [erasure.handle for erasure in erasures]
        if not handles:
            return
        try:
            await self._vault.run(lambda: self._vault.keyring.destroy_accounts(handles))
        finally:
            # Also when it failed: the keys may be gone from the file, and nothing may be sealed with them any more.
            self._vault.forget(handles)
        for erasure in erasures:
            await self._store.erase(erasure.rows, erasure.handle)
        if not await self._store.scrub():
            # Nobody can read what is left; it is finished (:meth:`finish`) once the backup under way is made.
            return
        # When it was finished is what the receipt proves; not before it began, whatever clocks say.
        ended = [(erasure.receipt, max(now, erasure.time)) for erasure in erasures]
        await self._vault.run(lambda: self._ledger.finish_all(ended))

    async def _tell_first(self, request: Request, key: AccountKey) -> bool:
        """Of an account that somebody seems to have taken over, whoever owned it hears before all is gone."""
        past = await self._store.recall(Wanted(profiles={key.handle}, attributes={key.handle}))
        attributes = past.attributes.get(key.handle)
        if attributes is None or not taken_over(past.profiles[key.handle], request.time):
            return False
        await self._store.commit(Changes(notices=[_farewell(request, key, attributes)]))
        return True


def taken_over(profile: Profile, now: int) -> bool:
    """Whether somebody else may be in the account: called compromised, or an open alert of high risk."""
    horizon = now - FoldPolicy().same_news
    return bool(profile.compromised) or any(
        alert.last >= horizon and LEVEL_ORDER[alert.level] >= LEVEL_ORDER["high"] for alert in profile.alerts
    )


def _farewell(request: Request, key: AccountKey, attributes: Attributes) -> Notice:
    """The last mail about an account: it is about to be erased."""
    return Notice(
        # Of the handle: logs name mails by their ids, and a hash of the account's own id could be found by trying.
        id=alert_id(key.handle, "credential_change", f"erased.{request.time}"),
        kind="credential_change",
        tenant=request.tenant,
        event="",
        account=None,
        time=request.time,
        risk=0.0,
        level="high",
        decision="notify",
        type="account_erased",
        actor="system",
        addressed=attributes,
    )
