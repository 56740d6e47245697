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

#: The first logins of an account are few, and the hardest: all of them are taken.
EARLY: Final = 8
#: Impostors made for each real login that is taken.
EACH: Final = 3
#: What answers weigh beside what is assumed: somebody who knows said so.
_ANSWERED: Final = 10.0
REAL: Final = "real"
ANSWERED: Final = "answered"  #: an attacker, as somebody who knows said
#: Accounts are shared out by their handle: of so many parts one is for the hold-out (`sentinel evaluate --accounts 5`
#: asks about the same), one for calibration.
PARTS: Final = 5
HOLD_OUT, CALIBRATION = 0, 1

Numbers = np.ndarray[Any, np.dtype[Any]]


class Rows:
    """Collects rows in the order of time. ``share``: of later logins that are taken, so that memory is bounded."""

    def __init__(self, impostors: Impostors, policy: TrustPolicy, *, share: float = 1.0, seed: int = 0) -> None:
        self.kinds: tuple[str, ...] = (REAL, ANSWERED, *KINDS)
        self._impostors = impostors
        self._policy = policy
        self._share = share
        self._roll = Random(seed)  # noqa: S311  # repeatable, nothing secret
        self._values = array("d")
        self._weights, self._kinds, self._parts, self._days = array("d"), array("b"), array("b"), array("i")
        self._accounts: set[int] = set()
        self.logins = 0

    def real(self, sighting: Sighting, profile: Profile, commons: Commons, *, answered: bool = False) -> None:
        """A login of the person's own, held against ``profile`` as it was before it."""
        self.logins += 1
        self._accounts.add(crc32((sighting.account or "").encode()))
        early = profile.trusted_logins < EARLY
        taken = early or answered or self._roll.random() < self._share
        if taken and profile.trusted_logins:
            weight = _ANSWERED if answered else 1.0 if early else 1 / self._share
            if self._add(sighting, profile, commons, REAL, weight) and self._impostors.ready:
                for kind in self._roll.sample(KINDS, EACH):
                    made = self._impostors.make(kind, sighting, profile)
                    if made is not None:
                        self._add(made, profile, commons, kind, weight)
        self._impostors.note(sighting)

    def compromised(self, sighting: Sighting, profile: Profile, commons: Commons) -> None:
        """A login that somebody who knows said was not the person's."""
        self._add(sighting, profile, commons, ANSWERED, _ANSWERED)

    @property
    def accounts(self) -> int:
        """How many accounts logged in."""
        return len(self._accounts)

    def table(self) -> "Table":
        """All rows as arrays."""
        return Table(
            kinds=self.kinds,
            values=np.frombuffer(self._values, dtype=np.float64).reshape(-1, len(NAMES)),
            weights=np.frombuffer(self._weights, dtype=np.float64),
            kind=np.frombuffer(self._kinds, dtype=np.int8),
            part=np.frombuffer(self._parts, dtype=np.int8),
            day=np.frombuffer(self._days, dtype=np.int32),
        )

    def _add(self, sighting: Sighting, profile: Profile, commons: Commons, kind: str, weight: float) -> bool:
        values = vector(Look(sighting, profile, self._policy, commons=commons))
        if values is None:
            return False
        self._values.extend(values)
        self._weights.append(weight)
        self._kinds.append(self.kinds.index(kind))
        account = sighting.account or ""
        self._parts.append(HOLD_OUT if held_out(account, PARTS) else 1 + crc32(account.encode()) % (PARTS - 1))
        self._days.append(utc_day(sighting.time))
        return True


class Table:
    """Rows as arrays of equal length; ``kind`` is a position in ``kinds``, ``day`` a UTC day."""

    def __init__(
        self, *, kinds: tuple[str, ...], values: Numbers, weights: Numbers, kind: Numbers, part: Numbers, day: Numbers
    ) -> None:
        self.kinds, self.values, self.weights, self.kind, self.part, self.day = kinds, values, weights, kind, part, day

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def real(self) -> Numbers:
        """Which rows are logins of the person's own."""
        found: Numbers = self.kind == self.kinds.index(REAL)
        return found

    def where(self, chosen: Numbers) -> "Table":
        """Some of the rows."""
        return Table(
            kinds=self.kinds,
            values=self.values[chosen],
            weights=self.weights[chosen],
            kind=self.kind[chosen],
            part=self.part[chosen],
            day=self.day[chosen],
        )
