"""The daemon's side of `sentinel account erase` and its like: what commands left in the store is answered here."""

import asyncio
import logging
from typing import Final

from sentinel.audit.log import AuditLog
from sentinel.errors import SentinelError
from sentinel.events.clock import now
from sentinel.pipeline.questions import answer_question, refuse
from sentinel.pipeline.rights import Rights
from sentinel.pipeline.verdicts import Submit
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store

_log: Final = logging.getLogger("sentinel.questions")
#: Seconds between looks: how long a person at a terminal waits for theirs.
_LOOK: Final = 0.5
#: Seconds before the store is asked again after it failed.
_AGAIN: Final = 10.0


async def answer_questions(store: Store, rights: Rights, submit: Submit, vault: Vault, log: AuditLog) -> None:
    """Answer what is asked, for as long as the daemon runs."""
    while True:
        await asyncio.sleep(_LOOK)
        if not await answer_all(store, rights, submit, vault, log):
            await asyncio.sleep(_AGAIN)


async def answer_all(store: Store, rights: Rights, submit: Submit, vault: Vault, log: AuditLog) -> bool:
    """Answer what was asked once; false when some of it has to be tried again.

    A question that breaks off inside is answered as well: asked again and again it would keep others from theirs.
    """
    try:
        for id, question in await store.questions():
            try:
                reply = await answer_question(question, rights, submit, vault, log)
            except SentinelError:
                raise
            except Exception:
                _log.exception("a question of a command broke off", extra={"event.action": "question"})
                reply = refuse("it broke off inside; the log of the daemon says where")
            await store.reply(id, reply, now=now())
            _log.info("a question of a command was answered", extra={"event.action": "question"})
    except SentinelError as error:
        # Stopping, or the store fails: what was asked stays and is tried again.
        _log.warning("a question waits: %s", error, extra={"event.action": "question"})
        return False
    return True
