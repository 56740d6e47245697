"""What the handlers work with."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import IO, Final, Protocol

import msgspec
from aiohttp import web

from sentinel.alerts.identity import Identity
from sentinel.api.answer.guessing import Guessing
from sentinel.api.auth import Keys
from sentinel.api.exporting import Exports
from sentinel.api.problems import Problem
from sentinel.audit.entry import Action, Entry
from sentinel.audit.log import AuditLog
from sentinel.enrich.sighting import Enricher
from sentinel.past.profile import Profile
from sentinel.pipeline.item import Item, Outcome, TenantSettings
from sentinel.pipeline.request import Answer, Request
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import ApiKey, Store

_NO_PERSON: Final = (
    '[privacy] purpose is "workforce": looking somebody up needs a second person, and a key is none. Use the command'
    " line (`sentinel account show`, `sentinel account export`, `sentinel alerts list --account`) with --approved-by"
)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a body, events of a post, seconds to send a body."""

    body_bytes: int = 8 * 1024 * 1024
    batch: int = 10_000
    seconds: float = 30.0


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """``reasons`` that keep the daemon from its work, by part; ``waiting`` events; ``durable``: see the store's.

    ``warnings`` are what somebody should look at while it works, ``oldest_raw_days`` is the age of the oldest raw
    address (null: there is none).
    """

    reasons: dict[str, str]
    durable: bool
    waiting: int
    warnings: dict[str, str] = {}
    oldest_raw_days: float | None = None


class Intake(Protocol):
    """Where events go to be judged: :class:`sentinel.pipeline.intake.Intake`, here or in the daemon's process."""

    async def submit(self, items: Sequence[Item], *, inline: bool = False) -> list[Outcome]: ...

    async def holds(self, key: str) -> bool: ...


class Service:
    """The parts behind the HTTP edge. ``clock`` gives micros; ``ready`` names what keeps the daemon from its work."""

    def __init__(
        self,
        *,
        store: Store,
        intake: Intake,
        enricher: Enricher,
        vault: Vault,
        keys: Keys,
        settings: Callable[[str], TenantSettings],
        clock: Callable[[], int],
        ready: Callable[[], Awaitable[Readiness]],
        metrics: Callable[[], Awaitable[bytes]],
        limits: Limits,
        exercise: Callable[[Request], Awaitable[Answer]],
        export: Callable[[str, str, IO[bytes], str | None], Awaitable[object]],
        log: AuditLog,
        identity: Callable[[str], Identity],
        second_person: Callable[[str], bool] = lambda tenant: False,
        issuer: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.store = store
        self.intake = intake
        self.enricher = enricher
        self.vault = vault
        self.keys = keys
        self.settings = settings
        self.clock = clock
        self.ready = ready
        self.metrics = metrics
        self.limits = limits
        self.exercise = exercise
        self.export = export  #: writes what is held of an account (tenant, account, file, language)
        self.identity = identity  #: how a tenant's pages look, and what they name
        self.guessing = Guessing()
        self.second_person = second_person  #: whether a look at one person of a tenant needs a second one
        self.issuer = issuer  #: of Shared Signals, where it is configured
        self.exports = Exports()
        self._log = log
        self.requests: Counter[tuple[str, int]] = Counter()  #: (route, status) → requests answered

    async def looked(self, key: ApiKey, action: Action, account: str | None = None, *, person: bool = False) -> None:
        """Write down that personal data is about to be shown: of an account (its handle), or of many.

        With ``person`` it is a look at one person. Raises :class:`Problem` (403) where that needs a second one.
        """
        if person and self.second_person(key.tenant):
            raise Problem(403, _NO_PERSON)
        row = self.vault.of(account).row("audit") if account is not None else None
        entry = Entry(time=self.clock(), actor=key.name, role="service", action=action, tenant=key.tenant, account=row)
        await asyncio.to_thread(self._log.append, [entry])

    async def profile_of(self, account: str | None) -> Profile:
        """An account's profile, by its handle; an empty one for who was never heard of."""
        return (await self.store.profile(account) if account is not None else None) or Profile()

    def handle_of(self, tenant: str, account: str) -> str | None:
        """What an account is known by in the store; ``None`` when it was never heard of."""
        key = self.vault.find(self.enricher.account_key(tenant, account))
        return key.handle if key is not None else None


SERVICE: Final = web.AppKey("service", Service)
