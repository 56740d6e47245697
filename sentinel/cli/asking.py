"""Having something done that changes what is stored: here when nobody else judges, else by the daemon."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Final

from sentinel.cli.waiting import wait_for, who_does_it
from sentinel.config import Config
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.build import rules_or_none, untuned_settings
from sentinel.daemon.lock import StoreHeld, state_lock
from sentinel.daemon.questions import answer_all
from sentinel.daemon.state import open_ledger, open_store, open_vault, prepare_state
from sentinel.events.clock import now
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.questions import Question, carry_out_question, encode_question, read_reply
from sentinel.pipeline.request import Answer
from sentinel.pipeline.rights import Rights
from sentinel.rules.compiled import Series

#: What holds the lock while a right is carried out here.
_BY: Final = "sentinel account"


async def have_done(config: Config, asked: Question, tell: Callable[[str], None]) -> Answer | None:
    """The answer, or ``None`` while the daemon has not come to it within a minute: the question is kept then.

    Raises :class:`sentinel.errors.SentinelError` when it cannot be done.
    """
    prepare_state(config)
    with ExitStack() as stack:
        try:
            stack.enter_context(state_lock(config.state, config.store_url, by=_BY))
        except StoreHeld as held:
            tell(who_does_it(held))
        else:
            return await _do(config, asked)
    return await _ask(config, asked)


async def _answer_alone(config: Config) -> None:
    """Do what was asked when nobody judges any more: who did may have been an import, which never looks."""
    with ExitStack() as stack:
        try:
            stack.enter_context(state_lock(config.state, config.store_url, by=_BY))
        except StoreHeld:
            return
        await _do(config, None)


async def _do(config: Config, asked: Question | None) -> Answer | None:
    """Answer what was left in the store, then ``asked``, for who holds the store's lock."""
    with ExitStack() as stack:
        vault = stack.enter_context(closing(open_vault(config, writes=True)))
        log = stack.enter_context(opened_audit(config, vault)).log
        ledger = stack.enter_context(closing(open_ledger(config, vault)))
        store = open_store(config, vault)
        try:
            await store.bind(vault.fingerprint)
            rights = Rights(
                store, vault, ledger, alone=lambda work: work(), log=log, series=lambda tenant: _series(config)
            )
            # What a daemon that was killed left half done comes first, then what was asked of it.
            await rights.finish(now())
            submit = Pipeline(store, vault, untuned_settings(config)).process
            await answer_all(store, rights, submit, vault, log)
            return await carry_out_question(asked, rights, submit, vault, log) if asked is not None else None
        finally:
            await store.close()


def _series(config: Config) -> Sequence[Series]:
    """What is counted by account: a merge that is finished here takes it along. Read when there is one."""
    rules = rules_or_none(config)
    return rules.series if rules is not None else ()


async def _ask(config: Config, asked: Question) -> Answer | None:
    with closing(open_vault(config)) as vault:
        store = open_store(config, vault)
        try:
            await store.bind(vault.fingerprint)
            id = await store.ask(encode_question(asked), now=now())
            reply = await wait_for(lambda: store.answer(id), lambda: _answer_alone(config))
            return read_reply(reply) if reply is not None else None
        finally:
            await store.close()
