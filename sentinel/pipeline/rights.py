"""The person's rights: erasure, restriction, objection. Carried out by whoever judges, while nothing is judged.

A request is checked, then the audit log takes it down, then it is done: what is refused is not noted as if it had been
carried out. Unknown accounts are answered like known ones: nobody learns from an answer whether an account was ever
seen.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from sentinel.audit.log import AuditLog
from sentinel.errors import Conflict, FieldError
from sentinel.past.profile import MAX_RIGHTS, Profile, Right, objection_of
from sentinel.pipeline.erasing import Erasing, taken_over
from sentinel.pipeline.merging import Merging
from sentinel.pipeline.noting import Noting
from sentinel.pipeline.request import REASON_LENGTH, Answer, Request
from sentinel.pipeline.standing import Standings
from sentinel.privacy.ledger import Ledger
from sentinel.privacy.vault import Vault
from sentinel.rules.compiled import Series
from sentinel.store.protocol import Changes, Store, Wanted

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
        self._note = Noting(vault, log).note
        self._standings = Standings(store, vault)
        self._merging = Merging(store, vault, series, self._standings)
        self._erasing = Erasing(store, vault, ledger, self._note)
        self._store = store
        self._vault = vault
        self._alone = alone

    async def exercise(self, request: Request) -> Answer:
        """Carry a request out. Raises :class:`FieldError`, :class:`Conflict`, :class:`StoreError`."""
        if len(request.reason) > REASON_LENGTH or not request.reason.isprintable():
            raise FieldError("reason", f"expected one line of at most {REASON_LENGTH} printable characters")
        work = {"erase": self._erasing.erase, "merge": self._merge}.get(request.what, self._mark)
        return await self._alone(lambda: work(request))

    async def finish(self, now: int) -> int:
        """Finish what a crash left half done, or a restored backup from before it; before anything is judged. Returns
        how many erasures, merges and standings there were. ``now`` (micros) is when they are finished."""
        return await self._erasing.finish(now) + await self._merging.finish() + await self._standings.replay()

    async def retry(self, now: int) -> None:
        """Finish what a failing store, or somebody who was reading it, left half done, while the daemon runs."""

        async def work() -> Answer:
            await self._erasing.finish(now)
            return Answer()

        if self._erasing.unfinished():
            await self._alone(work)

    async def _merge(self, request: Request) -> Answer:
        return _standing(await self._merging.merge(request, self._note))

    async def _mark(self, request: Request) -> Answer:
        """Restriction and objection: marks in the profile, from now on."""
        lookup = self._vault.pseudonym("account", request.tenant, request.account)
        if request.what == "lift" and (standing := await self._not_restricted(lookup)) is not None:
            await self._note(request, "was not restricted")
            return standing
        (key,) = self._vault.admit([lookup]).values()
        past = await self._store.recall(Wanted(profiles={key.handle}))
        profile = past.profiles[key.handle]
        before = profile.restricted
        try:
            self._change(profile, request)
            await self._note(request)
            await self._vault.flush()
            held = {key.handle: profile.restricted} if profile.restricted != before else {}
            async with self._standings.kept(key, profile):
                await self._store.commit(Changes(profiles={key.handle: profile}, held=held))
        except BaseException:
            self._store.forget(past)
            raise
        return _standing(profile)

    async def _not_restricted(self, lookup: str) -> Answer | None:
        """How an account stands that there is no restriction to lift of; it is not made known by that."""
        key = self._vault.find(lookup)
        profile = (await self._store.profile(key.handle) if key is not None else None) or Profile()
        return None if profile.restricted else msgspec.structs.replace(_standing(profile), changed=False)

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
        profile.rights_count += 1

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


def _standing(profile: Profile) -> Answer:
    return Answer(restricted=profile.restricted, since=profile.restricted_since, objection=objection_of(profile))
