"""Carrying out verdicts given on the command line: one answer an event, as POST /v1/feedback gives it.

Only whoever judges into the store does this, the daemon or a command that holds the store's lock, so there is never a
second one who changes profiles.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from sentinel.pipeline.item import Answer, Item, Outcome
from sentinel.pipeline.pack import unpack_sighting
from sentinel.store.protocol import AlertRow, AskedVerdict, Record, Store

#: Answers submitted together.
_BATCH: Final = 256
#: Open alerts of one account that one verdict closes; an account has a handful.
_ALERTS: Final = 1000

Submit = Callable[[Sequence[Item]], Awaitable[list[Outcome]]]


async def carry_out(asked: AskedVerdict, store: Store, submit: Submit, *, now: int) -> int:
    """Answer for every event that the verdict is about, close the alerts, settle it; returns the events answered.

    Begun again after a crash it does nothing twice: an answer given twice is one.
    """
    answered = 0
    batch: list[Item] = []
    alerts = await _alerts(asked, store)
    async for record in _records(asked, store, alerts):
        batch.append(_answer(asked, record))
        if len(batch) >= _BATCH:
            answered += await _submit(batch, submit)
            batch = []
    answered += await _submit(batch, submit)
    await store.settle_verdict(asked.id, now=now, answered=answered, alerts=[alert.id for alert in alerts])
    return answered


async def _alerts(asked: AskedVerdict, store: Store) -> list[AlertRow]:
    if asked.about == "alert":
        found = await store.alert(asked.tenant, asked.target)
        return [found] if found is not None else []
    if asked.about == "account":
        return await store.alerts(asked.tenant, account=asked.target, state="open", limit=_ALERTS)
    return []


async def _records(asked: AskedVerdict, store: Store, alerts: Sequence[AlertRow]) -> AsyncIterator[Record]:
    if asked.about == "event":
        record = await store.record(asked.target)
        if record is not None:
            yield record
    for alert in alerts:
        async for record in store.alert_events(alert):
            if _concerns(asked.verdict, alert, record):
                yield record


def _concerns(verdict: str, alert: AlertRow, record: Record) -> bool:
    """A campaign's failed tries compromised nobody: ten thousand sprayed accounts are not ten thousand taken over."""
    if alert.kind != "campaign" or verdict == "legitimate":
        return True
    sighting = unpack_sighting(record.sighting)
    return sighting.known_account and (sighting.outcome in ("success", "pending") or sighting.password_ok)


def _answer(asked: AskedVerdict, record: Record) -> Answer:
    return Answer(
        tenant=record.tenant,
        key=record.key,
        event=record.event_id,
        verdict=asked.verdict,
        time=asked.time,
        by="operator",
    )


async def _submit(batch: Sequence[Item], submit: Submit) -> int:
    if not batch:
        return 0
    return sum(outcome.error is None for outcome in await submit(batch))
