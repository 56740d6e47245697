"""Walking the chain from start to head, and telling in words the first thing that does not fit."""

import sqlite3
from typing import Any

import msgspec

from sentinel.audit.chain import Chain, Head, Start
from sentinel.audit.diagnose import diagnose
from sentinel.audit.fault import Fault
from sentinel.audit.tables import FIELDS, are_ours, is_made, read_start
from sentinel.errors import StoreError


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk found: ``entries`` that hold, the last of them ``last``; those up to ``start`` were pruned.

    ``after_head`` entries are newer than the head. They are genuine, since they fit the chain: a writer was stopped,
    or the power cut, before the head followed, or one is at work this moment. That is no fault, and the next entry
    mends it; but had somebody cut off entries just there, it would not show.
    """

    entries: int
    start: int
    last: int
    after_head: int
    fault: Fault | None


def walk(database: sqlite3.Connection, chain: Chain, packed_head: bytes | None) -> Report:
    """Check a whole log against its head, row by row; the log is never in memory as a whole.

    ``packed_head`` must be read before the transaction begins in which this reads: the log may have grown since, and
    that is no fault. Raises :class:`StoreError` when the log was written with another key or has no tables.
    """
    if not is_made(database):
        raise StoreError("the audit log is an empty file: it was put in place of the real one", retry=False)
    if not are_ours(database):
        return _broken(0, 0, "changed", 0, "the tables are not as sentinel made them: something was added or altered")
    head = chain.open_head(packed_head) if packed_head is not None else None
    found = read_start(database)
    if found is None:
        return _broken(0, 0, "start moved", 0, "the mark of where the log begins is gone")
    start, seal = found
    if not chain.start_holds(start, seal):
        if packed_head is not None and head is None:
            raise StoreError(
                "neither start nor head of the audit log fit the key: it was written with another key (sentinel.key),"
                " or both were changed",
                retry=False,
            )
        return _broken(0, 0, "start moved", 0, "the mark of where the log begins was changed")
    last, link = start.seq, start.link
    at_head = link if head is not None and head.seq == last else None
    head_seq = head.seq if head is not None else None
    for row in database.execute(f"SELECT {FIELDS}, link FROM entry ORDER BY seq"):  # noqa: S608  # a constant
        if row[0] != last + 1 or not chain.fits(row[:-1], link, row[-1]):
            return Report(
                entries=last - start.seq,
                start=start.seq,
                last=last,
                after_head=0,
                fault=diagnose(database, chain, start, head, row, last, link),
            )
        last, link = row[0], row[-1]
        if last == head_seq:
            at_head = link
    fault = _head_fault(packed_head, head, start, last, at_head)
    after = max(0, last - head.seq) if head is not None and fault is None else 0
    return Report(entries=last - start.seq, start=start.seq, last=last, after_head=after, fault=fault)


def _head_fault(
    packed: bytes | None, head: Head | None, start: Start, last: int, at_head: bytes | None
) -> Fault | None:
    """What is wrong between a chain that holds and its head."""
    if packed is None:
        if last == 0:  # new: the head is written before the first entry
            return None
        return Fault(
            kind="head", entry=last, text="the head is gone: whether newer entries were cut off cannot be told"
        )
    if head is None:
        text = "the head was changed or damaged: whether newer entries were cut off cannot be told"
        return Fault(kind="head", entry=last, text=text)
    if last < head.seq:
        gone = f"entry {head.seq} is" if head.seq == last + 1 else f"entries {last + 1} to {head.seq} are"
        return Fault(kind="tail cut", entry=last + 1, text=f"{gone} gone: the newest were cut off")
    if head.start > start.seq:
        text = f"the log begins after entry {start.seq}, but was pruned up to {head.start}: an older start was put back"
        return Fault(kind="start moved", entry=start.seq, text=text)
    if head.seq < start.seq:
        text = f"the head names entry {head.seq}, which is older than the log: an older head was put back"
        return Fault(kind="head", entry=head.seq, text=text)
    if at_head != head.link:
        text = f"entry {head.seq} is not the one that was there: the newest were cut off, or the file replaced, and"
        return Fault(kind="tail cut", entry=head.seq, text=f"{text} the log written on")
    return None


def _broken(start: int, last: int, kind: Any, entry: int, text: str) -> Report:
    return Report(entries=0, start=start, last=last, after_head=0, fault=Fault(kind=kind, entry=entry, text=text))
