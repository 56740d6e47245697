"""Which accounts somebody else was in, from the verdicts given: what the report of a breach is made from."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from sentinel.events.event import CREDENTIAL_CHANGES
from sentinel.events.sighting import Sighting
from sentinel.export.incident import Affected
from sentinel.pipeline.pack import unpack_assessment, unpack_sighting
from sentinel.store.protocol import Record, Store

#: Changes by which people are reached.
_CONTACT: Final = frozenset({"email_changed", "phone_changed"})
#: What gives out or changes a way in.
_CREDENTIALS: Final = CREDENTIAL_CHANGES | {"token_created", "consent_granted"}


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An account that somebody was in: its handle and what is known of it."""

    handle: str
    affected: Affected


async def incidents(store: Store, tenant: str, *, since: int) -> list[Incident]:
    """The accounts of a tenant with events called compromised since then (micros), and not called legitimate after.

    A try that failed let nobody in, whatever it was called.
    """
    called: dict[str, dict[str, tuple[str, int]]] = {}  # handle → key of the event → verdict and when
    async for answer in store.history(type="feedback", since=since):
        if answer.tenant == tenant and answer.account is not None:
            events = called.setdefault(answer.account, {})
            events[answer.body.decode()] = answer.assessment.decode(), answer.time
    found = []
    for handle, events in called.items():
        bad = {key: time for key, (verdict, time) in events.items() if verdict == "compromised"}
        affected = await _affected(store, tenant, handle, bad) if bad else None
        if affected is not None:
            found.append(Incident(handle=handle, affected=affected))
    return found


async def _affected(store: Store, tenant: str, handle: str, bad: dict[str, int]) -> Affected | None:
    records = [record async for record in _let_in(store, handle, bad)]
    if not records:
        return None
    profile = await store.profile(handle)
    sightings = [unpack_sighting(record.sighting) for record in records]
    return Affected(
        account=records[0].account_id or "",
        compromised=min(bad[record.key] for record in records if record.key in bad),
        first=min(record.time for record in records),
        last=max(record.time for record in records),
        records=len(records),
        categories=_categories(sightings),
        campaign=await _campaign(store, tenant, records),
        restricted=profile is not None and profile.restricted,
    )


async def _let_in(store: Store, handle: str, bad: dict[str, int]) -> AsyncIterator[Record]:
    """The events by which somebody was in the account: those called compromised, and those of their sessions later."""
    sessions: set[str] = set()
    async for record in store.history(handle):
        if record.type == "feedback":
            continue
        sighting = unpack_sighting(record.sighting)
        entered = sighting.outcome in ("success", "pending") or sighting.password_ok
        if entered and (record.key in bad or sighting.session in sessions):
            if sighting.session is not None:
                sessions.add(sighting.session)
            yield record


def _categories(sightings: list[Sighting]) -> tuple[str, ...]:
    """What somebody who was in may have seen or changed; the records of sign-ins are what an account page shows."""
    inside = any(sighting.outcome == "success" for sighting in sightings)
    types = {sighting.type for sighting in sightings if sighting.outcome == "success"}
    told = {
        "account": inside,
        "sessions": inside,
        "sign_ins": inside,
        "credentials": bool(types & _CREDENTIALS) or any(sighting.password_ok for sighting in sightings),
        "contact": bool(types & _CONTACT),
    }
    return tuple(name for name, touched in told.items() if touched)


async def _campaign(store: Store, tenant: str, records: list[Record]) -> str | None:
    """The attack on many that the events belong to."""
    for record in records:
        assessment = unpack_assessment(record.assessment, "", None)
        for id in (assessment.campaign or None, assessment.alert):
            alert = await store.alert(tenant, id) if id is not None else None
            if alert is not None and alert.kind == "campaign":
                return alert.id
    return None
