"""What a store does for hooks: an outbox for each target. A part of the store's protocol.

``now`` and ``at`` are micros. A worker whose lease ran out marks nothing that another one holds.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from sentinel.events.hook import HookEvent

#: How the delivery of an event to a target ended.
Ended = Literal["delivered", "dead"]


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """An event for one target, as leased to a worker. ``name`` is the same for all targets and all tries; ``attempts``
    are those before this one, ``first_try`` is when the first one began."""

    id: int
    name: str
    event: HookEvent
    attempts: int
    first_try: int


class HookKept(msgspec.Struct, frozen=True, kw_only=True):
    """That a target was, or will be, told of an account. ``day`` is a UTC day."""

    type: str
    target: str
    state: str  #: pending, held (the account is restricted), delivered or dead
    day: int


class HookStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a target stands: events by state, when the oldest one that waits happened (micros; 0: none waits), and why
    the newest one that failed did."""

    target: str
    states: dict[str, int] = {}
    oldest: int = 0
    reason: str = ""


class Disabled(msgspec.Struct, frozen=True, kw_only=True):
    """A target that is told nothing more until its configuration, of which ``digest`` is a hash, changes."""

    target: str
    digest: bytes
    since: int
    reason: str


class Hooks(Protocol):
    """See the module. All methods raise :class:`sentinel.errors.StoreError` when the store fails."""

    async def lease_hooks(self, target: str, *, worker: str, now: int, limit: int, seconds: int) -> list[Hook]:
        """Events for ``target`` that are due and that nobody holds, oldest first, held for ``seconds``."""

    async def settle_hook(self, hook: int, *, worker: str, now: int, state: Ended, reason: str = "") -> None:
        """Done with. What was delivered is emptied; a dead letter keeps what it says, to be sent again."""

    async def retry_hook(self, hook: int, *, worker: str, at: int, reason: str) -> None:
        """To be tried again at ``at``."""

    async def bury_hooks(self, target: str, *, now: int, reason: str) -> int:
        """Everything that waits for a target becomes a dead letter; returns how many."""

    async def replay_hooks(self, target: str, *, since: int = 0) -> int:
        """Dead letters of a target, of UTC days from that of ``since`` (micros) on, are due again; returns how many."""

    async def hook_targets(self) -> set[str]:
        """Names of the targets that something waits for."""

    async def hook_standings(self) -> list[HookStanding]:
        """How each target stands that anything is kept of."""

    async def hook_counts(self) -> dict[tuple[str, str], int]:
        """Events by target and state."""

    async def disable_hook(self, disabled: Disabled) -> None:
        """Remember that a target is told nothing more."""

    async def enable_hook(self, target: str) -> None:
        """Forget that."""

    async def disabled_hooks(self) -> list[Disabled]:
        """The targets that are told nothing more."""

    async def hooks_of(self, account: str) -> list[HookKept]:
        """Which targets were told what of an account, for its export."""

    async def expire_hooks(self, through: int, *, limit: int) -> int:
        """Delete what happened on UTC days up to ``through``, whatever became of it."""

    async def put_hooks(self, events: Sequence[HookEvent]) -> None:
        """Put events in that follow from no batch."""
