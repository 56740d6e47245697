"""The daemon's side of `sentinel alerts close`: verdicts left in the store are carried out where events are judged."""

import asyncio
import logging
from typing import Final

from sentinel.errors import SentinelError
from sentinel.events.clock import now
from sentinel.pipeline.verdicts import Submit, carry_out
from sentinel.privacy.sealer import Sealer
from sentinel.store.protocol import Store

_log: Final = logging.getLogger("sentinel.verdicts")
#: Seconds between looks: how long a person at a terminal waits for theirs.
_LOOK: Final = 0.5
#: Seconds before one that could not be carried out is tried again.
_AGAIN: Final = 10.0


async def carry_out_verdicts(store: Store, submit: Submit, sealer: Sealer) -> None:
    """Carry out what was asked for, for as long as the daemon runs."""
    while True:
        await asyncio.sleep(_LOOK)
        try:
            for asked in await store.asked_verdicts():
                answered = await carry_out(asked, store, submit, sealer, now=now())
                _log.info("a verdict was carried out for %d events", answered, extra={"event.action": "verdict"})
        except SentinelError as error:
            # Too busy, or the store fails: what was asked for stays and is tried again.
            _log.warning("a verdict waits: %s", error, extra={"event.action": "verdict"})
            await asyncio.sleep(_AGAIN)
        except Exception:
            # Judging must not end for it, now and after each new start.
            _log.exception("a verdict cannot be carried out", extra={"event.action": "verdict"})
            await asyncio.sleep(_AGAIN)
