"""Sealers held ready. They lie on the accounts whose keys they are made of, where an event finds them without looking
through all others' (which costs more than a small seal); what is forgotten here is forgotten on every account."""

from typing import Final

from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keys import Secret
from sentinel.privacy.sealer import Sealer

#: Accounts with sealers held ready, at most three each; a sealer has about 1 kB.
ACCOUNTS: Final = 7000
#: Days whose sealers are held ready: more than a year of imported history needs.
_DAYS: Final = 512


class Sealers:
    """Makes sealers of accounts, and knows on which (at most ``limit``) some lie: of each its own, and those
    of the UTC day that was sealed or opened last.

    An account that nobody knows any more is known here for as long as it has some: whoever still holds it must not
    open what is destroyed.
    """

    def __init__(self, limit: int = ACCOUNTS) -> None:
        self._limit = limit
        self._accounts: set[AccountKey] = set()

    def own(self, key: AccountKey) -> Sealer:
        """Of the account's key alone, held ready as ``key.own`` from now on."""
        self._hold(key)
        key.own = sealer = Sealer(key.derive("own"))
        return sealer

    def raw(self, key: AccountKey, day: int, day_key: bytes) -> Sealer:
        """Of the account's key and a day's raw key, held ready as ``key.raw``."""
        self._turn(key, day)
        key.raw = sealer = Sealer(key.derive("raw", day_key))
        return sealer

    def record(self, key: AccountKey, day: int, day_key: bytes) -> Sealer:
        """Of the account's key and a day's record key, held ready as ``key.record``."""
        self._turn(key, day)
        key.record = sealer = Sealer(key.derive("record", day_key))
        return sealer

    def drop(self, key: AccountKey) -> None:
        """Hold none of an account's."""
        key.own = key.raw = key.record = None
        self._accounts.discard(key)

    def clear(self) -> None:
        """Hold none."""
        for key in self._accounts:
            key.own = key.raw = key.record = None
        self._accounts.clear()

    def _turn(self, key: AccountKey, day: int) -> None:
        self._hold(key)
        if key.day != day:
            key.day, key.raw, key.record = day, None, None

    def _hold(self, key: AccountKey) -> None:
        if key not in self._accounts:
            if len(self._accounts) >= self._limit:
                self.clear()
            self._accounts.add(key)


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
