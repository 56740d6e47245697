"""What is common for everybody: how many accounts of a tenant use an address, a network, an agent, … to hold an account
against.

An account counts once for a value and :data:`PERIOD`, however often it logs in with it: a service account that comes
every minute is no crowd. Only logins that joined the trusted past count, or an attack would make its own tools common.
Values are held by a keyed hash alone, so that a count says nothing of whom it is about. Pure: time is the event's.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

#: Days that are counted together, and how many such spans are kept: 364 days at most.
PERIOD: Final = 91
KEPT: Final = 4


class Level(NamedTuple):
    """What is counted. ``prior``: how common a value is taken for that was never seen; ``most``: values kept."""

    name: str
    prior: float
    most: int


#: Priors are orders of magnitude, set by hand: they stand for a service until a few dozen accounts were counted.
LEVELS: Final = (
    Level("address", 0.0003, 20_000),
    Level("prefix", 0.0005, 20_000),
    Level("network", 0.005, 10_000),
    Level("country", 0.03, 512),
    Level("agent", 0.003, 10_000),
    Level("device_class", 0.02, 2_000),
    Level("system", 0.1, 512),
    Level("device_type", 0.3, 64),
    Level("method", 0.2, 64),
    Level("hour", 1 / 24, 24),
    Level("account", 1.0, 1),
)
NUMBERS: Final = {level.name: number for number, level in enumerate(LEVELS)}
#: So many accounts that behave like the priors are thought in, so that the first ones do not stand for everybody.
_DOUBT: Final = 20.0
_PRIORS: Final = tuple(_DOUBT * level.prior for level in LEVELS)
_ACCOUNT: Final = NUMBERS["account"]
_HOUR: Final = NUMBERS["hour"]
#: Hours that :meth:`Commons.around` sums up.
_NEAR: Final = 4


class CommonRow(NamedTuple):
    """One value's counts as a store keeps them: the last period counted, and those of the last :data:`KEPT` ones."""

    level: int
    name: int
    period: int
    counts: tuple[int, ...]


#: What is to be stored: nothing where the value is dropped.
Changed = dict[tuple[int, int], CommonRow | None]


def period_of(day: int) -> int:
    """The span of days that a UTC day belongs to."""
    return day // PERIOD


@lru_cache(maxsize=65_536)
def name_of(key: bytes, level: str, value: str) -> int:
    """What a value is counted under: 64 bits of a keyed hash."""
    digest = blake2b(f"{level}\0{value}".encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big", signed=True)


class Commons:
    """The counts of one tenant."""

    def __init__(self, key: bytes, rows: Iterable[CommonRow] = ()) -> None:
        """``key`` (at most 64 bytes) keeps names apart from those of other tenants and installations."""
        self._key = key
        self.period = -1
        self._levels: list[dict[int, list[int]]] = [{} for _ in LEVELS]
        self._totals = [0] * len(LEVELS)
        self._hours = [0] * 24
        self._changed: set[tuple[int, int]] = set()
        self._restore(list(rows))

    def number(self, level: str, value: str) -> int:
        """Accounts that a value was counted for, once a period."""
        counts = self._levels[NUMBERS[level]].get(name_of(self._key, level, value))
        return sum(counts) if counts is not None else 0

    def share(self, level: str, value: str) -> float:
        """How common a value is for everybody, between 0 and 1; of one never seen a little, by its level's prior.

        Hours are asked for by :meth:`around`.
        """
        number = NUMBERS[level]
        counts = self._levels[number].get(name_of(self._key, level, value))
        seen = _PRIORS[number] if counts is None else _PRIORS[number] + sum(counts)
        share = seen / (self._totals[_ACCOUNT] + _DOUBT)
        return share if share < 1.0 else 1.0

    def around(self, hour: int) -> float:
        """The share of everybody's hours that lies around one: the hours beside it fully, those two away by half, as
        :mod:`sentinel.past.habit` has it."""
        hours = self._hours
        near = hours[hour - 1] + hours[hour] + hours[(hour + 1) % 24] + (hours[hour - 2] + hours[(hour + 2) % 24]) / 2
        return (near + _NEAR * _PRIORS[_HOUR]) / (self._totals[_HOUR] + 24 * _PRIORS[_HOUR])

    def note(self, level: str, value: str, day: int) -> None:
        """An account used a value for the first time in the period of UTC day ``day``."""
        period = period_of(day)
        if period > self.period:
            self._advance(period)
        elif period <= self.period - KEPT:
            return  # older than anything that is kept
        number = NUMBERS[level]
        name = name_of(self._key, level, value)
        counted = self._levels[number]
        counts = counted.get(name)
        if counts is None:
            if len(counted) >= LEVELS[number].most:
                self._prune(number)
            counts = counted[name] = [0] * KEPT
        counts[period % KEPT] += 1
        self._totals[number] += 1
        if number == _HOUR:
            self._hours[int(value)] += 1
        self._changed.add((number, name))

    def aside(self) -> "Commons":
        """The same counts, in which nothing is noted."""
        quiet = _Quiet.__new__(_Quiet)
        quiet.__dict__.update(self.__dict__)
        return quiet

    def take_changed(self) -> Changed:
        """What changed since this was asked last."""
        found: Changed = {}
        for number, name in self._changed:
            counts = self._levels[number].get(name)
            found[number, name] = CommonRow(number, name, self.period, tuple(counts)) if counts is not None else None
        self._changed.clear()
        return found

    def _restore(self, rows: list[CommonRow]) -> None:
        self.period = max((row.period for row in rows), default=-1)
        for row in rows:
            counts = list(row.counts)
            for period in range(row.period + 1, min(self.period, row.period + KEPT) + 1):
                counts[period % KEPT] = 0
            if any(counts):
                self._levels[row.level][row.name] = counts
                self._totals[row.level] += sum(counts)
        self._sum_hours()

    def _sum_hours(self) -> None:
        self._hours = [self.number("hour", str(hour)) for hour in range(24)]

    def _advance(self, period: int) -> None:
        """Begin a new period. What was seen in none of those kept is let go; a store does that by itself."""
        slots = [passed % KEPT for passed in range(max(self.period + 1, period - KEPT + 1), period + 1)]
        for number, counted in enumerate(self._levels):
            for counts in counted.values():
                for slot in slots:
                    counts[slot] = 0
            self._levels[number] = {name: counts for name, counts in counted.items() if any(counts)}
            self._totals[number] = sum(map(sum, self._levels[number].values()))
        self.period = period
        self._sum_hours()

    def _prune(self, number: int) -> None:
        """Let a quarter of a level's values go: those of the fewest accounts, the longest unused among them first."""
        counted = self._levels[number]
        at = self.period % KEPT + 1
        # Counts from the latest period backwards. Plain tuples: thousands are compared while events wait.
        worth = sorted((sum(counts), (counts[at:] + counts[:at])[::-1], name) for name, counts in counted.items())
        for number_of_accounts, _, name in worth[: max(1, len(worth) // 4)]:
            del counted[name]
            self._totals[number] -= number_of_accounts
            self._changed.add((number, name))


class _Quiet(Commons):
    """See :meth:`Commons.aside`."""

    def note(self, level: str, value: str, day: int) -> None:
        """Nothing."""
