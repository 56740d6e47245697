"""The person's rights: erasure, restriction, objection. Carried out by whoever judges, while nothing is judged.

Unknown accounts are answered like known ones: nobody learns from an answer whether an account was ever seen.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

from sentinel.audit.details import ROW, Details, seal_details
from sentinel.audit.entry import Action, Entry
from sentinel.audit.log import AuditLog
from sentinel.errors import Conflict, FieldError
from sentinel.events.clock import DAY
from sentinel.past.profile import MAX_RIGHTS, Profile, Right
from sentinel.pipeline.merging import Merging
from sentinel.pipeline.takeover import farewell, taken_over
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.ledger import BACKUP_DAYS, Erasure, Ledger
from sentinel.privacy.vault import Vault
from sentinel.rules.compiled import Series
from sentinel.store.protocol import Changes, Store, Wanted

#: What the audit log calls each of them.
_ACTIONS: Final[dict[str, Action]] = {
    "erase": "account.erase",
    "restrict": "account.restrict",
    "lift": "account.lift",
    "object": "account.object",
    "decide": "account.object",
    "merge": "account.merge",
}
#: Longest reason of a request, in characters.
REASON_LENGTH: Final = 500


class Request(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True, tag="right"):
    """What is asked for an account. ``by`` is the role of who asks (``person``, ``service``, ``operator``), ``actor``
    its name for the audit log; ``time`` in micros.

    ``session`` is the session in which the person asks; ``decision`` decides an objection; ``into`` is the account to
    merge into. ``reason`` stays with the account, ``purpose`` stands in the audit log.
    """

    what: Literal["erase", "restrict", "lift", "object", "decide", "merge"]
    tenant: str
    account: str
    time: int
    by: Literal["person", "service", "operator"] = "service"
    actor: str = ""
    reason: str = ""
    session: str | None = None
    decision: Literal["upheld", "rejected"] | None = None
    into: str | None = None
    purpose: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True):
    """What came of a request. ``receipt`` proves an erasure (`sentinel privacy verify-erasure`); ``restricted`` says
    how the account stands now, ``since`` since when (micros). Without ``changed`` there was nothing to do."""

    receipt: str | None = None
    restricted: bool = False
    since: int = 0
    objection: Literal["open", "upheld", "rejected"] | None = None
    told: bool = False  #: a mail to the person's former address went into the outbox first
    backups_until: int = 0  #: when the last backup that may hold what was erased cannot be restored any more (micros)
    changed: bool = True


#: Runs something while nothing is judged.
Alone = Callable[[Callable[[], Awaitable[Answer]]], Awaitable[Answer]]


class Rights:
    """See the module. ``alone`` runs something while nothing is judged (:meth:`Intake.exclusive`); ``log`` takes down
    what is asked for before it is done; ``series`` gives the window series of a tenant's rules."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        ledger: Ledger,
        alone: Alone,
        log: AuditLog | None = None,
        series: Callable[[str], Iterable[Series]] = lambda tenant: (),
    ) -> None:
        self._log = log
        self._merging = Merging(store, vault, series)
        self._store = store
        self._vault = vault
        self._ledger = ledger
        self._alone = alone

    async def exercise(self, request: Request) -> Answer:
        """Carry a request out. Raises :class:`FieldError`, :class:`Conflict`, :class:`StoreError`."""
        if len(request.reason) > REASON_LENGTH or not request.reason.isprintable():
            raise FieldError("reason", f"expected one line of at most {REASON_LENGTH} printable characters")
        if request.what == "lift" and (standing := await self._not_restricted(request)) is not None:
            await self._note(request, "was not restricted")
            return standing
        await self._note(request)
        work = {"erase": self._erase, "merge": self._merge}.get(request.what, self._mark)
        return await self._alone(lambda: work(request))

    async def _not_restricted(self, request: Request) -> Answer | None:
        """How an account stands that there is no restriction to lift of; it is not made known by that."""
        key = self._vault.find(self._lookup(request))
        profile = (await self._store.profile(key.handle) if key is not None else None) or Profile()
        return None if profile.restricted else msgspec.structs.replace(_standing(profile), changed=False)

    async def _note(self, request: Request, outcome: str = "") -> None:
        if self._log is None:
            return
        # Of a merge both accounts are told: each may be asked for what was done to it.
        accounts = [request.account] if request.into is None else [request.account, request.into]
        await asyncio.to_thread(self._log.append, [self._entry(request, account, outcome) for account in accounts])

    def _entry(self, request: Request, account: str, outcome: str) -> Entry:
        lookup = self._vault.pseudonym("account", request.tenant, account)
        # Of an account never heard of nothing is known that an entry could be found by; marks make it known.
        known = request.what in ("erase", "merge") or bool(outcome)
        key = self._vault.find(lookup) if known else self._vault.admit([lookup])[lookup]
        told: Details = {}
        if request.reason:
            told["reason"] = request.reason  # the person's own words: they go with the account
        if request.decision is not None:
            told["decision"] = request.decision
        if outcome:
            told["outcome"] = outcome
        return Entry(
            time=request.time,
            actor=request.actor or request.by,
            role=request.by,
            action=_ACTIONS[request.what],
            purpose=request.purpose,
            tenant=request.tenant,
            account=key.row(ROW) if key is not None else None,
            sealed=seal_details(key, request.time, told) if key is not None and told else None,
        )

    async def finish(self, now: int) -> int:
        """Finish what a crash left half done, or a restored backup from before it; before anything is judged. Returns
        how many erasures and merges there were. ``now`` (micros) is when they are finished."""
        unfinished = self._ledger.unfinished()
        await self._carry_out(unfinished, now)
        return len(unfinished) + await self._merging.finish()

    async def retry(self, now: int) -> None:
        """Finish what a failing store, or somebody who was reading it, left half done, while the daemon runs."""
        if self._ledger.unfinished():
            await self._alone(lambda: self._finish_erasures(now))

    async def _finish_erasures(self, now: int) -> Answer:
        await self._carry_out(self._ledger.unfinished(), now)
        return Answer()

    async def _erase(self, request: Request) -> Answer:
        await self._finish_erasures(request.time)
        lookup = self._lookup(request)
        key = self._vault.find(lookup)
        told = False
        former: list[AccountKey] = []
        if key is None:
            # Nobody is known by this name: the ledger gets an entry all the same, of a key that never was.
            key = AccountKey(0, "", self._vault.keyring.new_key())
        elif key.lookup != lookup:
            # Who cleans up after a merge must not erase the person by it.
            raise Conflict("the account was merged into another one: erase that one")
        else:
            told = await self._tell_first(request, key)
            former = self._vault.former(key)
        await self._vault.flush()
        secrets = [(each.handle, each.rows) for each in former]
        erasure = self._ledger.begin(key.handle, key.rows, request.time, secrets)
        await self._carry_out(self._ledger.parts(erasure.receipt), request.time)
        return Answer(receipt=erasure.receipt, told=told, backups_until=request.time + BACKUP_DAYS * DAY)

    async def _carry_out(self, erasures: Sequence[Erasure], now: int) -> None:
        # The keys first: from then on what is left can be read by nobody, wherever it lies.
        handles = [erasure.handle for erasure in erasures]
        if not handles:
            return
        try:
            await self._vault.run(lambda: self._vault.keyring.destroy_accounts(handles))
        finally:
            # Also when it failed: the keys may be gone from the file, and nothing may be sealed with them any more.
            self._vault.forget(handles)
        for erasure in erasures:
            await self._store.erase(erasure.rows, erasure.handle)
        if not await self._store.scrub():
            # Nobody can read what is left; it is finished (:meth:`retry`) once the backup under way is made.
            return
        for erasure in erasures:
            # When it was finished is what the receipt proves; not before it began, whatever clocks say.
            self._ledger.finish(erasure.receipt, max(now, erasure.time))

    async def _merge(self, request: Request) -> Answer:
        if not request.into:
            raise FieldError("into", "expected the id of the account to merge into")
        merged = await self._merging.merge(
            request.tenant, request.account, request.into, time=request.time, by=request.by, reason=request.reason
        )
        return _standing(merged)

    async def _tell_first(self, request: Request, key: AccountKey) -> bool:
        """Of an account that somebody seems to have taken over, whoever owned it hears before all is gone."""
        past = await self._store.recall(Wanted(profiles={key.handle}, attributes={key.handle}))
        attributes = past.attributes.get(key.handle)
        if attributes is None or not taken_over(past.profiles[key.handle], request.time):
            return False
        await self._store.commit(
            Changes(notices=[farewell(key.handle, attributes, tenant=request.tenant, time=request.time)])
        )
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
                if not profile.restricted_at:
                    return  # somebody else was faster
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


def _standing(profile: Profile) -> Answer:
    said = [right.what for right in profile.rights if right.what in ("objected", "upheld", "rejected")]
    if profile.objected_at:
        # Of two accounts that became one, one's rejection does not answer the other's objection.
        said = [what for what in said if what != "rejected"]
    decided = said[-1] if said else None
    since = min((time for time in (profile.restricted_at, profile.objected_at) if time), default=0)
    objection = "open" if decided == "objected" else decided
    return Answer(restricted=profile.restricted, since=since, objection=objection)  # type: ignore[arg-type]  # one of them
