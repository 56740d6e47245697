"""The rows that models are fitted on: what features say of real logins and of impostors, as plain numbers."""

from array import array
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
#: What answers weigh beside what is assumed: somebody who knows said so.
_ANSWERED: Final = 10.0
REAL: Final = "real"
ANSWERED: Final = "answered"  #: an attacker, as somebody who knows said
#: Accounts are shared out by their handle: of so many parts one is for the hold-out (`sentinel evaluate --accounts 5`
#: asks about the same), one for calibration.
PARTS: Final = 5
HOLD_OUT, CALIBRATION = 0, 1

#: Groups of logins that are thinned out apart from each other.
_FIRST, _LATER, _TOLD = 0, 1, 2
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
        self._shares = [1.0, 1.0, 1.0]
        self._taken = [0, 0, 0]
        self._accounts: set[int] = set()
        self.logins = 0

    def real(self, sighting: Sighting, profile: Profile, commons: Commons, *, answered: bool = False) -> None:
        """A login of the person's own, held against ``profile`` as it was before it."""
        self.logins += 1
        self._accounts.add(crc32((sighting.account or "").encode()))
        early = profile.trusted_logins < EARLY
        group = _TOLD if answered else _FIRST if early else _LATER
        luck = self._roll.random()
        if luck < self._shares[group] and self._add(sighting, profile, commons, REAL, group, luck):
            if self._impostors.ready:
                for kind in self._roll.sample(KINDS, EACH):
                    made = self._impostors.make(kind, sighting, profile)
                    if made is not None:
                        self._add(made, profile, commons, kind, group, luck)
            self._took(group)
        self._impostors.note(sighting)

    def compromised(self, sighting: Sighting, profile: Profile, commons: Commons) -> None:
        """A login that somebody who knows said was not the person's."""
        luck = self._roll.random()
        if luck < self._shares[_TOLD] and self._add(sighting, profile, commons, ANSWERED, _TOLD, luck):
            self._took(_TOLD)

    @property
    def accounts(self) -> int:
        """How many accounts logged in."""
        return len(self._accounts)

    def table(self) -> Table:
        """All rows as arrays."""
        groups = np.frombuffer(self._groups, dtype=np.int8)
        weights = [weight / share for weight, share in zip((1.0, 1.0, _ANSWERED), self._shares, strict=True)]
        return Table(
            kinds=self.kinds,
            values=np.frombuffer(self._values, dtype=np.float64).reshape(-1, len(NAMES)),
            weights=np.array(weights)[groups],
            kind=np.frombuffer(self._kinds, dtype=np.int8),
            part=np.frombuffer(self._parts, dtype=np.int8),
            day=np.frombuffer(self._days, dtype=np.int32),
        )

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

    def _took(self, group: int) -> None:
        self._taken[group] += 1
        while sum(self._taken) > self._most:
            later = self._taken[_LATER] > self._most // 2
            self._thin(_LATER if later else max((_FIRST, _TOLD), key=lambda each: self._taken[each]))

    def _thin(self, group: int) -> None:
        self._shares[group] *= _LEFT
        groups = np.frombuffer(self._groups, dtype=np.int8)
        kept = (groups != group) | (np.frombuffer(self._luck) < self._shares[group])
        kinds = np.frombuffer(self._kinds, dtype=np.int8)
        # Each login has one row that is no impostor made of it.
        logins = kept & (groups == group) & (kinds <= self.kinds.index(ANSWERED))
        self._taken[group] = int(logins.sum())
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
