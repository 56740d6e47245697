"""The figures of a report: counts, names of rules and campaigns; no account."""

from typing import Final

import msgspec

#: Rules and campaigns that are named; the others are counted.
NAMED: Final = 10


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A UTC day: logins, how many of them raised or joined an alert, mails sent."""

    date: str
    logins: int = 0
    flagged: int = 0
    mails: int = 0


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign; ``state`` is open or the verdict that closed it."""

    id: str
    tenant: str
    title: str
    level: str
    first: str
    last: str
    events: int
    state: str


class RuleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule held, and what events on which it held were called when somebody answered."""

    rule: str
    title: str
    status: str
    fired: int = 0
    legitimate: int = 0
    compromised: int = 0

    @property
    def noise(self) -> float | None:
        """The share of answers that said "legitimate"; ``None`` without answers."""
        answered = self.legitimate + self.compromised
        return self.legitimate / answered if answered else None


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """Answers given, by who gave them: the service, an operator, the person."""

    by: str
    legitimate: int = 0
    compromised: int = 0


class Mails(msgspec.Struct, frozen=True, kw_only=True):
    """Mails that were done with in the time, and those that wait now."""

    sent: int = 0
    failed: int = 0
    unaddressed: int = 0
    folded: int = 0  #: told in another mail
    answered: int = 0  #: not needed any more
    waiting: int = 0


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How old the oldest raw values are, and whether what had to be gone is."""

    oldest_raw: str | None = None
    raw_days: int = 365
    on_time: bool = True


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report over ``days`` (UTC), of all tenants or one. ``drift`` are sentences for operators, ``store_bytes`` is
    the size of the store as it is now."""

    service: str
    made: str
    since: str
    until: str
    tenants: list[str] = []
    events: int = 0
    days: list[Day] = []
    campaigns: list[Campaign] = []
    campaigns_more: int = 0
    alerts: dict[str, int] = {}  #: kind → how many, without campaigns
    critical_accounts: int = 0
    rules: list[RuleFigures] = []
    rules_more: int = 0
    answers: list[Answers] = []
    mails: Mails = Mails()
    drift: str = ""
    drift_shifted: bool = False
    retention: Retention = Retention()
    store_bytes: int = 0

    @property
    def logins(self) -> int:
        """All of them."""
        return sum(day.logins for day in self.days)

    @property
    def flagged(self) -> int:
        """Those that raised or joined an alert."""
        return sum(day.flagged for day in self.days)

    @property
    def attacks(self) -> int:
        """Campaigns, and attacks on single accounts."""
        return len(self.campaigns) + self.campaigns_more + self.alerts.get("attack", 0)

    @property
    def noisy(self) -> list[RuleFigures]:
        """Rules with answers, the noisiest first."""
        answered = [each for each in self.rules if each.noise is not None]
        return sorted(answered, key=lambda each: (-(each.noise or 0), -each.legitimate, each.rule))
