"""Scoring stored history: what was answered has its answer for a label, everything else is taken for people's.

Nobody labels history, but some of it was answered: by the person, the service or an operator. Those are few, and mostly
of what was flagged. An attacker whom nobody noticed counts as a person here. So shares caught flatter the rules:
what they missed is what nobody answered. What people meet is told well, for nearly all logins are theirs.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from sentinel.evaluation.scores import ANY_ATTACK, LEGITIMATE, Run, Scoring
from sentinel.pipeline.backtest import ENTRIES, PROFILES, BoundedReplay, arrival_of
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.pack import unpack_sighting
from sentinel.store.protocol import Store

_SWEEP: Final = 20_000


class Answers(msgspec.Struct, frozen=True):
    """How many stored events were answered, and how."""

    legitimate: int
    compromised: int


async def verdicts_of(store: Store, tenant: str) -> dict[str, str]:
    """Key of each record that was answered → the last answer."""
    answers = store.history(type="feedback")
    return {each.body.decode(): each.assessment.decode() async for each in answers if each.tenant == tenant}


def count_answers(verdicts: dict[str, str]) -> Answers:
    """How many of each answer.

    >>> count_answers({"a": "legitimate", "b": "compromised", "c": "legitimate"})
    Answers(legitimate=2, compromised=1)
    """
    given = list(verdicts.values())
    return Answers(given.count("legitimate"), given.count("compromised"))


async def score_history(
    store: Store,
    settings: Callable[[str], TenantSettings],
    verdicts: dict[str, str],
    tenant: str,
    progress: Callable[[int], None] = lambda done: None,
) -> Run:
    """Judge a tenant's history anew, in its order. Answers come when they came; restricted records are left out.

    Raises :class:`sentinel.errors.StoreError`.
    """
    replay = BoundedReplay(settings, frozenset(verdicts), PROFILES, ENTRIES)
    scoring = Scoring(replay)
    done = 0
    try:
        async for record in store.history():
            done += 1
            if record.tenant != tenant or record.restricted:
                continue
            if record.type == "feedback":
                replay.answer(record.body.decode(), record.assessment.decode())
            else:
                kind = ANY_ATTACK if verdicts.get(record.key) == "compromised" else LEGITIMATE
                scoring.arrival(arrival_of(record, unpack_sighting(record.sighting)), kind)
            if done % _SWEEP == 0:
                replay.sweep()
                progress(done)
    finally:
        replay.close()
    return scoring.run
