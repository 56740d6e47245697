"""The person's rights: erasure, restriction, objection. Carried out by whoever judges, while nothing is judged.

Unknown accounts are answered like known ones: nobody learns from an answer whether an account was ever seen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import msgspec

from sentinel.alerts.policy import FoldPolicy
from sentinel.audit.details import ROW, seal_details
from sentinel.audit.entry import PURPOSE_LENGTH, Action, Entry
from sentinel.audit.log import AuditLog
from sentinel.errors import Conflict, FieldError
from sentinel.events.alert import Notice, alert_id
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY
from sentinel.events.sighting import Attributes
from sentinel.past.profile import MAX_RIGHTS, Profile, Right
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.ledger import BACKUP_DAYS, Ledger
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Changes, Store, Wanted

#: What the audit log calls each of them.
_ACTIONS: Final[dict[str, Action]] = {
    "erase": "account.erase",
    "restrict": "account.restrict",
    "lift": "account.lift",
    "object": "account.object",
    "decide": "account.object",
}
#: Longest reason of a request, in characters.
REASON_LENGTH: Final = 500


class Request(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True, tag="right"):
    """What is asked for an account. ``by`` is the role of who asks (``person``, ``service``, ``operator``), ``actor``
    its name for the audit log; ``time`` in micros.

    ``session`` is the session in which the person asks; ``decision`` decides an objection. ``reason`` stays with the
    account, ``purpose`` stands in the audit log.
    """

    what: Literal["erase", "restrict", "lift", "object", "decide"]
    tenant: str
    account: str
    time: int
    by: Literal["person", "service", "operator"] = "service"
    actor: str = ""
    reason: str = ""
    session: str | None = None
    decision: Literal["upheld", "rejected"] | None = None
    purpose: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True):
    """What came of a request. ``receipt`` proves an erasure (`sentinel privacy verify-erasure`); ``restricted`` says
    how the account stands now, ``since`` since when (micros)."""

    receipt: str | None = None
    restricted: bool = False
    since: int = 0
    objection: Literal["open", "upheld", "rejected"] | None = None
    told: bool = False  #: a mail to the person's former address went into the outbox first
    backups_until: int = 0  #: when the last backup that may hold what was erased cannot be restored any more (micros)


#: Runs something while nothing is judged.
Alone = Callable[[Callable[[], Awaitable[Answer]]], Awaitable[Answer]]


class Rights:
    """See the module. ``alone`` runs something while nothing is judged (:meth:`Intake.exclusive`); ``log`` takes down
    what is asked for before it is done."""

    def __init__(self, store: Store, vault: Vault, ledger: Ledger, alone: Alone, log: AuditLog | None = None) -> None:
        self._log = log
        self._store = store
        self._vault = vault
        self._ledger = ledger
        self._alone = alone

    async def exercise(self, request: Request) -> Answer:
        """Carry a request out. Raises :class:`FieldError`, :class:`Conflict`, :class:`StoreError`."""
        if len(request.reason) > REASON_LENGTH or not request.reason.isprintable():
            raise FieldError("reason", f"expected one line of at most {REASON_LENGTH} printable characters")
        await self._note(request)
        work = self._erase if request.what == "erase" else self._mark
        return await self._alone(lambda: work(request))

    async def _note(self, request: Request) -> None:
        if self._log is None:
            return
        lookup = self._lookup(request)
        # Of an account never heard of nothing is known that an entry could be found by; all but erasure make it known.
        key = self._vault.find(lookup) if request.what == "erase" else self._vault.admit([lookup])[lookup]
        sealed = None
        if key is not None and request.decision is not None:
            sealed = seal_details(key, request.time, {"decision": request.decision})
        entry = Entry(
            time=request.time,
            actor=request.actor or request.by,
            role=request.by,
            action=_ACTIONS[request.what],
            purpose=request.purpose or request.reason[:PURPOSE_LENGTH],
            tenant=request.tenant,
            account=key.row(ROW) if key is not None else None,
            sealed=sealed,
        )
        await asyncio.to_thread(self._log.append, [entry])

    async def finish(self) -> int:
        """Finish what a crash left half done; before anything is judged. Returns how many erasures there were."""
        unfinished = self._ledger.unfinished()
        for erasure in unfinished:
            await self._carry_out(erasure.receipt, erasure.handle, erasure.rows, erasure.time)
        return len(unfinished)

    async def _erase(self, request: Request) -> Answer:
        key = self._vault.find(self._lookup(request))
        told = False
        if key is None:
            # Nobody is known by this name: the ledger gets an entry all the same, of a key that never was.
            key = AccountKey(0, "", self._vault.keyring.new_key())
        else:
            told = await self._tell_first(request, key)
        await self._vault.flush()
        erasure = self._ledger.begin(key.handle, key.rows, request.time)
        await self._carry_out(erasure.receipt, erasure.handle, erasure.rows, request.time)
        return Answer(receipt=erasure.receipt, told=told, backups_until=request.time + BACKUP_DAYS * DAY)

    async def _carry_out(self, receipt: str, handle: str, rows: bytes, now: int) -> None:
        # The key first: from then on what is left can be read by nobody, wherever it lies.
        await self._vault.run(lambda: self._vault.keyring.destroy_accounts([handle]))
        self._vault.forget([handle])
        await self._store.erase(rows, handle)
        self._ledger.finish(receipt, now)

    async def _tell_first(self, request: Request, key: AccountKey) -> bool:
        """Of an account that somebody seems to have taken over, whoever owned it hears before all is gone."""
        past = await self._store.recall(Wanted(profiles={key.handle}, attributes={key.handle}))
        attributes = past.attributes.get(key.handle)
        if attributes is None or not taken_over(past.profiles[key.handle], request.time):
            return False
        await self._store.commit(Changes(notices=[_farewell(request, attributes)]))
        return True

    async def _mark(self, request: Request) -> Answer:
        """Restriction and objection: marks in the profile, from now on."""
        (key,) = self._vault.admit([self._lookup(request)]).values()
        past = await self._store.recall(Wanted(profiles={key.handle}))
        profile = past.profiles[key.handle]
        before = profile.restricted
        try:
            self._change(profile, request)
            await self._vault.flush()
            held = {key.handle: profile.restricted} if profile.restricted != before else {}
            await self._store.commit(Changes(profiles={key.handle: profile}, held=held))
        except BaseException:
            self._store.forget(past)
            raise
        return _standing(profile)

    def _change(self, profile: Profile, request: Request) -> None:
        match request.what:
            case "restrict":
                profile.restricted_at = profile.restricted_at or request.time
                what = "restricted"
            case "lift":
                if profile.objected_at:
                    raise Conflict("an objection stands: decide it first (decision: upheld or rejected)", "decision")
                profile.restricted_at = 0
                what = "lifted"
            case "object":
                self._check_session(profile, request)
                profile.objected_at = profile.objected_at or request.time
                what = "objected"
            case "decide":
                if request.decision is None:
                    raise FieldError("decision", "expected upheld or rejected")
                if not profile.objected_at:
                    raise Conflict("there is no objection to decide", "decision")
                if request.decision == "rejected":
                    profile.objected_at = 0
                what = request.decision
            case _:
                raise FieldError("what", "expected a right")
        profile.rights = [*profile.rights, Right(request.time, what, request.by, request.reason)][-MAX_RIGHTS:]

    def _check_session(self, profile: Profile, request: Request) -> None:
        """While somebody else may be in the account, an objection would blind the watch: only a session that is the
        person's own may ask for it, or an operator who knows them."""
        if request.by == "operator" or not taken_over(profile, request.time):
            return
        name = self._vault.pseudonym("session", request.tenant, request.session) if request.session else None
        session = profile.sessions.get(name) if name is not None else None
        if session is None or not session.trusted or session.compromised:
            raise Conflict(
                "the account may be in other hands: an objection needs session_id of a trusted session, or an operator"
                " (`sentinel account object`)",
                "session_id",
            )

    def _lookup(self, request: Request) -> str:
        return self._vault.pseudonym("account", request.tenant, request.account)


def taken_over(profile: Profile, now: int) -> bool:
    """Whether somebody else may be in the account: called compromised, or an open alert of high risk."""
    horizon = now - FoldPolicy().same_news
    return bool(profile.compromised) or any(
        alert.last >= horizon and LEVEL_ORDER[alert.level] >= LEVEL_ORDER["high"] for alert in profile.alerts
    )


def _standing(profile: Profile) -> Answer:
    said = [right.what for right in profile.rights if right.what in ("objected", "upheld", "rejected")]
    decided = said[-1] if said else None
    since = min((time for time in (profile.restricted_at, profile.objected_at) if time), default=0)
    objection = "open" if decided == "objected" else decided
    return Answer(restricted=profile.restricted, since=since, objection=objection)  # type: ignore[arg-type]  # one of them


def _farewell(request: Request, attributes: Attributes) -> Notice:
    """The last mail about an account: it is about to be erased."""
    return Notice(
        id=alert_id(request.account, "credential_change", f"erased.{request.time}"),
        kind="credential_change",
        tenant=request.tenant,
        event="",
        account=None,
        time=request.time,
        risk=0.0,
        level="high",
        decision="notify",
        type="account_erased",
        actor="system",
        addressed=attributes,
    )
