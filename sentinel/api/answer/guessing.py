"""How often one address may come with tokens that are not ours, before it has to wait.

Whoever has a link of ours never waits, whatever else comes from the same address: behind a proxy that is everybody.
Guessing a token is hopeless anyway (256 bits, half of which vouch for the others, so the store is not asked); this
keeps it cheap. In memory, by a keyed digest of the address; each process counts for itself.
"""

import os
from hashlib import blake2b
from typing import Final

from sentinel.events.clock import MINUTE

#: Tries of one address in a :data:`SPAN`.
TRIES: Final = 20
SPAN: Final = MINUTE
#: Addresses counted at once; beyond it all begin anew.
_MOST: Final = 10_000


class Guessing:
    """See the module."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._tries: dict[bytes, int] = {}
        self._since = 0

    def too_many(self, address: str | None, now: int) -> bool:
        """Note a try from ``address`` at ``now`` (micros); whether it has to wait."""
        if not 0 <= now - self._since < SPAN or len(self._tries) >= _MOST:
            self._tries.clear()
            self._since = now
        name = blake2b((address or "").encode(), key=self._key, digest_size=8).digest()
        self._tries[name] = tries = self._tries.get(name, 0) + 1
        return tries > TRIES
