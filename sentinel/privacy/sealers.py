"""Sealers held ready. They lie on the accounts whose keys they are made of, where an event finds them without looking
through all others' (which costs more than a small seal); what is forgotten here is forgotten on every account."""

from typing import Final

from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keys import Secret
from sentinel.privacy.sealer import Sealer

#: Sealers held ready, one for each account, purpose and day that was sealed or opened lately; about 1 kB each.
SEALERS: Final = 20_000
#: Days whose sealers are held ready: more than a year of imported history needs.
_DAYS: Final = 512


class Sealers:
    """Makes sealers, at most ``limit`` of them at a time, and knows on which accounts they lie.

    An account that nobody knows any more is known here for as long as it has some: whoever still holds it must not
    open what is destroyed.
    """

    def __init__(self, limit: int = SEALERS) -> None:
        self._limit = limit
        self._number = 0
        self._accounts: set[AccountKey] = set()

    def make(self, key: AccountKey, purpose: str, day: int, day_key: bytes) -> Sealer:
        """A new one, held ready as ``key.sealers[purpose, day]`` from now on."""
        if self._number >= self._limit:
            self.clear()
        sealer = key.sealers[purpose, day] = Sealer(key.derive(purpose, day_key))
        self._accounts.add(key)
        self._number += 1
        return sealer

    def drop(self, key: AccountKey) -> None:
        """Hold none of an account's."""
        self._number -= len(key.sealers)
        key.sealers.clear()
        self._accounts.discard(key)

    def clear(self) -> None:
        """Hold none."""
        for key in self._accounts:
            key.sealers.clear()
        self._accounts.clear()
        self._number = 0


class DaySealers:
    """Sealers of the installation for one purpose, another one each UTC day.

    Nonces are random, and one key must not seal more than 2^32 times (NIST SP 800-38D, section 8.3): a busy
    installation does that in weeks. A day has room for 49,000 seals a second. These keys are derived, not destroyed.
    """

    def __init__(self, root: Secret, purpose: str) -> None:
        self._root, self._purpose = root, purpose
        self._ready: dict[int, Sealer] = {}

    def __call__(self, day: int) -> Sealer:
        """What seals and opens a day's."""
        sealer = self._ready.get(day)
        if sealer is None:
            if len(self._ready) >= _DAYS:
                self._ready.clear()
            sealer = self._ready[day] = Sealer(self._root.derive(f"{self._purpose}/{day}"))
        return sealer
