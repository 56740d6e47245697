"""The walk through all accounts: what was not seen for a year is forgotten, and of whom nothing is left, wholly.

Profiles belong to whoever judges, who changes them in place. So the walk looks at what is on the disk, and only where
something is to go, it has judging stopped for a moment and looks again.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Final, Protocol, TypeVar

import msgspec

from sentinel.daemon.pace import Pace
from sentinel.past.forget import forget, is_empty
from sentinel.pipeline.attributes import without_former
from sentinel.pipeline.campaign import campaigns_key
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.vault import Vault
from sentinel.store.aging import Kept
from sentinel.store.protocol import Changes, Store

_T = TypeVar("_T")
#: Profiles written back between two new beginnings of the log.
_COPIED: Final = 1000


class Alone(Protocol):
    """Does something while nothing is judged or committed."""

    async def __call__(self, work: Callable[[], Awaitable[_T]]) -> _T: ...


class Forgot(msgspec.Struct, kw_only=True):
    """What the walk did: profiles and attributes changed, accounts of which nothing is left."""

    profiles: int = 0
    attributes: int = 0
    accounts: int = 0


class Forgetting:
    """One walk. ``before`` is the moment (micros) before which nothing is kept, ``created`` the number of the last
    account made before it."""

    def __init__(
        self, store: Store, vault: Vault, alone: Alone, *, before: int, now: int, created: int, pace: Pace
    ) -> None:
        self._store, self._vault, self._alone, self._pace = store, vault, alone, pace
        self._before, self._now, self._created = before, now, created
        self.done = Forgot()

    async def run(self) -> Forgot:
        """Walk through all accounts, and through the open campaigns of tenants."""
        after = copied = 0
        while True:
            began = perf_counter()
            with self._vault.visiting(after, self._pace.size) as keys:
                if not keys:
                    break
                kept = await self._store.kept([key.handle for key in keys])
                touched = [key for key in keys if self._has_old(kept.get(key.handle), key)]
                took = perf_counter() - began
                if touched:
                    await self._page(touched)
            after = keys[-1].number
            if self.done.profiles - copied >= _COPIED:
                # Short commits: the store copies its log by the number of records.
                copied = self.done.profiles
                await self._store.scrub()
            await self._pace.breathe(took)
        for tenant in {"default", *(key.tenant for key in await self._store.keys())}:
            handle = campaigns_key(tenant)
            found = (await self._store.kept([handle])).get(handle)
            if found is not None and found.profile is not None and forget(found.profile, self._before):
                await self._alone(partial(self._freshen, handle))
        return self.done

    async def _page(self, keys: list[AccountKey]) -> None:
        empty = []
        for key in keys:
            if await self._alone(partial(self._freshen, key.handle)) and not await self._store.has_past(key.handle):
                empty.append(key)
        gone = [key.handle for key in empty if await self._alone(partial(self._drop, key))]
        if gone:
            await self._alone(partial(self._destroy, gone))
            await self._vault.run(self._vault.keyring.scrub)

    def _has_old(self, kept: Kept | None, key: AccountKey) -> bool:
        """Whether something of an account may be to go. What is given is the walk's own and is changed."""
        if kept is None:
            # A key made for somebody who only acted for others, or whose rows went before a crash.
            return key.number <= self._created
        changed = kept.profile is not None and forget(kept.profile, self._before)
        former = kept.attributes is not None and without_former(kept.attributes, self._now) is not kept.attributes
        return changed or former or self._is_over(kept)

    def _is_over(self, kept: Kept | None) -> bool:
        if kept is None:
            return True
        attributes = kept.attributes
        return (kept.profile is None or is_empty(kept.profile)) and (
            attributes is None or attributes.as_of < self._before
        )

    async def _freshen(self, handle: str) -> bool:
        """Write back what is left of profile and attributes; whether nothing is."""
        kept = (await self._store.kept([handle])).get(handle)
        if kept is None:
            return True
        changes = Changes()
        if kept.profile is not None and forget(kept.profile, self._before):
            changes.profiles[handle] = kept.profile
        if kept.attributes is not None:
            left = without_former(kept.attributes, self._now)
            if left is not kept.attributes:
                changes.attributes[handle] = left
        if changes.profiles or changes.attributes:
            await self._store.commit(changes)
            self.done.profiles += len(changes.profiles)
            self.done.attributes += len(changes.attributes)
        return self._is_over(kept)

    async def _drop(self, key: AccountKey) -> bool:
        """Delete the rows of an account of which nothing is left; false when it came back meanwhile."""
        kept = (await self._store.kept([key.handle])).get(key.handle)
        if not self._is_over(kept) or await self._store.has_past(key.handle):
            return False
        await self._store.drop_account(key.handle)
        return True

    async def _destroy(self, handles: list[str]) -> None:
        """Destroy the keys of accounts whose rows are gone: after them, or nobody would find these rows again."""
        kept = await self._store.kept(handles)
        gone = [handle for handle in handles if handle not in kept]
        await self._vault.run(lambda: self._vault.keyring.destroy_accounts(gone, scrub=False))
        self._vault.forget(gone)
        self.done.accounts += len(gone)
