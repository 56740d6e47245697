"""Scoring stored history: what was answered has its answer for a label, everything else is taken for people's.

Nobody labels history, but some of it was answered: by the person, the service or an operator. Those are few, and mostly
of what was flagged. An attacker whom nobody noticed counts as a person here. So shares caught of *those* flatter the
rules: what they missed is what nobody answered. What people meet is told well, for nearly all logins are theirs; what
attackers would meet is told by those that are put into it (:mod:`sentinel.evaluation.besiege`).
"""

from collections.abc import Callable
from typing import Final

import msgspec

from sentinel.enrich.sighting import Enricher
from sentinel.evaluation.besiege import NUMBER, Siege
from sentinel.evaluation.contexts import Contexts
from sentinel.evaluation.rows import ANY_ATTACK, LEGITIMATE
from sentinel.evaluation.scores import Run, Scoring
from sentinel.facts.look import Scorer
from sentinel.pipeline.backtest import ENTRIES, PROFILES, BoundedReplay, arrival_of
from sentinel.pipeline.holdout import Part
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.pack import unpack_sighting
from sentinel.pipeline.restrictions import Restrictions
from sentinel.store.protocol import Store

_SWEEP: Final = 20_000
_STEP: Final = 1000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What counts of history and who attacks: ``number`` logins out of ``records``, with what attackers draw from;
    nobody without. Logins before ``since`` (micros) build the past only. Of 0 records, all are meant."""

    since: int = 0
    part: Part = Part()
    without: tuple[str, ...] = ()
    attackers: tuple[Contexts, Enricher] | None = None
    number: int = NUMBER
    seed: int = 1
    records: int = 0


async def score_history(
    store: Store,
    settings: Callable[[str], TenantSettings],
    verdicts: dict[str, str],
    tenant: str,
    scorer: Scorer | None = None,
    plan: Plan | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Run:
    """Judge a tenant's history anew, in its order. Answers come when they came; restricted records are left out.

    Raises :class:`sentinel.errors.StoreError`.
    """
    plan = plan or Plan()
    replay = BoundedReplay(settings, frozenset(verdicts), PROFILES, ENTRIES)
    scoring = Scoring(replay, scorer, part=plan.part, without=plan.without)
    siege = Siege(
        replay, scoring, *plan.attackers, number=plan.number, seed=plan.seed, records=plan.records, since=plan.since
    ) if plan.attackers else None  # fmt: skip
    restrictions = Restrictions(store)
    done = 0
    try:
        async for record in store.history():
            if done == plan.records > 0:
                # What a daemon beside us went on to store is for the next time.
                break
            done += 1
            held = record.tenant == tenant and await restrictions.hold(record)
            if record.tenant != tenant or held or record.type == "feedback":
                if siege is not None:
                    siege.passed()
                if record.type == "feedback" and record.tenant == tenant and not held:
                    replay.answer(record.body.decode(), record.assessment.decode())
            else:
                kind = ANY_ATTACK if verdicts.get(record.key) == "compromised" else LEGITIMATE
                arrival = arrival_of(record, unpack_sighting(record.sighting))
                if siege is not None:
                    siege.before(arrival, legitimate=kind == LEGITIMATE)
                scoring.arrival(arrival, kind)
            if done % _SWEEP == 0:
                replay.sweep()
            if done % _STEP == 0:
                progress(done)
        if siege is not None:
            siege.end()
    finally:
        scoring.close()
        replay.close()
    return scoring.run.since(plan.since) if plan.since else scoring.run
