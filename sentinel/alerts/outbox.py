"""The outbox: alert mails that were decided in the same transaction as their event, and wait to be sent.

A store implements it. ``now``, ``at`` and ``first_try`` are micros. The store compares ``worker`` with the
holder of the lease, so that a worker whose lease ran out cannot mark a mail that another one holds now.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from sentinel.events.alert import Notice
from sentinel.events.sighting import Attributes


class OutboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be sent. ``attempts`` counts the tries before this one (``retry`` adds one); ``first_try``
    is the time of the first lease, set by ``lease``."""

    id: int
    notice: Notice
    attempts: int = 0
    first_try: int = 0


class Outbox(Protocol):
    """What delivery needs of a store. Every method may raise :class:`sentinel.errors.StoreError`."""

    async def lease(self, *, worker: str, now: int, limit: int, seconds: int) -> list[OutboxItem]:
        """Up to ``limit`` mails that are due and that nobody holds, held for ``seconds`` by ``worker`` from
        now on."""
        ...

    async def holds(self, item_id: int, *, worker: str) -> bool:
        """Whether it is still to be sent by ``worker``: its account may have been restricted or erased since."""
        ...

    async def sent(self, item_id: int, *, worker: str, now: int) -> None:
        """It was handed to the mail server."""
        ...

    async def retry(self, item_id: int, *, worker: str, at: int, reason: str) -> None:
        """It could not be sent; due again ``at``, held by nobody."""
        ...

    async def postpone(self, item_id: int, *, worker: str, at: int, reason: str) -> None:
        """It is not to be sent yet; due ``at``, held by nobody. That was no try."""
        ...

    async def failed(self, item_id: int, *, worker: str, now: int, reason: str) -> None:
        """It will not be sent; kept and shown to the operator with the reason."""
        ...

    async def unaddressed(self, item_id: int, *, worker: str, now: int, reason: str) -> None:
        """There is nobody to write to, for a reason; counted, not lost."""
        ...

    async def refused(self, item_id: int, address: str, *, worker: str) -> None:
        """The mail server refused an address for good."""
        ...

    async def is_refused(self, account: str, address: str, *, since: int) -> bool:
        """Whether it refused that address of the account at ``since`` or later."""
        ...

    async def fold_flood(self, most: Callable[[str], int], *, now: int) -> int:
        """Where more mails of a tenant than ``most`` says, critical ones not counted, wait for their first try: fold
        those of one account into one summary, and tell the operators, once a day and tenant. Returns how many were
        folded into others."""
        ...

    async def attributes(self, tenant: str, account: str) -> Attributes | None:
        """The account's attributes, opened for this mail; ``None`` when nothing is known."""
        ...

    async def pending(self) -> int:
        """How many mails wait, held ones included."""
        ...
