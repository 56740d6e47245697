"""What scores can be compared over: the logins that all of them have.

A first login has no past to be compared with, so it is left out, for people and attackers alike.
"""

from array import array
from collections import defaultdict
from typing import Final

import msgspec

from sentinel.evaluation.rows import LEGITIMATE, Rows

#: What tells that there is a past: the reference has a score as soon as the account once logged in.
_PAST: Final = ("reference",)


class Compared(msgspec.Struct, frozen=True):
    """Logins that all scores have: people's, and attackers' by kind.

    ``people``: places in ``rows``, in their order. ``ours``: score → people's, ascending. ``kinds``: kind of attack →
    score → theirs, ascending. ``sessions``: kinds of which there are only sessions, no logins. ``strangers``: attackers
    on accounts without a past. ``left_out``: logins with a past that a score says nothing of.
    """

    rows: Rows
    names: tuple[str, ...]
    people: "array[int]"
    ours: "dict[str, array[float]]"
    kinds: "dict[str, dict[str, array[float]]]"
    sessions: frozenset[str]
    strangers: int
    left_out: dict[str, int]

    def number(self, kind: str) -> int:
        """How many attackers of a kind."""
        return len(self.kinds[kind][self.names[0]])


def compared(rows: Rows) -> Compared:
    """Choose and sort."""
    names = rows.names
    people = array("I")
    logins: dict[str, list[int]] = defaultdict(list)
    sessions: dict[str, list[int]] = defaultdict(list)
    strangers, left_out = 0, dict.fromkeys(names, 0)
    for number in range(len(rows)):
        kind = rows.kinds[rows.labels[number]]
        if not rows.whole(number, _PAST):
            strangers += kind != LEGITIMATE
        elif not rows.whole(number, names):
            for name in names:
                left_out[name] += not rows.whole(number, (name,))
        elif kind == LEGITIMATE:
            people.append(number)
        else:
            (sessions if rows.sessions[number] else logins)[kind].append(number)
    only = sessions.keys() - logins.keys()
    chosen = sorted((logins | {kind: sessions[kind] for kind in only}).items())
    return Compared(
        rows=rows,
        names=names,
        people=people,
        ours={name: _ascending(rows, name, people) for name in names},
        kinds={kind: {name: _ascending(rows, name, found) for name in names} for kind, found in chosen},
        sessions=frozenset(only),
        strangers=strangers,
        left_out={name: number for name, number in left_out.items() if number},
    )


def _ascending(rows: Rows, name: str, numbers: "array[int] | list[int]") -> "array[float]":
    scores = rows.scores[name]
    return array("d", sorted(scores[number] for number in numbers))
