"""How an account stands with the person's rights, kept beside its key as well as in its profile.

A restored data backup knows nothing of restrictions, objections and decisions since it was made; the keyring is never
in one. So each of them is written there first, under the account's own key, with which it goes. Both count what was
asked for: where the profile counts less than the keyring, it is of before, and gets what the keyring has
(:meth:`Standings.replay`).
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from sentinel.errors import StoreError
from sentinel.past.profile import Profile, Right
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.sealer import Sealer, pack, unpack
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Changes, Store, Wanted

_log: Final = logging.getLogger("sentinel.rights")
#: Accounts looked at together.
_CHUNK: Final = 500


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """What a profile says of the person's rights; each field is that of :class:`Profile`."""

    rights_count: int
    restricted_at: int
    objected_at: int
    rights: list[Right]

    def put_into(self, profile: Profile) -> None:
        """Let ``profile`` say the same."""
        for name in self.__struct_fields__:
            setattr(profile, name, getattr(self, name))

    def knows(self, right: Right) -> bool:
        """Whether it was written after ``right`` was exercised."""
        return right in self.rights


def standing_of(profile: Profile) -> Standing:
    """What ``profile`` says."""
    return Standing(profile.rights_count, profile.restricted_at, profile.objected_at, list(profile.rights))


class Standings:
    """See the module. Methods raise :class:`StoreError`; nothing may be judged while they run."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def get(self, key: AccountKey) -> Standing | None:
        """What the keyring has of an account. Raises :class:`StoreError` also when it does not open."""
        sealed = self._vault.keyring.standing(key.number)
        return self._open(key, sealed) if sealed is not None else None

    async def put(self, key: AccountKey, profile: Profile) -> None:
        """Write down how ``profile`` stands; on disk when this returns. The account's key must be."""
        sealed = self._sealer(key).seal(pack(standing_of(profile)), _row(key))
        await self._vault.run(lambda: self._vault.keyring.put_standing(key.number, sealed))

    @asynccontextmanager
    async def kept(self, key: AccountKey, profile: Profile) -> AsyncIterator[None]:
        """Write down how ``profile`` stands before it is committed within; what was there comes back when that
        fails. A kill in between leaves what was asked for to the next start, which carries it out."""
        before = self._vault.keyring.standing(key.number)
        await self.put(key, profile)
        try:
            yield
        except BaseException:
            with suppress(StoreError):
                self._vault.keyring.put_standing(key.number, before)
            raise

    async def replay(self) -> int:
        """Bring profiles that know less than the keyring up to it; how many there were.

        One that is damaged stays as it is, and the log says so: it must not keep all others waiting.
        """
        number = 0
        for key, sealed in self._vault.keyring.standings():
            try:
                number += await self._bring_up(key, self._open(key, sealed))
            except StoreError as error:
                _log.error(
                    "how account number %d stands with its rights cannot be compared: %s",
                    key.number,
                    error,
                    extra={"event.action": "restrict"},
                )
        return number

    async def remember(self) -> None:
        """Write down how all accounts stand whose profiles know more than the keyring. For a keyring that was
        restored."""
        known = {key.number: sealed for key, sealed in self._vault.keyring.standings()}
        after = 0
        while page := self._vault.keyring.page(after, _CHUNK, former=False):
            after = page[-1].number
            kept = await self._store.kept([key.handle for key in page])
            for key in page:
                profile = kept[key.handle].profile if key.handle in kept else None
                if profile is not None and profile.rights_count > self._count(key, known.get(key.number)):
                    await self.put(key, profile)

    def forget(self, before: int) -> int:
        """Forget what was asked for before ``before`` (micros) and stands no more, as profiles do; how many accounts
        it was of. Safe beside all else."""
        number = 0
        for key, sealed in self._vault.keyring.standings():
            with suppress(StoreError):
                one = self._open(key, sealed)
                left = [right for right in one.rights if right.time >= before]
                if one.restricted_at or one.objected_at or len(left) == len(one.rights):
                    continue
                new = self._sealer(key).seal(pack(msgspec.structs.replace(one, rights=left)), _row(key))
                number += self._vault.keyring.replace_standing(key.number, sealed, new if left else None)
        return number

    async def _bring_up(self, key: AccountKey, standing: Standing) -> bool:
        stored = await self._store.profile(key.handle)
        if (stored or Profile()).rights_count >= standing.rights_count:
            return False
        past = await self._store.recall(Wanted(profiles={key.handle}))
        profile = past.profiles[key.handle]
        before = profile.restricted
        standing.put_into(profile)
        held = {key.handle: profile.restricted} if profile.restricted != before else {}
        try:
            await self._store.commit(Changes(profiles={key.handle: profile}, held=held))
        except BaseException:
            self._store.forget(past)
            raise
        return True

    def _open(self, key: AccountKey, sealed: bytes) -> Standing:
        return unpack(self._sealer(key).open(sealed, _row(key)), Standing)

    def _count(self, key: AccountKey, sealed: bytes | None) -> int:
        with suppress(StoreError):
            return self._open(key, sealed).rights_count if sealed is not None else 0
        return 0

    def _sealer(self, key: AccountKey) -> Sealer:
        return Sealer(key.derive("standing"))


def _row(key: AccountKey) -> str:
    return f"standing/{key.number}"
