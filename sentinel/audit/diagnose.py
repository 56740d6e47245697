"""Which change explains best that an entry does not fit. Runs once, at the first fault."""

import sqlite3
from typing import Any, Final

from sentinel.audit.chain import Chain, Head, Start
from sentinel.audit.fault import Fault
from sentinel.audit.tables import FIELDS

_Row = tuple[Any, ...]
#: How many entries taken out, with the rest numbered anew, are recognised as such.
_RENUMBERED: Final = 8


def diagnose(
    database: sqlite3.Connection, chain: Chain, start: Start, head: Head | None, row: _Row, last: int, before: bytes
) -> Fault:
    """The fault at ``row``, the first that does not follow entry ``last`` with the link ``before``."""
    seq, link = row[0], row[-1]
    if seq <= last:
        return Fault(kind="put in", entry=seq, text=f"entry {seq} was put in before the log's start ({start.seq})")
    if seq > last + 1:
        gone = f"entry {last + 1} is" if seq == last + 2 else f"entries {last + 1} to {seq - 1} are"
        return Fault(kind="missing", entry=last + 1, text=f"{gone} missing before entry {seq}")
    after = database.execute(
        f"SELECT {FIELDS}, link FROM entry WHERE seq > ? ORDER BY seq LIMIT 1",  # noqa: S608  # a constant
        (seq,),
    ).fetchone()
    if _follows(chain, after, head, seq, link):
        return Fault(kind="changed", entry=seq, text=f"the fields of entry {seq} were changed")
    if _link_changed(chain, after, head, row, before):
        return Fault(kind="changed", entry=seq, text=f"the link of entry {seq} was changed")
    written = _written_as(database, chain, start, row)
    if written is not None:
        return Fault(kind="reordered", entry=seq, text=f"in place of entry {seq} stands what was written as {written}")
    if after is not None:
        if chain.fits((seq, *after[1:-1]), before, after[-1]):
            return Fault(kind="put in", entry=seq, text=f"entry {seq} was put in, and the rest numbered anew")
        for taken in range(1, _RENUMBERED + 1):
            if chain.fits((after[0] + taken, *after[1:-1]), link, after[-1]):
                text = f"{taken} missing before entry {seq}, and the rest numbered anew"
                return Fault(kind="missing", entry=seq, text=text)
    text = f"entry {seq} was put in, or changed together with its link: it was not written with the key"
    return Fault(kind="put in", entry=seq, text=text)


def _follows(chain: Chain, after: _Row | None, head: Head | None, seq: int, link: bytes) -> bool:
    """Whether what comes behind entry ``seq``, the next entry or the head, was written behind this link."""
    if after is None:
        return head is not None and head.seq == seq and head.link == link
    return after[0] == seq + 1 and chain.fits(after[:-1], link, after[-1])


def _link_changed(chain: Chain, after: _Row | None, head: Head | None, row: _Row, before: bytes) -> bool:
    """Whether the entry's fields are genuine and only the stored link is not."""
    try:
        return _follows(chain, after, head, row[0], chain.link(row[:-1], before))
    except UnicodeEncodeError:
        return False


def _written_as(database: sqlite3.Connection, chain: Chain, start: Start, row: _Row) -> int | None:
    """The number as which the fields of a row were once written; None when that cannot be found out.

    The entry before it is looked for among all rows, at its own place or at that of its neighbour, which has changed
    places with it.
    """
    fields, link = row[1:-1], row[-1]
    for seq, before in [(start.seq, start.link), *database.execute("SELECT seq, link FROM entry ORDER BY seq")]:
        for number in (seq + 1, seq):
            if number != row[0] and chain.fits((number, *fields), before, link):
                return int(number)
    return None
