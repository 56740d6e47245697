"""Rows out of stored history: every account's past is built up again, event by event, and each login held against it.

Left out are restricted accounts, whatever came of them before; events that were flagged and not confirmed since; and
whatever is not there any more. Raw values are never opened: records hold none.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from sentinel.events.clock import DAY, utc_day
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile, decode_profile, encode_profile
from sentinel.past.seen import fresh_values, note_common
from sentinel.pipeline.answers import apply_answer
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.pack import unpack_sighting
from sentinel.pipeline.recalled import remember_record
from sentinel.store.protocol import Record, Store
from sentinel.store.sqlite.spill import Spill
from sentinel.training.impostors import Impostors
from sentinel.training.rows import Rows, Table

#: Real logins that are taken, about; with impostors four times as many rows of 300 bytes.
MOST_LOGINS: Final = 80_000
#: Profiles held decoded; the rest lies sealed in a temporary file.
_PROFILES: Final = 20_000
#: Records between two words about progress.
_STEP: Final = 1_000


class Collected(msgspec.Struct, frozen=True):
    """What history gave: rows, and how much there was of the window."""

    table: Table
    logins: int
    accounts: int
    first_day: int
    last_day: int


async def verdicts_of(store: Store, tenant: str) -> dict[str, str]:
    """Record key → the last answer that was given."""
    answers = store.history(type="feedback")
    return {each.body.decode(): each.assessment.decode() async for each in answers if each.tenant == tenant}


async def collect(
    store: Store,
    tenant: str,
    settings: TenantSettings,
    impostors: Impostors,
    *,
    window_days: int,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Collected:
    """Rows of a tenant's newest ``window_days``. Raises :class:`sentinel.errors.StoreError`."""
    extent = await store.extent()
    verdicts = await verdicts_of(store, tenant)
    since = extent.newest - window_days * DAY
    share = min(1.0, MOST_LOGINS / max(1, extent.records))
    history = _History(store, settings, verdicts, Rows(impostors, settings.trust, share=share, seed=seed), since)
    done = 0
    try:
        async for record in store.history():
            done += 1
            if record.tenant == tenant:
                await history.enter(record)
            if done % _STEP == 0:
                progress(done)
    finally:
        history.close()
    progress(done)
    rows = history.rows
    return Collected(
        table=rows.table(),
        logins=rows.logins,
        accounts=rows.accounts,
        first_day=utc_day(max(since, extent.oldest)),
        last_day=utc_day(extent.newest),
    )


class _History:
    """The pasts of all accounts while records are gone through."""

    def __init__(
        self, store: Store, settings: TenantSettings, verdicts: dict[str, str], rows: Rows, since: int
    ) -> None:
        self._store, self._settings, self._verdicts, self._since = store, settings, verdicts, since
        self.rows = rows
        self._profiles: Spill[str, Profile] = Spill(_PROFILES, encode_profile, decode_profile)
        self._commons = Commons(b"")
        self._restricted: dict[str, bool] = {}
        self._answerable: dict[str, Record] = {}

    async def enter(self, record: Record) -> None:
        account = record.account
        if account is None or record.restricted or await self._is_restricted(account):
            return
        profile = self._profiles.get(account) or Profile()
        if record.type == "feedback":
            self._answer(profile, record)
        else:
            self._event(profile, record)
        self._profiles.put(account, profile)

    def close(self) -> None:
        """Let the temporary file go."""
        self._profiles.close()

    def _event(self, profile: Profile, record: Record) -> None:
        sighting = unpack_sighting(record.sighting)
        verdict = self._verdicts.get(record.key)
        login = sighting.type == "login" and sighting.outcome == "success" and sighting.judged and sighting.own
        counted = login and sighting.time >= self._since
        if counted and verdict == "compromised":
            self.rows.compromised(sighting, profile, self._commons)
        elif counted and (record.trusted or verdict == "legitimate"):
            self.rows.real(sighting, profile, self._commons, answered=verdict == "legitimate")
        fresh = fresh_values(profile, sighting, hours=self._settings.trust.hours) if login else None
        trusted = remember_record(profile, record, sighting, self._settings)
        if trusted and fresh is not None:
            note_common(self._commons, fresh)
        if verdict is not None:
            record.trusted = trusted
            self._answerable[record.key] = record

    def _answer(self, profile: Profile, answer: Record) -> None:
        record = self._answerable.get(answer.body.decode())
        if record is not None:
            sighting = unpack_sighting(record.sighting)
            hours = self._settings.trust.hours
            record.trusted = apply_answer(profile, sighting, record, answer.assessment.decode(), hours=hours)

    async def _is_restricted(self, account: str) -> bool:
        known = self._restricted.get(account)
        if known is None:
            profile = await self._store.profile(account)
            known = self._restricted[account] = profile is not None and profile.restricted
        return known
