"""The rows that models are fitted on: what features say of real logins and of impostors, as plain numbers."""

from array import array
from collections.abc import Callable
from random import Random
from typing import Any, Final
from zlib import crc32

import numpy as np

from sentinel.events.clock import utc_day
from sentinel.events.sighting import Sighting
from sentinel.facts.look import Look
from sentinel.models.features import NAMES, vector
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile, TrustPolicy
from sentinel.pipeline.holdout import held_out
from sentinel.training.impostors import KINDS, Impostors
from sentinel.training.table import Numbers, Table

#: The first logins of an account are few, and the hardest: all of them are taken, as long as there is room.
EARLY: Final = 8
#: Impostors made for each real login that is taken.
EACH: Final = 3
#: Logins that are taken at most; with impostors four times as many rows of 300 bytes: 100 MB.
MOST_LOGINS: Final = 80_000
REAL: Final = "real"
ANSWERED: Final = "answered"  #: an attacker, as somebody who knows said
#: Accounts are shared out by their handle: of so many parts one is for the hold-out (`sentinel evaluate --accounts 5`
#: asks about the same), one for calibration.
PARTS: Final = 5
HOLD_OUT, CALIBRATION = 0, 1

#: Groups of logins that are thinned out apart from each other.
_FIRST, _LATER, _TOLD, _OPEN = 0, 1, 2, 3
#: What is left of a group that is thinned out.
_LEFT: Final = 0.75


class Rows:
    """Collects rows in the order of time.

    Memory is bounded: when more than ``most`` logins were taken, a part of the later logins of accounts goes again by
    chance, and what is left weighs as much more. Only where these are few, first logins or answered ones go.
    """

    kinds: tuple[str, ...] = (REAL, ANSWERED, *KINDS)

    def __init__(self, impostors: Impostors, policy: TrustPolicy, *, most: int = MOST_LOGINS, seed: int = 0) -> None:
        self._impostors = impostors
        self._policy = policy
        self._most = most
        self._roll = Random(seed)  # noqa: S311  # repeatable, nothing secret
        self._values = array("d")
        self._kinds, self._parts, self._days = array("b"), array("b"), array("i")
        #: Of each row its login's number in the draw and group: what goes, goes with its impostors.
        self._luck, self._groups = array("d"), array("b")
        self._shares = [1.0] * 4
        self._taken = [0] * 4
        self._open: dict[float, Sighting] = {}
        self._accounts: set[int] = set()
        self.logins = 0

    def real(self, sighting: Sighting, profile: Profile, commons: Commons, *, answered: bool = False) -> None:
        """A login of the person's own, held against ``profile`` as it was before it."""
        self._count(sighting)
        group = _TOLD if answered else _FIRST if profile.trusted_logins < EARLY else _LATER
        self._take(sighting, profile, commons, group)
        self._impostors.note(sighting)

    def flagged(self, sighting: Sighting, profile: Profile, commons: Commons) -> None:
        """A login that nobody answered for; whether it was the person's own is told in the end, see :meth:`settle`."""
        luck = self._take(sighting, profile, commons, _OPEN)
        if luck is not None:
            self._open[luck] = sighting

    def settle(self, trusted: Callable[[Sighting], bool]) -> None:
        """What was flagged stays if everything of it is ``trusted`` by now, as a person's own; else it goes."""
        gone = []
        for luck, sighting in self._open.items():
            if trusted(sighting):
                self._count(sighting)
            else:
                gone.append(luck)
        self._open.clear()
        self._keep(~np.isin(np.frombuffer(self._luck), gone))

    def compromised(self, sighting: Sighting, profile: Profile, commons: Commons) -> None:
        """A login that somebody who knows said was not the person's."""
        self._take(sighting, profile, commons, _TOLD, ANSWERED)

    @property
    def accounts(self) -> int:
        """How many accounts logged in."""
        return len(self._accounts)

    def table(self) -> Table:
        """All rows as arrays."""
        groups = np.frombuffer(self._groups, dtype=np.int8)
        return Table(
            kinds=self.kinds,
            values=np.frombuffer(self._values, dtype=np.float64).reshape(-1, len(NAMES)),
            weights=(1 / np.array(self._shares))[groups],
            kind=np.frombuffer(self._kinds, dtype=np.int8),
            part=np.frombuffer(self._parts, dtype=np.int8),
            day=np.frombuffer(self._days, dtype=np.int32),
            answered=groups == _TOLD,
        )

    def _count(self, sighting: Sighting) -> None:
        self.logins += 1
        self._accounts.add(crc32((sighting.account or "").encode()))

    def _take(
        self, sighting: Sighting, profile: Profile, commons: Commons, group: int, kind: str = REAL
    ) -> float | None:
        """A login with impostors of it, unless chance is against it; its number in the draw if it was taken."""
        luck = self._roll.random()
        if luck >= self._shares[group] or not self._add(sighting, profile, commons, kind, group, luck):
            return None
        if kind == REAL and self._impostors.ready:
            for each in self._roll.sample(KINDS, EACH):
                made = self._impostors.make(each, sighting, profile)
                if made is not None:
                    self._add(made, profile, commons, each, group, luck)
        self._taken[group] += 1
        while sum(self._taken) > self._most:
            later = self._taken[_LATER] > self._most // 2
            self._thin(_LATER if later else max((_FIRST, _TOLD, _OPEN), key=lambda each: self._taken[each]))
        return luck if luck < self._shares[group] else None

    def _add(self, sighting: Sighting, profile: Profile, commons: Commons, kind: str, group: int, luck: float) -> bool:
        values = vector(Look(sighting, profile, self._policy, commons=commons))
        if values is None:
            return False
        self._values.extend(values)
        self._kinds.append(self.kinds.index(kind))
        self._parts.append(part_of(sighting.account or ""))
        self._days.append(utc_day(sighting.time))
        self._luck.append(luck)
        self._groups.append(group)
        return True

    def _thin(self, group: int) -> None:
        share = self._shares[group] = self._shares[group] * _LEFT
        groups, luck = np.frombuffer(self._groups, dtype=np.int8), np.frombuffer(self._luck)
        kept = (groups != group) | (luck < share)
        self._taken[group] = len(np.unique(luck[kept & (groups == group)]))
        if group == _OPEN:
            self._open = {number: each for number, each in self._open.items() if number < share}
        self._keep(kept)

    def _keep(self, kept: Numbers) -> None:
        self._values = _those(self._values, kept, len(NAMES))
        self._kinds, self._parts = _those(self._kinds, kept), _those(self._parts, kept)
        self._days, self._luck = _those(self._days, kept), _those(self._luck, kept)
        self._groups = _those(self._groups, kept)


def part_of(account: str) -> int:
    """The part that an account (its handle) belongs to: :data:`HOLD_OUT`, :data:`CALIBRATION`, or one of the rest."""
    return HOLD_OUT if held_out(account, PARTS) else 1 + crc32(account.encode()) % (PARTS - 1)


def _those(column: "array[Any]", kept: Numbers, width: int = 1) -> "array[Any]":
    """Some rows of a column."""
    out = array(column.typecode)
    out.frombytes(np.frombuffer(column, dtype=column.typecode).reshape(-1, width)[kept].tobytes())
    return out
