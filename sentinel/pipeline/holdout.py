"""What is kept out of training, so that evaluation asks about people and times no model has seen."""

from hashlib import blake2b
from typing import Final

import msgspec

#: Tells this use of an account's name from others. Not a secret: what is hashed is a keyed handle already, or an id in
#: a file of labelled events, where training and evaluation must agree across processes.
_PERSON: Final = b"hold-out"


def held_out(account: str, parts: int) -> bool:
    """Whether an account is in the part that is kept out: one of ``parts``, the same each time; of 1 all are.

    >>> sum(held_out(f"u-{number}", 5) for number in range(1000))
    204
    """
    if parts <= 1:
        return True
    digest = blake2b(account.encode(), digest_size=8, person=_PERSON).digest()
    return int.from_bytes(digest) % parts == 0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The logins that count: of accounts that are kept out (one of ``parts``) and with ``least`` to ``most`` earlier
    legitimate logins. Everything else is judged and builds the past."""

    parts: int = 1
    least: int = 0
    most: int | None = None

    def holds(self, account: str, earlier: int) -> bool:
        """Whether a login of ``account`` (handle, or id in a file) counts."""
        if earlier < self.least or (self.most is not None and earlier > self.most):
            return False
        return self.parts == 1 or held_out(account, self.parts)
