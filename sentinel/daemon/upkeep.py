"""Upkeep by the minute, so that windows stay small. What goes by the day: :mod:`sentinel.daemon.retention`."""

import asyncio
import logging
from typing import Final

from sentinel.errors import SentinelError
from sentinel.events.clock import now
from sentinel.pipeline.rights import Rights
from sentinel.store.protocol import Store

_log: Final = logging.getLogger("sentinel.daemon")
#: Seconds between rounds of upkeep.
_UPKEEP: Final = 60.0


async def keep_up(store: Store, rights: Rights) -> None:
    """Round after round, for as long as the daemon runs: old window entries go, erasures that failed are finished."""
    while True:
        await asyncio.sleep(_UPKEEP)
        try:
            while await store.expire_windows(now()):  # noqa: ASYNC110  # rounds, not waiting for a change
                await asyncio.sleep(0.05)
            await rights.retry(now())
            await store.scrub()  # the log tells what was written together
        except SentinelError as error:
            _log.error("upkeep failed, trying again: %s", error)
