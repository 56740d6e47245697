"""The audit log: appended to by several processes, read in pages, pruned from the start.

An append is one transaction that takes SQLite's write lock, reads the newest link and links on to it, so that any
number of processes keep one chain; it is on disk when it returns, for one sync of the write-ahead log. The head follows
under the lock as well, after the commit: it may lag behind the log when a writer is killed in between, and it never
leads. It only ever moves on from where the log still agrees with it. So an entry that is appended to a log that was
cut short does not cover that up.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from sentinel.audit.chain import SIZE, Chain, Head, Start
from sentinel.audit.entry import PURPOSE_LENGTH, Entry, Logged
from sentinel.audit.fault import MENDED
from sentinel.audit.head import FileHead, HeadKeeper
from sentinel.audit.reading import read
from sentinel.audit.tables import FIELDS, insert, is_made, link_of, make, newest, open_tables, read_start
from sentinel.audit.verify import Report, walk
from sentinel.database import explain, still_there
from sentinel.errors import StoreError
from sentinel.events.clock import DAY

#: Longest that entries are kept, in days: they are personal data too.
KEEP_DAYS: Final = 365
#: Entries dropped in one transaction: other writers wait for some milliseconds, not longer.
_STEP: Final = 1000


class AuditLog:
    """One audit log; safe to use from several threads. Every method may raise :class:`StoreError`.

    ``key`` has 32 bytes and is this log's own. ``head`` keeps the head elsewhere; without it, it is in a file beside
    the log. The log is made when there is none, unless ``create`` is false. It reads no clock.
    """

    def __init__(self, path: Path, key: bytes, head: HeadKeeper | None = None, *, create: bool = True) -> None:
        self._path = path
        self._chain = Chain(key)
        self._keeper: HeadKeeper = head if head is not None else FileHead(path.with_suffix(".head"))
        self._lock = Lock()
        self._database = self._open(create)
        self._file = path.stat().st_ino

    def append(self, entries: Sequence[Entry]) -> int:
        """Write entries in this order, all or none; returns the number of the last one.

        Call it before what it tells of is shown or done: if it fails, nothing may be. Never call it inside a
        transaction of what keeps the head. When only the head cannot be written, :class:`StoreError` says so and the
        entries stand.
        """
        with self._transaction():
            self._still_there()
            last = self._append(entries)
        self._follow()
        return last

    def prune(self, now: int, *, keep_days: int = KEEP_DAYS) -> int:
        """Drop the entries from the start of the log that are older than so many days; returns how many.

        It stops at the first that is younger. The number and link of the last one dropped become the log's sealed
        start, so that the rest still verifies; an entry tells of it.
        """
        if not 1 <= keep_days <= KEEP_DAYS:
            raise ValueError(f"entries are kept for 1 to {KEEP_DAYS} days")
        total = 0
        while dropped := self._drop(now, keep_days):
            total += dropped
        if total:
            with self._told(), self._lock:  # or they would still be read in the write-ahead log
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return total

    def verify(self) -> Report:
        """Check every entry and both ends; some microseconds an entry. Writers go on meanwhile."""
        with self._transaction():
            head = self._keeper.get()
        with self._told(), closing(open_tables(self._path)) as database:
            database.execute("BEGIN")  # one state of the file, whoever appends or prunes meanwhile
            return walk(database, self._chain, head)

    def repair(self, now: int, actor: str) -> Report:
        """Set the head anew when only the head is at fault, with an entry that says what the fault was.

        Returns the report from before. Entries that are gone stay gone. A chain that is broken cannot be mended, and
        nothing is done then.
        """
        report = self.verify()
        if report.fault is not None and report.fault.kind in MENDED:
            purpose = report.fault.text[:PURPOSE_LENGTH]
            with self._transaction():
                self._append([Entry(time=now, actor=actor, role="operator", action="audit.repair", purpose=purpose)])
            with self._transaction():
                self._keeper.put(self._packed_head())
        return report

    def show(
        self,
        *,
        account: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        tenant: str | None = None,
        since: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Logged]:
        """The newest entries that meet all conditions, newest last, at most ``limit``.

        ``account`` is a row id, ``since`` the earliest time in micros. For the page before, pass the number of the
        first entry shown as ``before``. Reads what is there; only :meth:`verify` says whether it is genuine.
        """
        asked = {"account": account, "action": action, "actor": actor, "tenant": tenant, "since": since}
        # Of its own: a walk through the whole log must not keep those waiting who write.
        with self._told(), closing(open_tables(self._path)) as database:
            return read(database, asked | {"before": before, "limit": limit})

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _open(self, create: bool) -> sqlite3.Connection:
        if not self._path.exists():
            if not create:
                raise StoreError(
                    f"{self._path}: there is no audit log; nothing was logged yet, or it was taken away", retry=False
                )
            try:
                # SQLite would make the file with the process's umask.
                os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            except OSError as error:
                raise StoreError(f"{self._path}: cannot be made: {error.strerror}", retry=False) from None
        with self._told():
            database = self._database = open_tables(self._path)
        try:
            if create:
                with self._transaction():
                    if not is_made(database):
                        start = Start(0, os.urandom(SIZE))
                        make(database, start, self._chain.seal_start(start))
        except BaseException:
            database.close()
            raise
        return database

    def _append(self, entries: Sequence[Entry]) -> int:
        start = self._start()
        found = newest(self._database)
        if found is None and start.seq == 0 and self._keeper.get() is None:
            # Before the first entry, so that a log with entries and without a head is always one that lost it.
            self._keeper.put(self._packed_head())
        seq, link = found or (start.seq, start.link)
        rows = []
        for entry in entries:
            seq += 1
            fields = (
                *(seq, entry.time, entry.tenant, entry.actor, entry.role),
                *(entry.action, entry.purpose, entry.account, entry.sealed),
            )
            link = self._chain.link(fields, link)
            rows.append((*fields, link))
        insert(self._database, rows)
        return seq

    def _drop(self, now: int, keep_days: int) -> int:
        """One step of :meth:`prune`, with its entry; returns how many were dropped."""
        with self._transaction():
            self._still_there()
            start = self._start()
            seq, link, dropped, whole = start.seq, start.link, 0, True
            rows = self._database.execute(
                f"SELECT {FIELDS}, link FROM entry ORDER BY seq LIMIT ?",  # noqa: S608  # a constant
                (_STEP,),
            )
            for row in rows.fetchall():
                if not isinstance(row[1], int) or row[1] >= now - keep_days * DAY:
                    break
                dropped += 1
                whole = whole and row[0] == seq + 1 and self._chain.fits(row[:-1], link, row[-1])
                if row[0] > seq:  # else it was put in before the start
                    seq, link = row[0], row[-1]
            if not dropped:
                return 0
            # Or a head that lags would name an entry that is gone.
            self._move_head()
            start = Start(seq, link)
            self._database.execute("DELETE FROM entry WHERE seq <= ?", (seq,))
            self._database.execute(
                "UPDATE start SET seq = ?, link = ?, seal = ?", (start.seq, link, self._chain.seal_start(start))
            )
            purpose = f"kept for {keep_days} days; {dropped} dropped, up to {seq}"
            purpose += "" if whole else "; some of them did not fit the chain"
            self._append([Entry(time=now, actor="system", role="system", action="audit.prune", purpose=purpose)])
        self._follow()
        return dropped

    def _start(self) -> Start:
        found = read_start(self._database) if is_made(self._database) else None
        if found is None or not self._chain.start_holds(*found):
            raise StoreError(
                f"{self._path}: the audit log was written with another key (sentinel.key), or its start was changed;"
                " run: sentinel audit verify",
                retry=False,
            )
        return found[0]

    def _follow(self) -> None:
        """Move the head to the newest entry, under the lock so that it never moves back. Costs no sync."""
        with self._transaction():
            self._move_head()

    def _move_head(self) -> None:
        """Unless the log no longer agrees with the head: then it stays, as evidence."""
        packed = self._keeper.get()
        head = self._chain.open_head(packed) if packed is not None else None
        start = self._start()
        if head is None or head.start > start.seq:
            return
        there = start.link if head.seq == start.seq else link_of(self._database, head.seq)
        if there == head.link:
            self._keeper.put(self._packed_head())

    def _packed_head(self) -> bytes:
        start = self._start()
        seq, link = newest(self._database) or (start.seq, start.link)
        return self._chain.pack_head(Head(seq=seq, link=link, start=start.seq))

    def _still_there(self) -> None:
        if not still_there(self._path, self._file):
            raise StoreError(
                f"{self._path}: the audit log was taken away or replaced while it was open; put it back, then restart",
                retry=False,
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """The write lock, for this thread and before all other processes."""
        with self._told(), self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_ERROR":  # a table or column is not there
                raise StoreError(
                    f"{self._path}: the tables of the audit log are not as sentinel made them: the file was changed."
                    f" Keep it and {self._path.with_suffix('.head').name} as evidence in another place, then begin a"
                    " new log: sentinel audit verify --repair",
                    retry=False,
                ) from None
            raise explain(error, self._path) from None
        except UnicodeDecodeError:  # what SQLite says of a damaged schema need not be text
            raise StoreError(f"{self._path}: the file is damaged; keep it and restore a backup", retry=False) from None
