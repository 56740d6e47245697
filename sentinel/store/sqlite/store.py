"""The embedded store: SQLite with one writer thread and readers beside it.

What a batch needs is read on the loop's own thread: most of it is cached, and a hop to another thread costs more than
the rest. What it changed is packed there, too; the writer thread gets a few statements of many rows each, because every
statement gives the interpreter's lock away and, beside a busy loop, waits milliseconds to get it back.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

from sentinel.database import connect, explain, still_there
from sentinel.errors import StoreError
from sentinel.events.clock import utc_day
from sentinel.events.sighting import Attributes, Raw
from sentinel.past.commons import CommonRow
from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import (
    AlertRow,
    AnswerLink,
    ApiKey,
    CallKey,
    Changes,
    DayCount,
    Extent,
    MailKept,
    Page,
    Past,
    Record,
    TallyKey,
    TrackKey,
    UsageDay,
    Wanted,
    WindowKept,
)
from sentinel.store.rows import Rows
from sentinel.store.sqlite import commons, drift, fired, keys, links, log, outbox, reading, usage, writing
from sentinel.store.sqlite.aging import SqliteAging
from sentinel.store.sqlite.cache import Cache
from sentinel.store.sqlite.hooking import SqliteHooks
from sentinel.store.sqlite.mailing import SqliteMailing
from sentinel.store.sqlite.owning import SqliteOwning
from sentinel.store.sqlite.schema import expect_newest, migrate

#: Profiles kept decoded, a few kilobytes each; the rest is read when its account comes again.
PROFILE_CACHE: Final = 20_000
#: Weight of the windows kept in memory (:attr:`sentinel.past.windows.Track.weight`: one for each entry, eight for each
#: track), and the most that one unit takes in bytes: 128 MB together, however many keys there are.
TRACK_CACHE: Final = 1_000_000
TRACK_BYTES: Final = 128
#: Records between two copies of the write-ahead log into the database, some 16 MB of log.
CHECKPOINT_RECORDS: Final = 1000
#: Pages of log (48 MB) at which it is begun anew, for which a commit has to wait; looked at after each copy, so that
#: the file has up to 64 MB. At 16 MB one in a hundred inline callers waited twice as long. The log tells what was
#: written together, and so which profile an event belongs to: where little comes it would reach far back if upkeep did
#: not cut it off each minute (:meth:`SqliteStore.scrub`).
LOG_PAGES: Final = 12_288
_PAGE: Final = 500

_NOTHING: Final = Past()
_T = TypeVar("_T")


class SqliteStore(SqliteOwning, SqliteAging, SqliteMailing, SqliteHooks):
    """See :class:`sentinel.store.protocol.Store`. ``path`` ``None`` keeps everything in memory, for one process.

    ``vault`` names and seals rows; it is the caller's to close. ``readonly`` is for looking at the store beside the
    process that writes to it: whatever would change it fails.
    """

    def __init__(
        self,
        path: Path | None,
        vault: Vault,
        *,
        profile_cache: int = PROFILE_CACHE,
        track_cache: int = TRACK_CACHE,
        durable: bool = True,
        readonly: bool = False,
    ) -> None:
        self.path = path
        self.vault = vault
        self._rows = Rows(vault)
        self.durable = durable
        self._profiles: Cache[str, Profile] = Cache(profile_cache)
        self._tracks: Cache[TrackKey, Track] = Cache(track_cache, lambda track: track.weight)
        self._write_db, self._read_db, self._recall_db, self._copy_db = _open(path, durable, readonly)
        self._file = path.stat().st_ino if path is not None else 0
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._copier = ThreadPoolExecutor(1, "store-copier")
        self._reader = ThreadPoolExecutor(1, "store-reader") if path is not None else self._writer
        self._closed = False
        self._uncopied = 0  #: records committed since the log was last copied into the database
        self._copying: asyncio.Task[None] | None = None
        self._commons_day: int | None = None  #: UTC day on which counts of everybody were looked through for old ones

    async def bind(self, fingerprint: bytes) -> None:
        """See the protocol."""
        if not await self._write(lambda db: writing.bind(db, fingerprint)):
            raise StoreError(
                f"{self.path or 'the store in memory'}: it was written with another keyring; restore the keyring.db"
                " that belongs to it, or begin with an empty store",
                retry=False,
            )

    async def recall(self, wanted: Wanted, newer: Past | None = None) -> Past:
        """See the protocol. What is cached costs no query."""
        past = Past()
        newer = newer or _NOTHING
        for key in wanted.profiles:
            if (profile := newer.profiles.get(key) or self._profiles.get(key)) is not None:
                past.profiles[key] = profile
        for track_key, keep in wanted.tracks.items():
            # New rules may look further back than what is cached was kept for.
            track = newer.tracks.get(track_key)
            if track is None:
                track = self._tracks.get(track_key)
            if track is not None and track.keep >= keep:
                past.tracks[track_key] = track
        profiles = wanted.profiles - past.profiles.keys()
        tracks = wanted.tracks.keys() - past.tracks.keys()
        if wanted.records or profiles or tracks or wanted.attributes:
            try:
                reading.recall(self._recall_db, self._rows, wanted, profiles, tracks, past)
            except sqlite3.Error as error:
                raise explain(error, self.path) from None
        if newer is not _NOTHING:
            past.records.update((key, newer.records[key]) for key in wanted.records & newer.records.keys())
            past.attributes.update((key, newer.attributes[key]) for key in wanted.attributes & newer.attributes.keys())
        for key in profiles:
            self._profiles.put(key, past.profiles.setdefault(key, Profile()))
        for track_key in tracks:
            self._tracks.put(track_key, past.tracks.setdefault(track_key, Track((), wanted.tracks[track_key])))
        return past

    def prepare(self, changes: Changes) -> None:
        """See the protocol."""
        changes.prepared = writing.pack(changes, self._rows)
        for track in changes.tracks.values():
            track.saved()

    async def commit(self, changes: Changes) -> None:
        """See the protocol: one transaction, on disk when this returns."""
        if changes.prepared is None:
            self.prepare(changes)
        statements = changes.prepared
        done = asyncio.ensure_future(self._write(lambda db: writing.commit(db, statements)))
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            # Whoever gives up waiting: the commit goes on, and the next recall must see what came of it.
            await asyncio.wait((done,))
            done.exception()
            raise
        self._uncopied += len(changes.records)
        if self._uncopied >= CHECKPOINT_RECORDS and self._copying is None and self.path is not None:
            self._uncopied = 0
            self._copying = asyncio.create_task(self._checkpoint())
        for key, profile in changes.profiles.items():
            self._profiles.refresh(key, profile)
        for track_key, track in changes.tracks.items():
            self._tracks.refresh(track_key, track)

    async def _checkpoint(self) -> None:
        """Copy the write-ahead log into the database beside the commits, which SQLite would do within one of them."""
        try:
            pages, _ = await self._copy(log.copy)
            if pages > LOG_PAGES:
                # Between two commits: what came since the copy is little, and the log begins anew.
                await self._write(log.restart)
        except StoreError:
            # The commits tell what is wrong; copying is tried again after the next.
            self._uncopied = CHECKPOINT_RECORDS
        finally:
            self._copying = None

    def forget(self, past: Past) -> None:
        """See the protocol."""
        for key in past.profiles:
            self._profiles.drop(key)
        for track_key in past.tracks:
            self._tracks.drop(track_key)

    async def record(self, key: str) -> Record | None:
        """See the protocol."""
        found = self._rows.records(await self._read(lambda db: reading.records(db, [key])))
        return found[0] if found else None

    async def raw(self, record: Record) -> Raw:
        """See the protocol."""
        return self._rows.raw(record, *await self._read(lambda db: reading.raw(db, record.key)))

    async def attributes(self, account: str) -> Attributes | None:
        """See the protocol."""
        row = self._rows.attributes_row(account)
        found = await self._read(lambda db: reading.attributes(db, [row]))
        return self._rows.open_attributes(account, found[0][1]) if found else None

    async def profile(self, key: str) -> Profile | None:
        """See the protocol."""
        row = self._rows.profile_row(key)
        sealed = await self._read(lambda db: reading.profile(db, row))
        return self._rows.open_profile(key, sealed) if sealed is not None else None

    async def history(
        self, account: str | None = None, *, since: int = 0, type: str | None = None
    ) -> AsyncIterator[Record]:
        """See the protocol; read in pages, so that it never holds the reader for long."""
        after = 0
        owners = self._owners(account, await self._read(reading.days)) if account is not None else None
        while True:
            page = await self._read(
                lambda db, after=after: reading.page(db, owners, since, type, after, _PAGE)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            )
            for record in self._rows.records([row[1:] for row in page]):
                if record.time >= since:
                    yield record
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def _owners(self, account: str, days: range) -> list[str]:
        """The row ids of an account's events of some UTC days."""
        key = self.vault.of(account)
        return [key.row(day) for day in days]

    async def page(self, after: int, *, limit: int) -> Page:
        """See the protocol."""
        rows = await self._read(lambda db: reading.page(db, None, 0, None, after, limit))
        if not rows:
            return Page()
        numbers = {row[1]: row[0] for row in rows}
        records = self._rows.records([row[1:] for row in rows])
        return Page(records=[(numbers[each.key], each) for each in records], last=rows[-1][0], key=rows[-1][1])

    async def key_at(self, number: int) -> str | None:
        """See the protocol."""
        return await self._read(lambda db: reading.key_at(db, number))

    async def newest_number(self) -> int:
        """See the protocol."""
        return await self._read(reading.newest_number)

    async def counts_by_day(self, *, since: int, tenant: str | None = None) -> list[DayCount]:
        """See the protocol."""
        rows = await self._read(lambda db: reading.counts_by_day(db, since, tenant))
        return [DayCount(day=row[0], events=row[1], logins=row[2], flagged=row[3]) for row in rows]

    async def mails_by_day(self, *, since: int, tenant: str | None = None) -> dict[tuple[int, str], int]:
        """See the protocol."""
        return await self._read(lambda db: outbox.by_day(db, since, tenant))

    async def extent(self) -> Extent:
        """See the protocol."""
        count, ends = await self._read(reading.extent)
        times = [record.time for record in self._rows.records(ends)]
        return Extent(records=count, oldest=min(times, default=0), newest=max(times, default=0))

    async def fired(self, *, since: int, tenant: str | None = None) -> dict[tuple[int, str, str], int]:
        """See the protocol."""
        return await self._read(lambda db: fired.since(db, since, tenant))

    async def tallies(self) -> dict[TallyKey, bytes]:
        """See the protocol."""
        return await self._read(usage.tallies)

    async def commons(self) -> dict[str, list[CommonRow]]:
        """See the protocol."""
        return await self._read(commons.load)

    async def newest_drift(self) -> dict[TallyKey, bytes]:
        """See the protocol."""
        return await self._read(drift.newest)

    async def drift(self, tenant: str, *, since: int) -> dict[int, bytes]:
        """See the protocol."""
        return await self._read(lambda db: drift.since(db, since, tenant))

    async def usage(self, tenant: str, *, since: int) -> list[UsageDay]:
        """See the protocol."""
        return await self._read(lambda db: usage.since(db, since, tenant))

    async def calls(self, tenant: str, *, since: int) -> dict[CallKey, int]:
        """See the protocol."""
        return await self._read(lambda db: usage.calls(db, since, tenant))

    async def alerts(
        self,
        tenant: str,
        *,
        account: str | None = None,
        kind: str | None = None,
        limit: int = 100,
        state: str | None = None,
        hidden: bool = False,
    ) -> list[AlertRow]:
        """See the protocol."""
        owner = self._rows.alerts_row(account) if account is not None else None
        rows = await self._read(lambda db: reading.alerts(db, tenant, owner, kind, limit, state, hidden=hidden))
        return sorted(self._rows.alerts(rows), key=lambda alert: (-alert.last, alert.id))[:limit]

    async def alert(self, tenant: str, id: str) -> AlertRow | None:
        """See the protocol."""
        key = self._rows.alert_key(tenant, id)
        found = self._rows.alerts(await self._read(lambda db: reading.alerts(db, tenant, None, None, 1, None, key)))
        return found[0] if found else None

    async def alert_events(self, alert: AlertRow) -> AsyncIterator[Record]:
        """See the protocol; read in pages, like :meth:`history`."""
        key, owners = self._rows.alert_key(alert.tenant, alert.id), []
        if alert.account is not None:
            owners = self._owners(alert.account, range(utc_day(alert.first), utc_day(alert.last) + 1))
        numbers = await self._read(lambda db: reading.alert_events(db, key, alert, owners))
        for at in range(0, len(numbers), _PAGE):
            page = numbers[at : at + _PAGE]
            for record in self._rows.records(await self._read(lambda db, page=page: reading.by_sequence(db, page))):  # type: ignore[misc]  # likewise
                yield record

    async def mails_of(self, account: str) -> list[MailKept]:
        """See the protocol."""
        owners = self._rows.mails_row(account), self._rows.alerts_row(account)
        mails = await self._read(lambda db: outbox.mails_of(db, owners[0]))
        alerts = await self._read(lambda db: reading.alerts_of(db, owners[1]))
        return self._rows.mails(mails, alerts)

    async def windows_of(self, account: str) -> list[WindowKept]:
        """See the protocol."""
        owner = self._rows.windows_row(account)
        return self._rows.windows_kept(await self._read(lambda db: reading.tracks_of(db, owner)))

    async def answer_link(self, digest: bytes) -> AnswerLink | None:
        """See the protocol."""
        row = await self._read(lambda db: links.find(db, digest))
        return self._rows.open_link(row) if row is not None else None

    async def put_key(self, key: ApiKey) -> bool:
        """See the protocol."""
        return await self._write(lambda db: keys.put(db, key))

    async def revoke_key(self, name: str, *, now: int) -> bool:
        """See the protocol."""
        return await self._write(lambda db: keys.revoke(db, name, now))

    async def keys(self) -> list[ApiKey]:
        """See the protocol."""
        return await self._read(keys.all_keys)

    async def tenants(self) -> set[str]:
        """See the protocol."""
        return await self._read(keys.tenants)

    async def expire_windows(self, now: int) -> int:
        """See the protocol."""
        dropped = await self._step(lambda db: writing.expire_windows(db, now))
        if self._commons_day != (day := utc_day(now)):
            # All have to be looked at, beside the commits, and it is days that make them old: not by the minute.
            old = await self._read(lambda db: commons.old(db, now, writing.STEP))
            aged = await self._step(lambda db: commons.expire(db, old, now)) if old else 0
            self._commons_day = day if not aged else None
            dropped += aged
        return dropped

    async def check(self) -> None:
        """See the protocol. A file that was moved or deleted would take writes that nobody finds again."""
        if self.path is not None and not still_there(self.path, self._file):
            raise StoreError(f"{self.path}: the file was moved or deleted while in use; restart sentinel", retry=False)
        await self._write(writing.check)
        await self._read(lambda db: db.execute("SELECT 1 FROM event LIMIT 1").fetchone())

    async def close(self) -> None:
        """See the protocol. The write-ahead log is folded into the database."""
        if self._closed:
            return
        self._closed = True
        try:
            # The writer last: the last connection folds the log in, and only it may write.
            await self._read(sqlite3.Connection.close)
            if self.path is not None:
                self._recall_db.close()
                if self._copying is not None:
                    await self._copying
                await self._run(self._copier, self._copy_db, sqlite3.Connection.close)
            await self._write(sqlite3.Connection.close)
        finally:
            for thread in (self._writer, self._reader, self._copier):
                thread.shutdown()

    async def _write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(self._writer, self._write_db, work)

    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(self._reader, self._read_db, work)

    async def _copy(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._run(self._copier, self._copy_db, work)

    async def _run(
        self, thread: ThreadPoolExecutor, database: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T]
    ) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work, database)
        except sqlite3.Error as error:
            raise explain(error, self.path) from None


def _open(path: Path | None, durable: bool, readonly: bool) -> tuple[sqlite3.Connection, ...]:
    """The connections for writing, reading, recalling and copying the log; a database in memory has one for all."""
    with ExitStack() as stack:
        try:
            writer = connect(path, durable=durable, readonly=readonly)
            stack.callback(writer.close)
            if readonly:
                expect_newest(writer)
            else:
                migrate(writer)
                writing.check(writer)  # a file that can only be read opens without a word
            reader = recaller = copier = writer
            if path is not None:
                reader = connect(path, readonly=True)
                stack.callback(reader.close)
                recaller = connect(path, readonly=True)
                stack.callback(recaller.close)
                copier = connect(path, readonly=readonly)
        except sqlite3.Error as error:
            raise explain(error, path) from None
        stack.pop_all()
    return writer, reader, recaller, copier
