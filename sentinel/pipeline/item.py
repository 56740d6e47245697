"""What goes through the pipeline: events, answers and attributes, and what comes out."""

from collections.abc import Callable

import msgspec

from sentinel.alerts.policy import FoldPolicy
from sentinel.events.alert import Notice
from sentinel.events.assessment import Assessment
from sentinel.events.sighting import Attributes, Raw, Sighting
from sentinel.facts.look import Scorer
from sentinel.hooks.receivers import Receivers
from sentinel.past.profile import TrustPolicy
from sentinel.rules.exempt import Exemptions
from sentinel.rules.ruleset import RuleSet
from sentinel.scoring import Thresholds


class UsagePolicy(msgspec.Struct, frozen=True, array_like=True):
    """How usage is counted: ``epsilon`` is what an account's day may tell at most, in sum over all dimensions; cells
    below ``min_cell`` are never told."""

    epsilon: float = 2.0
    min_cell: int = 10


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What judging depends on, of one tenant."""

    rules: RuleSet
    thresholds: Thresholds = Thresholds()
    trust: TrustPolicy = TrustPolicy()
    fold: FoldPolicy = FoldPolicy()
    raw_days: int = 365
    mail_max_age: int = 24 * 3600 * 1_000_000  #: micros; older events posted over HTTP mail nobody
    origins: tuple[str, ...] = ()  #: host names of the service's own pages; ``*.NAME`` stands for those below it
    exempt: Exemptions | None = None  #: allowlists and mutes
    enforce_share: float = 1.0  #: of the accounts; for the rest decisions are only observed
    critical_accounts: bool = False  #: operators hear of each account at critical
    usage: UsagePolicy | None = None  #: usage figures, where they are wanted
    scorer: Scorer | None = None  #: the models in force
    hooks: Receivers = Receivers()  #: the service's systems that are told
    tuned: Callable[[Sighting], "TenantSettings"] | None = None  #: settings that depend on the event

    def of(self, sighting: Sighting) -> "TenantSettings":
        """As they are for this event: its service, its account and the account's tags."""
        return self if self.tuned is None else self.tuned(sighting)


class Call(msgspec.Struct, frozen=True, array_like=True):
    """An API call: name of the key it came with, and when (micros)."""

    key: str
    at: int


class Arrival(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="event"):
    """An event to judge, as it comes from the edge. ``account`` is what the answer calls it.

    ``received`` is the clock at the edge (micros), ``None`` for files, which read no clock.
    """

    tenant: str
    account: str | None
    sighting: Sighting
    raw: Raw  #: to be sealed; judging never looks inside
    body: bytes  #: keyed hash of the content
    attributes: Attributes | None = None
    received: int | None = None
    silent: bool = False  #: history being imported: judged, but nobody is mailed
    call: Call | None = None  #: what brought it; on the first item of a call only

    @property
    def id(self) -> str:
        """The event's id."""
        return self.raw.event


class Answer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="answer"):
    """Somebody who knows says what event ``key`` was: ``legitimate`` or ``compromised``.

    ``by`` is who: ``service``, ``operator``, or ``person`` by the link in a mail; ``former`` when that went to the
    address that the account had before, where a no counts and a yes proves nothing. With ``tell`` operators hear of a
    ``compromised`` one; not of those in files, nor of what they said themselves.
    """

    tenant: str
    key: str
    event: str
    verdict: str
    time: int
    by: str = "service"
    former: bool = False
    tell: bool = False
    call: Call | None = None


class NewAttributes(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="attributes"):
    """Account attributes as the service or an operator sets them; they replace the ones given and leave the others."""

    tenant: str
    account_key: str
    attributes: Attributes
    call: Call | None = None
    forget: tuple[str, ...] = ()  #: attributes that are not known any more: what stood there was wrong


Item = Arrival | Answer | NewAttributes


class Outcome(msgspec.Struct, kw_only=True, array_like=True, omit_defaults=True):
    """What came of an item. ``error``: an id used twice with another content, or an answer to an unknown event.

    ``notices`` are the mails that went into the outbox with it, ``fired`` the rules that held (and their status),
    each counted once however often the same login is told of.
    """

    assessment: Assessment | None = None
    duplicate: bool = False
    error: str | None = None
    conflict: bool = False
    notices: tuple[Notice, ...] = ()
    fired: tuple[tuple[str, str], ...] = ()
