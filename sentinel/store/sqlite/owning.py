"""The part of the embedded store that takes all of one account: to erase it, or to give it to another one."""

from collections.abc import Callable, Mapping, Sequence

from sentinel.events.sighting import Attributes
from sentinel.past.profile import Profile
from sentinel.privacy.account_key import AccountKey
from sentinel.store.protocol import Changes, Record, TrackKey
from sentinel.store.sqlite import erasing, reowning, verdicts, writing
from sentinel.store.sqlite.asking import SqliteAsking


class SqliteOwning(SqliteAsking):
    """See :class:`sentinel.store.protocol.Store`."""

    async def erase(self, rows: bytes, handle: str) -> int:
        """See the protocol."""
        gone = await self._write(lambda db: erasing.erase(db, rows, handle))
        await self._close_verdicts()
        self._profiles.drop(handle)
        self._tracks.drop_where(lambda key: handle in key[1])
        return gone

    async def _close_verdicts(self) -> None:
        """Verdicts that wait and are about an alert that is gone with its account have nothing to do; their target says
        whose it was."""
        for each in await self.asked_verdicts():
            if each.about == "alert":
                key = self._rows.alert_key(each.tenant, each.target)
                await self._write(lambda db, id=each.id, key=key: verdicts.drop(db, id, key))  # type: ignore[misc]  # mypy cannot infer a lambda with defaults

    async def left_of(self, rows: bytes) -> int:
        """See the protocol."""
        return await self._read(lambda db: erasing.left(db, rows))

    async def parts(self, keys: Sequence[AccountKey]) -> dict[str, tuple[Profile | None, Attributes | None]]:
        """See the protocol."""
        return reowning.open_parts(self._rows, keys, *await self._read(lambda db: reowning.sealed_parts(db, keys)))

    async def reown(
        self,
        former: AccountKey,
        head: AccountKey,
        *,
        changed: Callable[[Record], Record],
        tracks: Mapping[TrackKey, TrackKey],
    ) -> int:
        """See the protocol."""
        giving = reowning.Reowning(self._rows, former, head, changed, tracks)
        damaged = 0
        for table in giving.tables:
            after = 0
            while page := await self._read(lambda db, table=table, after=after: table.read(db, after)):  # type: ignore[misc]  # likewise
                statements, lost = table.give(page)
                damaged += lost
                await self._write(lambda db, statements=statements: writing.commit(db, statements))  # type: ignore[misc]  # likewise
                after = page[-1][0]
        return damaged

    async def merge(self, former: AccountKey, changes: Changes, *, keep: bool = False) -> None:
        """See the protocol."""
        statements = writing.pack(changes, self._rows)
        await self._write(
            lambda db: writing.commit(
                db,
                statements,
                lambda db: (
                    erasing.delete_owned(db, former.rows, told=False)
                    if keep
                    else erasing.delete(db, former.rows, former.handle)
                ),
            )
        )
        self._profiles.drop(former.handle)
        for handle, profile in changes.profiles.items():
            self._profiles.refresh(handle, profile)
        handles = {former.handle, *changes.profiles}
        self._tracks.drop_where(lambda key: not handles.isdisjoint(key[1]))
