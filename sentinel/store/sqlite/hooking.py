"""The part of the embedded store that keeps what the service's own systems are told."""

from collections.abc import Sequence

from sentinel.events.hook import HookEvent
from sentinel.store.hooks import Disabled, Ended, Hook, HookKept, HookStanding
from sentinel.store.protocol import Changes
from sentinel.store.sqlite import hooks, reading, writing
from sentinel.store.sqlite.part import Part


class SqliteHooks(Part):
    """See :class:`sentinel.store.hooks.Hooks`; a base of :class:`sentinel.store.sqlite.store.SqliteStore`."""

    async def lease_hooks(self, target: str, *, worker: str, now: int, limit: int, seconds: int) -> list[Hook]:
        """See the protocol. A look first: most of the time there is nothing, and looking needs no lock."""
        if not await self._read(lambda db: hooks.is_due(db, target, now)):
            return []
        found: list[Hook] = []
        while not found:
            rows = await self._write(lambda db: hooks.lease(db, target, worker, now, limit, seconds))
            if not rows:
                break
            for id, attempts, first_try, name, ref, sealed in rows:
                # What belongs to an erased account goes with its other rows; until then it is nobody's to be told.
                if (event := self._rows.open_hook(target, name, ref, sealed)) is None:
                    continue
                if not await self._held_back(id, event.account, worker):
                    found.append(Hook(id=id, name=name, event=event, attempts=attempts, first_try=first_try))
        return found

    async def _held_back(self, hook: int, account: str | None, worker: str) -> bool:
        """Whether the account is restricted, and its event waits. Restricting holds back what waits then; a dead letter
        sent again, or the mark of a mail that was under way, comes later."""
        if account is None:
            return False
        row = self._rows.profile_row(account)
        sealed = await self._read(lambda db: reading.profile(db, row))
        if sealed is None or not self._rows.open_profile(account, sealed).restricted:
            return False
        await self._write(lambda db: hooks.hold(db, hook, worker, row, sealed))
        return True

    async def settle_hook(self, hook: int, *, worker: str, now: int, state: Ended, reason: str = "") -> None:
        """See the protocol."""
        await self._write(lambda db: hooks.settle(db, hook, worker, now, state, reason))

    async def retry_hook(self, hook: int, *, worker: str, at: int, reason: str) -> None:
        """See the protocol."""
        await self._write(lambda db: hooks.retry(db, hook, worker, at, reason))

    async def bury_hooks(self, target: str, *, now: int, reason: str) -> int:
        """See the protocol."""
        return await self._write(lambda db: hooks.bury(db, target, now, reason))

    async def replay_hooks(self, target: str, *, since: int = 0) -> int:
        """See the protocol."""
        return await self._write(lambda db: hooks.replay(db, target, since))

    async def hook_targets(self) -> set[str]:
        """See the protocol."""
        return await self._read(hooks.targets)

    async def hook_standings(self) -> list[HookStanding]:
        """See the protocol."""
        counts, oldest, reasons = await self._read(lambda db: (hooks.counts(db), hooks.oldest(db), hooks.reasons(db)))
        opened = {row[0]: self._rows.open_hook(*row) for row in oldest}
        times = {target: event.time for target, event in opened.items() if event is not None}
        return [
            HookStanding(
                target=target,
                states={state: number for (name, state), number in counts.items() if name == target},
                oldest=times.get(target, 0),
                reason=reasons.get(target, ""),
            )
            for target in sorted({target for target, _ in counts})
        ]

    async def hook_counts(self) -> dict[tuple[str, str], int]:
        """See the protocol."""
        return await self._read(hooks.counts)

    async def disable_hook(self, disabled: Disabled) -> None:
        """See the protocol."""
        await self._write(lambda db: hooks.disable(db, disabled))

    async def enable_hook(self, target: str) -> None:
        """See the protocol."""
        await self._write(lambda db: hooks.enable(db, target))

    async def disabled_hooks(self) -> list[Disabled]:
        """See the protocol."""
        return await self._read(hooks.disabled)

    async def hooks_of(self, account: str) -> list[HookKept]:
        """See the protocol."""
        owner = self._rows.hooks_row(account)
        rows = await self._read(lambda db: hooks.of_account(db, owner))
        return [HookKept(type=type, target=target, state=state, day=day) for type, target, state, day in rows]

    async def expire_hooks(self, through: int, *, limit: int) -> int:
        """See the protocol."""
        return await self._write(lambda db: hooks.expire(db, through, limit))

    async def put_hooks(self, events: Sequence[HookEvent]) -> None:
        """See the protocol."""
        statements = writing.pack(Changes(hooks=list(events)), self._rows)
        await self._write(lambda db: writing.commit(db, statements))
