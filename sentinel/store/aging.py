"""What a store does so that nothing is kept longer than promised: a part of the store's protocol.

Whoever keeps house asks for one step after another, each as large as it says (``limit``), so that no step keeps commits
waiting for long. A step returns how much it did; less than asked for means that nothing is left.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from sentinel.events.sighting import Attributes
from sentinel.past.profile import Profile
from sentinel.privacy.retention import Due


class Kept(msgspec.Struct, kw_only=True):
    """What is kept of an account beside its events, as committed; the caller's own, to be changed."""

    profile: Profile | None = None
    attributes: Attributes | None = None


class Expiring(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows are due."""

    raw: int = 0
    records: int = 0
    alerts: int = 0
    mails: int = 0
    links: int = 0  #: in mails, to be answered by


class Aging(Protocol):
    """See the module. All methods raise :class:`sentinel.errors.StoreError` when the store fails."""

    async def expire_raw(self, through: int, *, limit: int) -> int:
        """Clear raw values of records of UTC days up to ``through``."""

    async def expire_records(self, through: int, *, limit: int) -> int:
        """Delete records of UTC days up to ``through``, and that they were part of a campaign."""

    async def expire_alerts(self, through: int, *, limit: int) -> int:
        """Delete alerts and campaigns that were last seen up to UTC day ``through``."""

    async def expire_mails(self, before: int, *, limit: int) -> int:
        """Delete mails that were done with before ``before`` (micros), and give those up that tell of events before it:
        nobody needs them any more."""

    async def expire_verdicts(self, before: int, *, limit: int) -> int:
        """Delete verdicts of the command line that were carried out before ``before`` (micros)."""

    async def expiring(self, due: Due, *, mails_before: int, links_before: int = 0) -> Expiring:
        """How much is due; it may take seconds. ``links_before`` (micros): links that ended by then."""

    async def kept(self, accounts: Sequence[str]) -> dict[str, Kept]:
        """What is kept of accounts; of which nothing is, they are missing."""

    async def has_past(self, account: str) -> bool:
        """Whether there are records or alerts of the account."""

    async def drop_account(self, account: str) -> int:
        """Delete what is kept of an account that has no past, in one transaction: profile, attributes, mails, windows.
        Returns the rows deleted. Nothing of the account may be being judged."""

    async def reclaim(self, *, limit: int) -> int:
        """Give so many pages of what was deleted back to the file system."""
