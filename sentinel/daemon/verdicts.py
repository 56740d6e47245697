"""The daemon's side of `sentinel alerts close`: verdicts left in the store are carried out where events are judged."""

import asyncio
import logging
from typing import Final

from sentinel.errors import SentinelError
from sentinel.events.clock import now
from sentinel.pipeline.verdicts import Submit, carry_out
from sentinel.store.protocol import Store

_log: Final = logging.getLogger("sentinel.verdicts")
#: Seconds between looks: how long a person at a terminal waits for theirs.
_LOOK: Final = 0.5
#: Seconds before one that could not be carried out is tried again.
_AGAIN: Final = 10.0


async def carry_out_verdicts(store: Store, submit: Submit) -> None:
    """Carry out what was asked for, for as long as the daemon runs."""
    while True:
        await asyncio.sleep(_LOOK)
        if not await carry_out_all(store, submit):
            await asyncio.sleep(_AGAIN)


async def carry_out_all(store: Store, submit: Submit) -> bool:
    """Carry out what was asked for once; false when some of it has to be tried again.

    One that cannot be carried out keeps neither the daemon from judging nor the others from theirs.
    """
    good = True
    try:
        for asked in await store.asked_verdicts():
            try:
                answered = await carry_out(asked, store, submit, now=now())
            except SentinelError:
                raise
            except Exception:
                good = False
                _log.exception("a verdict cannot be carried out", extra={"event.action": "verdict"})
            else:
                _log.info("a verdict was carried out for %d events", answered, extra={"event.action": "verdict"})
    except SentinelError as error:
        # Too busy, or the store fails: what was asked for stays and is tried again.
        good = False
        _log.warning("a verdict waits: %s", error, extra={"event.action": "verdict"})
    return good
