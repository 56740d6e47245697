"""Usage figures: how many accounts came on a day, and how. Anonymous from the first moment.

A day's tally begins with its noise, so that the true counts are never written down, and is sealed while the day lasts:
its file and its backups say nothing of how it grew with one event. Once the day is over it becomes figures without its
small cells, once and for good. docs/usage.md says what that protects.
"""

from array import array
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Final

import msgspec

from sentinel.events.clock import DAY, HOUR, utc_day
from sentinel.past.profile import Profile
from sentinel.pipeline.item import Arrival, Item, Outcome, UsagePolicy
from sentinel.pipeline.usage_cells import Dimension, cells, cells_of, dimensions
from sentinel.privacy.noise import Noise, discrete_laplace, least_told
from sentinel.privacy.sealer import Sealer, pack, unpack
from sentinel.store.protocol import USAGE_DAYS, Changes, TallyKey, UsageDay

#: A day takes events for this long after its end: those that arrived before midnight and waited to be judged.
_GRACE: Final = HOUR
#: How likely noise alone makes one empty cell of a dimension look filled on a day: once in some 100 days.
_FALSE_CELL: Final = 0.01
#: What a profile remembers of the day: the account was counted as let in, as turned away.
_LET_IN: Final = 1
_TURNED_AWAY: Final = 2


class Tally(msgspec.Struct):
    """One open day of a tenant: count and noise in one number for each of :func:`cells`."""

    policy: UsagePolicy
    numbers: list[int]


class _Kept(msgspec.Struct, array_like=True):
    """A tally as sealed. Always the same size: a length that grew would tell that a cell did."""

    policy: UsagePolicy
    cells: str  #: names, so that another version with another list finds them
    numbers: bytes  #: four bytes each


def scale_of(dimension: Dimension, policy: UsagePolicy) -> Fraction:
    """The scale of a dimension's noise: each has the same part of the budget, and a cell takes what one account adds.

    >>> [str(scale_of(one, UsagePolicy(epsilon=2.0))) for one in dimensions()]
    ['4', '2', '2', '2']
    """
    return dimension.most / epsilon_of(policy)


def epsilon_of(policy: UsagePolicy) -> Fraction:
    """What one dimension spends a day of the budget for each account."""
    return Fraction(str(policy.epsilon)) / len(dimensions())


def least_of(dimension: Dimension, policy: UsagePolicy) -> int:
    """The smallest number told: ``min_cell``, or more where noise alone would often reach it."""
    return max(policy.min_cell, least_told(scale_of(dimension, policy), len(dimension.values), _FALSE_CELL))


def begin(policy: UsagePolicy, noise: Noise = discrete_laplace) -> Tally:
    """A new day: nothing but noise in every cell."""
    scales = [scale for one in dimensions() for scale in [scale_of(one, policy)] * len(one.values)]
    return Tally(policy, [noise(scale) for scale in scales])


def tell(tally: Tally, day: int, tenant: str) -> list[UsageDay]:
    """The figures of a day that is over. What they leave out is gone."""
    out, places = [], cells()
    for one in dimensions():
        least = least_of(one, tally.policy)
        numbers = {value: tally.numbers[places[f"{one.name}/{value}"]] for value in one.values}
        out.append(
            UsageDay(
                day=day,
                tenant=tenant,
                dimension=one.name,
                epsilon=float(epsilon_of(tally.policy)),
                scale=float(scale_of(one, tally.policy)),
                least=least,
                numbers={value: number for value, number in numbers.items() if number >= least},
            )
        )
    return out


class Usage:
    """The open days of all tenants, as they are once everything judged so far is stored."""

    def __init__(
        self, kept: Mapping[TallyKey, bytes], sealer: Callable[[int], Sealer], noise: Noise = discrete_laplace
    ) -> None:
        self._sealer, self._noise = sealer, noise  # of a UTC day
        self._open: dict[str, dict[int, Tally]] = {}
        self._changed: set[TallyKey] = set()
        self._cut = 0  #: days before it are over …
        self._until = 0  #: … until this moment (micros), when the next one is
        for (day, tenant), sealed in kept.items():
            self._open.setdefault(tenant, {})[day] = self._unpack(day, tenant, sealed)

    def count(
        self,
        item: Item,
        outcome: Outcome,
        profiles: Mapping[str, Profile],
        policy: UsagePolicy | None,
        changes: Changes,
    ) -> None:
        """Count what came of an item, on the UTC day it arrived; marks the account's profile.

        Only logins posted over HTTP, once they ended, that the person of a known account made, and that were judged.
        Files and imported history are the past, and a restricted account is not used for anything.
        """
        if policy is None:
            return
        if item.call is not None:
            key = (utc_day(item.call.at), item.tenant, item.call.key)
            changes.calls[key] = changes.calls.get(key, 0) + 1
        if not isinstance(item, Arrival) or item.received is None or item.silent:
            return
        if item.received >= self._until:
            self._close(item.received, policy, changes)
        sighting, assessment = item.sighting, outcome.assessment
        if assessment is None or outcome.duplicate or assessment.level is None or not sighting.own:
            return
        if sighting.type != "login" or sighting.outcome == "pending":
            return
        # A name that was tried and does not exist is keyed apart, so that it has none.
        profile = profiles.get(sighting.account) if sighting.account is not None else None
        if profile is None:
            return
        day = self._day(item.tenant, item.received, policy)
        mark = _LET_IN if sighting.outcome == "success" else _TURNED_AWAY
        # Around midnight events may overtake each other: a day left is not come back to, or it would be counted twice.
        if day < profile.usage_day or (day == profile.usage_day and profile.usage_marks & mark):
            return
        if day > profile.usage_day:
            profile.usage_day, profile.usage_marks = day, 0
        profile.usage_marks |= mark
        numbers = self._open[item.tenant][day].numbers
        for place in cells_of(sighting):
            numbers[place] += 1
        self._changed.add((day, item.tenant))

    def note(self, changes: Changes) -> None:
        """Put the open days that changed into ``changes``, sealed."""
        for day, tenant in self._changed:
            changes.tallies[day, tenant] = self._pack(day, tenant, self._open[tenant][day])
        self._changed.clear()

    def _day(self, tenant: str, received: int, policy: UsagePolicy) -> int:
        """The day that an event counts to, which is open then: never one that is over."""
        days = self._open.setdefault(tenant, {})
        day = max(utc_day(received), self._cut, min(days, default=0))
        if day not in days:
            days[day] = begin(policy, self._noise)
        return day

    def _close(self, now: int, policy: UsagePolicy, changes: Changes) -> None:
        """Tell the days that are over. The next begins at once: a day on which nobody came must look like any other."""
        self._cut = cut = utc_day(now - _GRACE)
        self._until = (cut + 1) * DAY + _GRACE
        for tenant, days in self._open.items():
            while days and (day := min(days)) < cut:
                tally = days.pop(day)
                changes.usage += tell(tally, day, tenant)
                changes.tallies[day, tenant] = None
                self._changed.discard((day, tenant))
                following = max(day + 1, cut - USAGE_DAYS)
                if following not in days:
                    days[following] = begin(policy, self._noise)
                    self._changed.add((following, tenant))

    def _pack(self, day: int, tenant: str, tally: Tally) -> bytes:
        kept = _Kept(tally.policy, _names(), array("i", tally.numbers).tobytes())
        return self._sealer(day).seal(pack(kept), _row(day, tenant))

    def _unpack(self, day: int, tenant: str, sealed: bytes) -> Tally:
        kept = unpack(self._sealer(day).open(sealed, _row(day, tenant)), _Kept)
        numbers = array("i", kept.numbers).tolist()
        if kept.cells == _names():
            return Tally(kept.policy, numbers)
        # Written by a version with another list: what both know goes on, what is new begins.
        tally, places = begin(kept.policy, self._noise), cells()
        for name, number in zip(kept.cells.split("\n"), numbers, strict=True):
            if name in places:
                tally.numbers[places[name]] = number
        return tally


@lru_cache(1)
def _names() -> str:
    return "\n".join(cells())


def _row(day: int, tenant: str) -> str:
    return f"usage.{day}.{tenant}"
