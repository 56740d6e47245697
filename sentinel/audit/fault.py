"""What can be wrong with the audit log."""

from typing import Final, Literal

import msgspec

#: ``changed``: fields or the link of an entry, or the tables. ``missing``: gone from between others. ``put in``: not
#: written by who has the key. ``reordered``: genuine, but written elsewhere. ``tail cut``: the newest are gone. ``start
#: moved``: it does not begin where it should. ``head``: the head itself cannot be trusted.
Kind = Literal["changed", "missing", "put in", "reordered", "tail cut", "start moved", "head"]
#: Those that leave a chain that holds: the head can be set anew.
MENDED: Final[tuple[Kind, ...]] = ("tail cut", "head")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """The first thing that does not fit: its kind, the number of the entry (0: none), and a sentence about it.

    That it is broken is certain; the kind is the plainest change that explains it.
    """

    kind: Kind
    entry: int
    text: str
