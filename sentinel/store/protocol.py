"""What a store does, whichever it is. A new store is one class that passes tests/store/contract.py.

The pipeline asks for all it needs of a batch at once (:meth:`Store.recall`), judges, and hands back all that
changed at once (:meth:`Store.commit`). Accounts are named by their handles here (:class:`AccountKey`); what goes to the
disk is sealed, and found by names that only the account's key gives (:mod:`sentinel.store.rows`).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from sentinel.events.alert import Notice
from sentinel.events.hook import HookEvent
from sentinel.events.sighting import Attributes, Raw
from sentinel.past.commons import CommonRow
from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.answer_token import Role
from sentinel.store.aging import Aging
from sentinel.store.hooks import Hooks

#: A track: id of its series, then the values it is kept by.
TrackKey = tuple[str, tuple[str | int, ...]]


#: What findings are counted by: UTC day (see :func:`sentinel.events.clock.utc_day`), tenant, rule, status.
FiredKey = tuple[int, str, str, str]


#: How many days findings are counted for: a quarter is enough to see whether a change of a rule calmed it.
FIRED_DAYS: Final = 92

#: An open day of usage: UTC day, tenant.
TallyKey = tuple[int, str]
#: What API calls are counted by: UTC day, tenant, name of the key.
CallKey = tuple[int, str, str]
#: What counts of everybody are kept by: tenant, level, name.
CommonKey = tuple[str, int, int]
#: How many days drift is counted for: the last of a month can be held against the first.
DRIFT_DAYS: Final = 35
#: How many days usage figures are kept: a year and a month, so that a month can be held against the one a year ago.
USAGE_DAYS: Final = 400


class UsageDay(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one dimension of a day that is over. ``numbers`` hold noise of ``scale`` (see
    :mod:`sentinel.privacy.noise`), which spent ``epsilon`` for each account, and only those of ``least`` and more."""

    day: int
    tenant: str
    dimension: str
    epsilon: float
    scale: float
    least: int
    numbers: dict[str, int]


class Record(msgspec.Struct, kw_only=True):
    """One event (or answer) as kept: the packed sighting and what was said of it, with its raw values beside.

    ``account`` is a handle; ``event_id`` and ``account_id`` are what the service calls them. ``raw`` is there when a
    record is stored, to be sealed; later it is asked for apart (:meth:`Store.raw`), since it expires before the record.
    ``windows`` are the window values its judging read, so that explain and backtest see what the rules saw.
    """

    key: str
    tenant: str
    account: str | None
    time: int
    type: str
    body: bytes  #: keyed hash of the posted content: the same id with another one is a conflict
    event_id: str = ""
    account_id: str | None = None
    raw: Raw | None = None
    sighting: bytes  #: packed Sighting (of an answer: empty)
    windows: bytes  #: packed dict of window values (of an answer: the role of who gave it)
    assessment: bytes  #: packed Assessment without event and account
    trusted: bool = False  #: its values joined the trusted past
    alert: str | None = None
    restricted: bool = False  #: it came while the account was restricted: to be kept and exported, for nothing else


class AlertRow(msgspec.Struct, kw_only=True):
    """An alert as listed: who, what, since when. ``state`` is open, or the verdict that closed it; ``answered`` where
    the person said that it was them, and that confirms nothing."""

    id: str
    tenant: str
    account: str | None
    kind: str
    level: str
    risk: float
    first: int
    last: int
    events: int
    rules: list[str]
    event: str  #: key of the first event's record
    state: str = "open"


class Wanted(msgspec.Struct, kw_only=True):
    """What a batch needs: records by key, profiles, tracks and sealed attributes."""

    records: set[str] = set()
    profiles: set[str] = set()
    tracks: dict[TrackKey, int] = {}  #: → how long its entries are kept (micros)
    attributes: set[str] = set()


class Past(msgspec.Struct, kw_only=True):
    """The answer to :class:`Wanted`; what is not there is missing from the dicts, except that every wanted profile
    and track is present (empty when new). The caller may change profiles and tracks in place, then commits or
    forgets them."""

    records: dict[str, Record] = {}
    profiles: dict[str, Profile] = {}
    tracks: dict[TrackKey, Track] = {}
    attributes: dict[str, Attributes] = {}


class Changes(msgspec.Struct, kw_only=True):
    """All that a batch changed, in one transaction or not at all."""

    records: list[Record] = []
    trust: dict[str, bool] = {}  #: record key → whether its values are trusted now (after an answer)
    profiles: dict[str, Profile] = {}
    tracks: dict[TrackKey, Track] = {}
    owners: dict[TrackKey, str] = {}  #: tracks that are kept by an account → its handle
    attributes: dict[str, Attributes] = {}
    alerts: dict[tuple[str, str], AlertRow] = {}  #: by tenant and id
    closed: dict[tuple[str, str], str] = {}  #: tenant and alert id → state; of an account's alert, never a campaign
    answered: dict[tuple[str, str], int] = {}  #: tenant and alert id → when (micros); a mail that waits need not go
    notices: list[Notice] = []  #: mails for the outbox, each of an account with its links
    hooks: list[HookEvent] = []
    held: dict[str, bool] = {}  #: account → whether its mails and hooks wait and its alerts are not shown from now on
    prepared: Any = None  #: the store's own, see :meth:`Store.prepare`
    campaigns: list[tuple[str, str, str]] = []  #: tenant and alert id of a campaign, key of an event in it
    fired: dict[FiredKey, int] = {}  #: findings to add to the counts by day
    tallies: dict[TallyKey, bytes | None] = {}  #: open days of usage, sealed; null: the day is over
    usage: list[UsageDay] = []  #: figures of days that are over
    calls: dict[CallKey, int] = {}  #: API calls to add to the counts
    commons: dict[CommonKey, CommonRow | None] = {}  #: counts of everybody; null: dropped
    drift: dict[TallyKey, bytes] = {}  #: counts of logins by bins, sealed


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How much history there is; event times in micros, 0 when there is none."""

    records: int = 0
    oldest: int = 0
    newest: int = 0


class DayCount(msgspec.Struct, frozen=True, kw_only=True):
    """What came on a UTC day: events; logins; those of them that raised or joined an alert."""

    day: int
    events: int
    logins: int
    flagged: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some records by the numbers they were stored under, which ascend in the order of judging.

    ``last`` and ``key`` are of the last row that was looked at, also when nothing of it can be read any more; ``last``
    is 0 when there was none.
    """

    records: list[tuple[int, Record]] = []
    last: int = 0
    key: str = ""


class AskedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict given on the command line, which whoever judges into the store carries out: one answer an event.

    ``about`` says what ``target`` is: ``event`` (key of a record), ``account`` (key: all its open alerts) or ``alert``
    (id). ``time`` is when it was given, ``done`` when it was carried out (micros; 0: not yet), with ``answered``
    events.
    """

    id: int = 0
    tenant: str
    about: Literal["event", "account", "alert"]
    target: str
    verdict: Literal["legitimate", "compromised"]
    time: int
    answered: int = 0
    done: int = 0


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A sender's key: only the hash of its secret is kept. Times are micros; ``revoked`` 0 means in force."""

    name: str
    tenant: str
    digest: bytes
    scopes: tuple[str, ...]
    created: int
    revoked: int = 0


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in the outbox, as leased to a worker."""

    id: int
    notice: Notice
    attempts: int
    first_try: int


class AnswerLink(msgspec.Struct, frozen=True, kw_only=True):
    """What a link "Was this you?" is about: the ``notice`` of the mail it stands in, the ``role`` of the address that
    the mail went to, and when it ends (micros)."""

    tenant: str
    notice: Notice
    role: Role
    expires: int


class MailKept(msgspec.Struct, frozen=True, kw_only=True):
    """A mail about an account, without what it says. ``time`` is the latest known of it (micros): when it was done
    with, tried first, or of its event; 0 when none of these is kept any more."""

    kind: str
    state: str  #: pending, held (the account is restricted), sent, failed, unaddressed, folded or answered
    time: int = 0
    alert: str | None = None


class WindowKept(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of one track that is kept by an account. ``name`` is the track's (:meth:`Rows.track_name`)."""

    name: int
    entries: int
    first: int  #: micros, like ``last``
    last: int


class Store(Aging, Hooks, Protocol):
    """Where everything is kept. All methods raise :class:`sentinel.errors.StoreError` when the store fails."""

    durable: bool  #: what a commit acknowledged survives a power cut

    async def bind(self, fingerprint: bytes) -> None:
        """Tie the store to the installation's key on first use. Raises when it belongs to another key: nothing in
        it would be found or opened again, and every account would look new."""

    async def recall(self, wanted: Wanted, newer: Past | None = None) -> Past:
        """What is wanted. ``newer`` is the past of a batch that is being committed right now: what it holds goes
        before what is stored."""

    def prepare(self, changes: Changes) -> None:
        """Take down what ``changes`` are now: profiles and tracks may go on changing while they are committed."""

    async def commit(self, changes: Changes) -> None:
        """Make ``changes`` durable, as they were when prepared; prepares them if that was not done.

        A closed alert stays closed, except that a campaign called compromised is open again when it goes on.
        """

    def forget(self, past: Past) -> None:
        """The batch was not committed: what was changed in place must be read anew."""

    async def record(self, key: str) -> Record | None: ...

    async def raw(self, record: Record) -> Raw:
        """The raw values of a record; its ids alone where the others have expired or were never kept."""

    async def attributes(self, account: str) -> Attributes | None: ...

    async def profile(self, key: str) -> Profile | None:
        """A profile of the caller's own, as committed; null when the account is not known."""

    def history(self, account: str | None = None, *, since: int = 0, type: str | None = None) -> AsyncIterator[Record]:
        """Records in the order they were judged, of one account or of all, of one type or of all, from event time
        ``since`` on."""

    async def page(self, after: int, *, limit: int) -> Page:
        """The next records after number ``after``, from ``limit`` rows at most. A number that was given once may be
        given again when the newest records were erased, or in a restored store; :meth:`key_at` shows it."""

    async def key_at(self, number: int) -> str | None:
        """The key of the record with this number; ``None`` when there is none (any more)."""

    async def newest_number(self) -> int:
        """The number of the newest record; 0 when there is none."""

    async def counts_by_day(self, *, since: int, tenant: str | None = None) -> list[DayCount]:
        """What came from UTC day ``since`` on, of one tenant or of all, oldest first, without days that had nothing."""

    async def mails_by_day(self, *, since: int, tenant: str | None = None) -> dict[tuple[int, str], int]:
        """Mails that were done with, by UTC day (from ``since`` on) and state."""

    async def extent(self) -> Extent:
        """How many records :meth:`history` gives, and of which times."""

    async def fired(self, *, since: int, tenant: str | None = None) -> dict[tuple[int, str, str], int]:
        """Findings by UTC day (from ``since`` on), rule and status, of one tenant or of all; no accounts."""

    async def tallies(self) -> dict[TallyKey, bytes]:
        """The open days of usage, sealed."""

    async def commons(self) -> dict[str, list[CommonRow]]:
        """What is common for everybody, by tenant."""

    async def newest_drift(self) -> dict[TallyKey, bytes]:
        """The newest day of each tenant on which drift was counted, sealed."""

    async def drift(self, tenant: str, *, since: int) -> dict[int, bytes]:
        """Days on which drift was counted, from UTC day ``since`` on, oldest first, sealed."""

    async def usage(self, tenant: str, *, since: int) -> list[UsageDay]:
        """Usage figures from UTC day ``since`` on, oldest first. What was told of a day never changes."""

    async def calls(self, tenant: str, *, since: int) -> dict[CallKey, int]:
        """API calls from UTC day ``since`` on."""

    async def alerts(
        self,
        tenant: str,
        *,
        account: str | None = None,
        kind: str | None = None,
        limit: int = 100,
        state: str | None = None,
        hidden: bool = False,
    ) -> list[AlertRow]:
        """Newest first; ``state`` ``open`` gives those that nobody closed. ``hidden`` ones, of restricted accounts, are
        only for the person's own export."""

    async def alert(self, tenant: str, id: str) -> AlertRow | None: ...

    def alert_events(self, alert: AlertRow) -> AsyncIterator[Record]:
        """The records of an alert's or campaign's events, in the order they were committed."""

    async def mails_of(self, account: str) -> list[MailKept]:
        """The mails about an account, in the order they came into the outbox, for its export."""

    async def windows_of(self, account: str) -> list[WindowKept]:
        """The tracks that are kept by an account, for its export."""

    async def ask_verdict(self, verdict: AskedVerdict) -> int:
        """Keep a verdict to be carried out; returns its id. One carried out is kept for a day at least."""

    async def asked_verdicts(self, id: int | None = None) -> list[AskedVerdict]:
        """Verdicts to be carried out, oldest first; or the one with this id, whether carried out or not."""

    async def settle_verdict(self, id: int, *, now: int, answered: int, alerts: Sequence[str]) -> None:
        """The verdict is carried out: ``answered`` events know of it, ``alerts`` (ids) are closed with it, and its
        ``target`` is forgotten."""

    async def ask(self, question: bytes, *, now: int) -> int:
        """Ask whoever judges into the store for something; returns the question's id."""

    async def questions(self) -> list[tuple[int, bytes]]:
        """What was asked and not answered yet, oldest first, by id."""

    async def reply(self, id: int, answer: bytes, *, now: int) -> None:
        """Answer a question; the answer is kept for a day at least."""

    async def answer(self, id: int) -> bytes | None:
        """The answer to a question; ``None`` while there is none."""

    async def erase(self, rows: bytes, handle: str) -> int:
        """Delete everything of an account, by what gives its row ids (:attr:`AccountKey.rows`) and its handle, in one
        transaction; returns how many rows there were. What pieces of them a store keeps in unused room of its files is
        sealed under the account's key, or a name that only that key gave. :meth:`scrub` comes after it."""

    async def scrub(self) -> bool:
        """Leave nothing of what was erased or deleted in a log of changes; false while somebody reads an older state,
        to be done again then. Keeps nobody waiting for that."""

    async def left_of(self, rows: bytes) -> int:
        """How many rows there are of an account that was erased."""

    async def parts(self, keys: Sequence[AccountKey]) -> dict[str, tuple[Profile | None, Attributes | None]]:
        """Profile and attributes under the accounts' own keys, by handle, where there are any; what went into another
        account (:meth:`Vault.merge`) has none once :meth:`merge` is done."""

    async def reown(
        self,
        former: AccountKey,
        head: AccountKey,
        *,
        changed: Callable[[Record], Record],
        tracks: Mapping[TrackKey, TrackKey],
    ) -> int:
        """Give everything of ``former`` to ``head`` but profile and attributes, step by step; begun again after a crash
        it goes on. ``changed`` gives records as they are to be kept, ``tracks`` says what goes on where. Rows that are
        damaged stay as they are; how many those are."""

    async def merge(self, former: AccountKey, changes: Changes, *, keep: bool = False) -> None:
        """Commit ``changes`` and delete what is left of ``former``, in one transaction; with ``keep`` events,
        alerts, mails and hooks stay."""

    async def lease(self, *, worker: str, now: int, limit: int, seconds: int) -> list[Mail]:
        """Mails that are due and not leased by anyone, the most urgent first; leased to ``worker`` for ``seconds``."""

    async def holds_mail(self, mail: int, *, worker: str) -> bool:
        """Whether a leased mail is still to be sent by ``worker``: not held back, gone, or another worker's since."""

    async def settle_mail(
        self,
        mail: int,
        *,
        worker: str,
        now: int,
        state: str,
        reason: str = "",
        hooks: Sequence[HookEvent] = (),
    ) -> None:
        """The mail is done with: ``sent``, ``failed`` or ``unaddressed``, and ``hooks`` tell of it. A lost lease makes
        this do nothing."""

    async def retry_mail(self, mail: int, *, worker: str, at: int, reason: str, tried: bool = True) -> None:
        """The mail is to be tried again at ``at``. One that was not ``tried`` yet is as if it had not been leased."""

    async def put_refusal(self, mail: int, address: str, *, worker: str) -> None:
        """The mail server refused ``address`` for good; kept, by a keyed name, for as long as the mail's row is."""

    async def refused(self, account: str, address: str) -> int:
        """The UTC day (micros) on which it last refused that address of an account; 0: it did not, or long ago."""

    async def refusals(self) -> int:
        """How many accounts have an address that was refused."""

    async def crowds(self, now: int) -> dict[str, int]:
        """How many mails to people are due, were never tried and are not critical, by tenant."""

    async def fold_mails(self, tenant: str, *, now: int) -> int:
        """Fold those of one account into one ``summary``, but changes of credentials; returns how many went into others
        (``folded``)."""

    async def mail_counts(self) -> dict[str, int]:
        """Mails by state (see :class:`MailKept`)."""

    async def answer_link(self, digest: bytes) -> AnswerLink | None:
        """What a link is about, by the digest of its token; ``None`` when there is none, or its account was erased.
        Whether it has ended is for the caller to say."""

    async def put_key(self, key: ApiKey) -> bool:
        """Keep a new key; false when the name is taken."""

    async def revoke_key(self, name: str, *, now: int) -> bool: ...

    async def keys(self) -> list[ApiKey]: ...

    async def tenants(self) -> set[str]:
        """Names of the tenants that have a key, or of which something is stored. Of events only the oldest and the
        newest are looked at."""

    async def expire_windows(self, now: int) -> int:
        """Drop a step of the window entries that no window can see any more, counts of findings older than
        :data:`FIRED_DAYS`, usage older than :data:`USAGE_DAYS`, counts of drift older than :data:`DRIFT_DAYS` and links
        that have ended; returns rows dropped, 0 when done."""

    async def check(self) -> None:
        """Prove that the store can be read and written, or raise."""

    async def close(self) -> None: ...
