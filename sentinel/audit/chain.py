"""The keyed links of the audit log, and the two seals that hold its ends.

A link is the keyed BLAKE2b-256 (RFC 7693) of an entry with all its fields and of the link before it. Who has the
file but not the key can therefore not write, change, move or drop an entry without a link that does not fit. What a
chain alone cannot show is that entries are gone from one of its ends; for that, *start* and *head* are sealed with the
same key. Each of the three has a personalisation of its own, so that one never passes for another.

Fields are packed as one MessagePack array before they are hashed: it keeps types and lengths, so that no two entries
give the same bytes.
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec

#: Length of the key, of a link and of a seal, in bytes.
SIZE: Final = 32
_COUNT: Final = 8
_HEAD: Final = 2 * _COUNT + 2 * SIZE
_encode: Final = msgspec.msgpack.Encoder().encode


class Start(msgspec.Struct, frozen=True):
    """Where the log begins: number and link of the last entry that is no longer in it.

    A new log begins at number 0 with a random link, so that entries of one log fit into no other.
    """

    seq: int
    link: bytes


class Head(msgspec.Struct, frozen=True):
    """Where the log ended when it was last looked at under the lock: number and link of the newest entry.

    ``start`` is the number it began after at that time: it may grow, never shrink.
    """

    seq: int
    link: bytes
    start: int


class Chain:
    """Makes and checks links and seals. ``key`` has 32 bytes and serves nothing else."""

    def __init__(self, key: bytes) -> None:
        if len(key) != SIZE:
            raise ValueError(f"the key of the audit log has {SIZE} bytes, got {len(key)}")
        self._entry = blake2b(digest_size=SIZE, key=key, person=b"audit entry")
        self._start = blake2b(digest_size=SIZE, key=key, person=b"audit start")
        self._head = blake2b(digest_size=SIZE, key=key, person=b"audit head")

    def link(self, fields: tuple[Any, ...], before: bytes) -> bytes:
        """The link of an entry with these fields, the number first, behind the link ``before``."""
        return _digest(self._entry, (before, *fields))

    def fits(self, fields: tuple[Any, ...], before: bytes, link: bytes) -> bool:
        """Whether ``link`` is that of these fields behind ``before``; they may come from a file full of damage."""
        try:
            return _digest(self._entry, (before, *fields)) == link
        except UnicodeEncodeError:  # text that is not UTF-8: we never wrote it
            return False

    def seal_start(self, start: Start) -> bytes:
        """What shows that the log begins where we said."""
        return _digest(self._start, msgspec.structs.astuple(start))

    def start_holds(self, start: Start, seal: bytes) -> bool:
        """Whether the seal of a start is ours; both may come from a file full of damage."""
        try:
            return self.seal_start(start) == seal
        except UnicodeEncodeError:
            return False

    def pack_head(self, head: Head) -> bytes:
        """The head with its seal, always 80 bytes: number, start, link, seal."""
        numbers = head.seq.to_bytes(_COUNT, "big") + head.start.to_bytes(_COUNT, "big")
        return numbers + head.link + self._seal_head(head)

    def open_head(self, packed: bytes) -> Head | None:
        """The head again; None when the seal is not ours."""
        if len(packed) != _HEAD:
            return None
        head = Head(
            seq=int.from_bytes(packed[:_COUNT], "big"),
            start=int.from_bytes(packed[_COUNT : 2 * _COUNT], "big"),
            link=packed[2 * _COUNT : -SIZE],
        )
        return head if self._seal_head(head) == packed[-SIZE:] else None

    def _seal_head(self, head: Head) -> bytes:
        return _digest(self._head, msgspec.structs.astuple(head))


def _digest(begun: blake2b, values: tuple[Any, ...]) -> bytes:
    """Plain comparison of what this returns is enough: who can time it can read the file."""
    hashing = begun.copy()
    hashing.update(_encode(values))
    return hashing.digest()
