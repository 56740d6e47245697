"""Scored logins in columns: a million of them in 70 MB."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from math import isnan, nan
from typing import Final

import msgspec

#: The scores, in the order of :attr:`Scored.scores`. ``combined``: rules and impostor together, 0 to 100; ``rules``:
#: their risk alone, likewise; ``impostor``: a probability; ``likelihood``, ``novelty``: of the models; ``reference``:
#: the published model. Higher is riskier in each.
NAMES: Final = ("combined", "rules", "impostor", "likelihood", "novelty", "reference")
LEGITIMATE: Final = "legitimate"
#: What an attack is called whose label names no kind.
ANY_ATTACK: Final = "attack"
#: The only other type of event that is scored.
_SESSION: Final = "session_seen"

Scores = tuple[float | None, ...]  #: in the order of :data:`NAMES`


class Scored(msgspec.Struct, frozen=True, array_like=True):
    """A login that succeeded, is pending or had the right password; of attackers also a session when first seen.

    ``account`` is a pseudonym, ``time`` micros. ``earlier``: legitimate logins of the account before it.
    ``label``: ``legitimate``, or the kind of attack. ``scores``: one for each of :data:`NAMES`, ``None`` where a score
    has nothing to go by.
    """

    account: str
    time: int
    type: str
    earlier: int
    label: str
    scores: Scores


class Rows:
    """A sequence of :class:`Scored` that keeps numbers only: 67 bytes a row, and each account's name once."""

    def __init__(self, rows: Iterable[Scored] = ()) -> None:
        self.accounts: array[int] = array("I")  #: place in the names, see :meth:`number`
        self.times: array[int] = array("q")
        self.earlier: array[int] = array("I")
        self.labels: array[int] = array("H")  #: place in :attr:`kinds`
        self.sessions = bytearray()  #: 1 where it is a session, no login
        self.scores: dict[str, array[float]] = {name: array("d") for name in NAMES}  #: not a number: none
        self.kinds: list[str] = [LEGITIMATE]
        self.given: dict[str, int] = dict.fromkeys(NAMES, 0)  #: rows that have each score
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        for row in rows:
            self.append(row)

    def append(self, row: Scored) -> None:
        """Add a row."""
        self.accounts.append(self.number(row.account))
        self.times.append(row.time)
        self.earlier.append(row.earlier)
        if row.label not in self.kinds:
            self.kinds.append(row.label)
        self.labels.append(self.kinds.index(row.label))
        self.sessions.append(row.type == _SESSION)
        for name, score in zip(NAMES, row.scores, strict=True):
            self.scores[name].append(nan if score is None else score)
            self.given[name] += score is not None

    def number(self, account: str) -> int:
        """The number that stands for an account here."""
        found = self._numbers.get(account)
        if found is None:
            found = self._numbers[account] = len(self._names)
            self._names.append(account)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The scores that any row has, in the order of :data:`NAMES`; what is absent for a whole run is not told of."""
        return tuple([name for name in NAMES if self.given[name]])

    def since(self, time: int) -> "Rows":
        """Those at or after ``time`` (micros)."""
        return Rows(self[number] for number, at in enumerate(self.times) if at >= time)

    def whole(self, number: int, names: Sequence[str]) -> bool:
        """Whether a row has all these scores."""
        return not any(isnan(self.scores[name][number]) for name in names)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, number: int) -> Scored:
        scores = [self.scores[name][number] for name in NAMES]
        return Scored(
            self._names[self.accounts[number]],
            self.times[number],
            _SESSION if self.sessions[number] else "login",
            self.earlier[number],
            self.kinds[self.labels[number]],
            tuple([None if isnan(score) else score for score in scores]),
        )

    def __iter__(self) -> Iterator[Scored]:
        return (self[number] for number in range(len(self)))
