"""Merging an account into another one of the same tenant: history and rights go along. docs/merging.md says how.

The keyring is told first, and from then on every name and handle of the one account leads to the other. What the store
holds follows step by step; whatever is left there under the former account's own key says that the merge is not
finished, be it after a crash or in a backup from before it.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from sentinel.errors import Conflict, FieldError, StoreError
from sentinel.events.sighting import Attributes
from sentinel.past.merge import merge_profiles, merge_rights
from sentinel.past.profile import Profile, Right
from sentinel.pipeline.attributes import FORMER_ADDRESS_SPAN, merge_attributes
from sentinel.pipeline.pack import pack_sighting, unpack_sighting
from sentinel.pipeline.request import Request
from sentinel.pipeline.standing import Standings, standing_of
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keyring import Merge
from sentinel.privacy.sealer import Sealer, pack, unpack
from sentinel.privacy.vault import Vault
from sentinel.rules.compiled import Series
from sentinel.store.protocol import AskedVerdict, Changes, Record, Store, TrackKey, Wanted

#: The fact that windows of an account are kept by.
_ACCOUNT: Final = ("account",)
#: Merges looked at together at start-up.
_CHUNK: Final = 500
#: Open alerts of one account that a verdict may be about; an account has a handful.
_ALERTS: Final = 1000


_log: Final = logging.getLogger("sentinel.rights")


class _Note(msgspec.Struct, frozen=True, array_like=True):
    """What whoever finishes a merge needs to know of it: sealed under the former account's key, it goes with that.
    ``into`` is the other account's id, ``time`` in micros."""

    tenant: str
    into: str
    time: int
    by: str
    reason: str


class Merging:
    """See the module. ``series`` gives the window series of a tenant's rules; nothing else may be judged meanwhile."""

    def __init__(
        self, store: Store, vault: Vault, series: Callable[[str], Iterable[Series]], standings: Standings
    ) -> None:
        self._store = store
        self._standings = standings
        self._vault = vault
        self._series = series

    async def merge(self, request: Request, checked: Callable[[Request], Awaitable[None]]) -> Profile:
        """Merge an account into another one; the profile that came of it. Accounts never seen before are merged like
        others. Doing it again finishes what failed on the way, or changes nothing. ``checked`` is called once nothing
        stands against it, before anything is done.

        Raises :class:`FieldError` for no other account, :class:`Conflict` when another merge stands against it,
        :class:`StoreError`.
        """
        tenant, account, into = request.tenant, request.account, request.into
        if not into:
            raise FieldError("into", "expected the id of the account to merge into")
        if account == into:
            raise FieldError("into", "expected another account than the one that is merged into it")
        lookup, other = (self._vault.pseudonym("account", tenant, id) for id in (account, into))
        keys = self._vault.admit([lookup, other])
        former, head = keys[lookup], keys[other]
        if former.lookup != lookup:
            if former.handle != head.handle:
                raise Conflict("the account was merged into another one before: merge that one")
            await checked(request)
            await self._finish(head)
        elif former.handle == head.handle:
            raise Conflict(
                "the account that it is to go into was itself merged into it: there is nothing left to merge"
            )
        else:
            await checked(request)
            await self._narrow_verdicts(tenant, former)
            note = _Note(tenant, into, request.time, request.by, request.reason)
            await self._vault.merge(former, head, self._sealer(former).seal(pack(note), _row(former)))
            await self._finish(head, former)
        past = await self._store.recall(Wanted(profiles={head.handle}))
        return past.profiles[head.handle]

    async def finish(self) -> int:
        """Finish all merges of which something is left in the store; returns how many there were."""
        merges = self._vault.keyring.merges()
        return sum([await self._carry_out(merges[at : at + _CHUNK]) for at in range(0, len(merges), _CHUNK)])

    async def _finish(self, head: AccountKey, new: AccountKey | None = None) -> None:
        await self._carry_out(self._vault.keyring.merges(head.number), new, asked=True)

    async def _carry_out(self, merges: Sequence[Merge], new: AccountKey | None = None, *, asked: bool = False) -> int:
        """``new`` is carried out whether anything is left of it or not: that it was merged is to be remembered. Whoever
        ``asked`` hears of a damaged account."""
        parts = await self._parts([merge.former for merge in merges])
        number = 0
        for merge in merges:
            former = merge.former
            if former.handle not in parts and (new is None or former.handle != new.handle):
                continue
            found = parts.get(former.handle, (None, None))
            try:
                if isinstance(found, StoreError):
                    raise found
                await self._give_over(merge, found[0] or Profile(), found[1])
                number += 1
            except StoreError as error:
                if error.retry or (asked and (new is None or new.handle == former.handle)):
                    raise
                # What is damaged must not keep all others from being judged. `sentinel doctor` goes on telling it.
                _log.error("%s was not finished: %s", _name(merge), error, extra={"event.action": "merge"})
        return number

    async def _parts(
        self, keys: Sequence[AccountKey]
    ) -> dict[str, tuple[Profile | None, Attributes | None] | StoreError]:
        """See :meth:`Store.parts`; of an account whose parts are damaged, the error."""
        try:
            return {**await self._store.parts(keys)}
        except StoreError as error:
            if error.retry or len(keys) == 1:
                return {key.handle: error for key in keys}
        return {handle: found for key in keys for handle, found in (await self._parts([key])).items()}

    async def _give_over(self, merge: Merge, profile: Profile, attributes: Attributes | None) -> None:
        former, head = merge.former, merge.head
        note = unpack(self._sealer(former).open(merge.note, _row(former)), _Note)
        tracks = self._tracks(note.tenant, former, head)
        damaged = await self._store.reown(former, head, changed=_renamed(former.handle, head.handle), tracks=tracks)
        if damaged:
            _log.error(
                "%s: %d rows are damaged and stay where they are", _name(merge), damaged,
                extra={"event.action": "merge"},
            )  # fmt: skip
        past = await self._store.recall(Wanted(profiles={head.handle}, attributes={head.handle}))
        known = past.profiles[head.handle]
        merged = merge_profiles(known, profile)
        changes = Changes(profiles={head.handle: merged})
        if attributes is not None:
            of_head = past.attributes.get(head.handle) or Attributes(account=note.into, as_of=attributes.as_of)
            changes.attributes[head.handle] = attributes_of_both(of_head, attributes, note.time)
        right = Right(note.time, "merged", note.by, note.reason)
        standing = self._standings.get(head)
        if standing is not None and standing.knows(right):
            # A crash came in between, or a backup from before the merge is merged again: what was decided since stands.
            newest = standing if standing.rights_count >= known.rights_count else standing_of(known)
            newest.put_into(merged)
        else:
            merged.rights = merge_rights(merged.rights, [right])
            merged.rights_count += 1
        if merged.restricted or known.restricted or profile.restricted:
            changes.held[head.handle] = merged.restricted
        # Last, all at once: with its profile gone, nothing says that there is anything left to do.
        async with self._standings.kept(head, merged):
            await self._store.merge(former, changes, keep=damaged > 0)

    def _sealer(self, key: AccountKey) -> Sealer:
        sealer = self._vault.sealer(key, "own")
        assert sealer is not None
        return sealer

    def _tracks(self, tenant: str, former: AccountKey, head: AccountKey) -> dict[TrackKey, TrackKey]:
        return {
            (series.id, (tenant, former.handle)): (series.id, (tenant, head.handle))
            for series in self._series(tenant)
            if series.by == _ACCOUNT
        }

    async def _narrow_verdicts(self, tenant: str, former: AccountKey) -> None:
        """A verdict on all open alerts of the account, asked for and not carried out yet, is not about the other one's:
        it becomes one on each of the alerts that it is about."""
        for asked in await self._store.asked_verdicts():
            if asked.about != "account" or asked.target != former.handle:
                continue
            for alert in await self._store.alerts(tenant, account=former.handle, state="open", limit=_ALERTS):
                await self._store.ask_verdict(
                    AskedVerdict(tenant=tenant, about="alert", target=alert.id, verdict=asked.verdict, time=asked.time)
                )
            await self._store.settle_verdict(asked.id, now=asked.time, answered=0, alerts=[])


def _name(merge: Merge) -> str:
    """A merge in words that name nobody."""
    return f"the merge of account number {merge.former.number} into {merge.head.number}"


def _row(former: AccountKey) -> str:
    """What a note is bound to."""
    return f"merged/{former.number}"


def attributes_of_both(known: Attributes, given: Attributes, now: int) -> Attributes:
    """``known`` with its gaps filled from ``given``, those of an account that went into it at ``now`` (micros).

    One former address stays a second recipient: that of ``known``, else that of ``given``, while they stand; else the
    address that ``given`` had, for 30 days from now.
    """
    filled = merge_attributes(known, replace(given, account=known.account, as_of=known.as_of - 1))
    for former, until in (
        (known.previous_email, known.previous_until),
        (given.previous_email, given.previous_until),
        (given.email, now + FORMER_ADDRESS_SPAN),
    ):
        if former is not None and until > now and former != filled.email:
            return replace(filled, previous_email=former, previous_until=until)
    return filled


def _renamed(former: str, head: str) -> Callable[[Record], Record]:
    """Records under the other handle. What the service called the account then (``account_id``) stays, so that an
    export shows under which id an event came."""

    def changed(record: Record) -> Record:
        packed = record.sighting
        if packed:
            sighting = unpack_sighting(packed)
            actor = head if sighting.actor_account == former else sighting.actor_account
            packed = pack_sighting(replace(sighting, account=head, actor_account=actor))
        return replace(record, account=head, sighting=packed)

    return changed
