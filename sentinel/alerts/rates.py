"""How many mails a minute: token buckets in total and for each domain of recipients.

They are this process's own. Two couriers on one outbox may send twice as many.
"""

from typing import Final

from sentinel.events.clock import MINUTE

#: A bucket holds what a tenth of a minute brings, at least one mail: the rest of a minute's mails is spread over it.
_BURST: Final = 10
#: Domains remembered; the one not used for longest goes first.
_MAX_DOMAINS: Final = 10_000


class Bucket:
    """Tokens that come in at ``per_minute``. Times are micros; a clock that was set back brings and takes none."""

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute
        # Whole numbers, so that a token is there at the moment that was told: a micro brings ``rate``, a mail takes
        # ``MINUTE`` of these.
        self._most = max(MINUTE, per_minute * MINUTE // _BURST)
        self._credit = self._most
        self._at = 0
        self._promised = 0

    def room(self, now: int) -> int:
        """How many mails may go now."""
        self._fill(now)
        return max(0, self._credit // MINUTE)

    def take(self) -> None:
        """Use a token up, though it is not there yet."""
        self._credit -= MINUTE

    def free_at(self, now: int) -> int:
        """When the next mail may go."""
        self._fill(now)
        return now + max(0, -(-(MINUTE - self._credit) // self._rate))

    def promise(self, now: int) -> int:
        """A time for a mail that has to wait, each a little later than the one before, so that they do not all come
        back at once."""
        at = self.free_at(now)
        if at <= self._promised < at + 60 * MINUTE:
            at = self._promised + MINUTE // self._rate
        self._promised = at
        return at

    def _fill(self, now: int) -> None:
        if now > self._at > 0:
            self._credit = min(self._most, self._credit + (now - self._at) * self._rate)
        self._at = now


class Rates:
    """The limits of a mail server and of the domains it sends to, mails a minute; ``None``: no limit."""

    def __init__(self, per_minute: int | None = None, per_domain_minute: int | None = None) -> None:
        self._all = Bucket(per_minute) if per_minute else None
        self._per_domain = per_domain_minute
        self._domains: dict[str, Bucket] = {}

    def room(self, now: int, most: int) -> int:
        """How many mails to take on, at most ``most``."""
        return most if self._all is None else min(most, self._all.room(now))

    def free_at(self, now: int) -> int:
        """When there is room for one more."""
        return now if self._all is None else self._all.free_at(now)

    def take(self, recipient: str, now: int, *, urgent: bool) -> int | None:
        """Count one mail to ``recipient``; where its domain has had enough, the time to come back at.

        An urgent one comes back as soon as there is a token, before those that were told to wait.
        """
        if self._per_domain:
            bucket = self._bucket(recipient.rpartition("@")[2].casefold())
            if not bucket.room(now):
                return bucket.free_at(now) if urgent else bucket.promise(now)
            bucket.take()
        if self._all is not None:
            self._all.take()
        return None

    def _bucket(self, domain: str) -> Bucket:
        assert self._per_domain is not None  # asked before
        bucket = self._domains.pop(domain, None) or Bucket(self._per_domain)
        self._domains[domain] = bucket
        if len(self._domains) > _MAX_DOMAINS:
            self._domains.pop(next(iter(self._domains)))
        return bucket
