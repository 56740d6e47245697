"""Waiting for whoever writes to the store, when a command left something there to be done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sentinel.daemon.lock import DAEMON, StoreHeld

T = TypeVar("T")

#: Seconds that whoever writes to the store gets before the command says that it is kept for later.
PATIENCE: Final = 60.0
_LOOK: Final = 0.1
#: Seconds between tries to do it here after all. Seldom: a daemon that starts just then finds the lock taken.
_TRY: Final = 5.0


def who_does_it(held: StoreHeld) -> str:
    """For a person at a terminal: what is in the way, and what becomes of what they asked."""
    if held.by == DAEMON:
        return "the daemon carries it out"
    who = f"`{held.by}` (process {held.process})" if held.by else "another sentinel process"
    return (
        f"{who} writes to this store, so this waits for up to {PATIENCE:.0f} seconds; what was asked is kept all the"
        " same, and is carried out by whoever judges into this store next"
    )


async def wait_for(look: Callable[[], Awaitable[T | None]], do_it_here: Callable[[], Awaitable[None]]) -> T | None:
    """What ``look`` finds once it was done; ``None`` when it was not within a minute.

    Who holds the lock may be one that never looks at what was asked, as an import: ``do_it_here`` is tried again and
    again, for when that one ended.
    """
    time = asyncio.get_running_loop().time
    deadline, turn = time() + PATIENCE, time() + _TRY
    while time() < deadline:
        if (found := await look()) is not None:
            return found
        if time() >= turn:
            await do_it_here()
            turn = time() + _TRY
        await asyncio.sleep(_LOOK)
    return None
