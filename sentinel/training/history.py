"""Rows out of stored history: every account's past is built up again, event by event, and each login held against it.

Nothing older than the window is read: a model may know nothing of a person for longer than it says. Left out are
restricted accounts, whatever came of them before; events that were flagged and neither confirmed nor settled since; and
whatever is not there any more. Raw values are never opened: records hold none.

What has settled is taken in, though it was flagged: nearly every first login with a new device is, and a model that
never saw a person with one would take all of them for somebody else. What says so comes later than the login, as
answers do; features never do.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY, utc_day
from sentinel.events.sighting import Sighting
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile, decode_profile, encode_profile, values_of
from sentinel.past.seen import fresh_values, note_common
from sentinel.pipeline.answers import replay_answer, verdicts_of
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.pack import unpack_sighting
from sentinel.pipeline.recalled import remember_record, verdict_of
from sentinel.pipeline.restrictions import Restrictions
from sentinel.store.protocol import Record, Store
from sentinel.store.sqlite.spill import Spill
from sentinel.training.impostors import Impostors
from sentinel.training.rows import MOST_LOGINS, Rows
from sentinel.training.table import Table

#: Profiles held decoded; the rest lies sealed in a temporary file.
_PROFILES: Final = 20_000
#: Records between two words about progress.
_STEP: Final = 1_000


class Collected(msgspec.Struct, frozen=True):
    """What history gave: rows, and how much there was of the window; UTC days of the first event and the last login."""

    table: Table
    logins: int = 0
    accounts: int = 0
    first_day: int = 0
    last_day: int = -1


async def collect(
    store: Store,
    tenant: str,
    settings: TenantSettings,
    impostors: Impostors,
    *,
    window_days: int,
    until: int,
    seed: int,
    most: int = MOST_LOGINS,
    progress: Callable[[float], None] = lambda share: None,
) -> Collected:
    """Rows of the newest ``window_days`` UTC days before ``until`` (micros: now), made of at most ``most`` logins.

    ``progress`` hears the share of the window that was read. Raises :class:`sentinel.errors.StoreError`.
    """
    extent = await store.extent()
    newest = min(extent.newest, until)
    since = (utc_day(newest) - window_days + 1) * DAY
    begin = max(since, min(extent.oldest, newest))
    rows = Rows(impostors, settings.trust, most=most, seed=seed)
    history = _History(store, settings, await verdicts_of(store, tenant, since), rows)
    done, latest = 0, begin
    try:
        async for record in store.history(since=since):
            if done == extent.records:
                break  # what a daemon beside us went on to store is for the next time
            done += 1
            if record.tenant == tenant and record.time <= newest:
                await history.enter(record)
                latest = max(latest, record.time)
            if done % _STEP == 0:
                progress((latest - begin) / max(1, newest - begin))
        history.settle(newest)
    finally:
        history.close()
    progress(1.0)
    return Collected(rows.table(), rows.logins, rows.accounts, utc_day(history.first), utc_day(history.last))


class _History:
    """The pasts of all accounts while records are gone through."""

    def __init__(self, store: Store, settings: TenantSettings, verdicts: dict[str, str], rows: Rows) -> None:
        self._store, self._settings, self._verdicts, self._rows = store, settings, verdicts, rows
        self.first, self.last = 0, -1  #: times of the first event and the last login (micros)
        self._profiles: Spill[str, Profile] = Spill(_PROFILES, encode_profile, decode_profile)
        self._commons = Commons(b"")
        self._restrictions = Restrictions(store)
        self._answerable: dict[str, Record] = {}

    async def enter(self, record: Record) -> None:
        """Take one record, in the order of history."""
        account = record.account
        if account is None or await self._restrictions.hold(record):
            return
        self.first = min(self.first or record.time, record.time)
        profile = self._profiles.get(account) or Profile()
        if record.type == "feedback":
            self._answer(profile, record)
        else:
            self._event(profile, record)
        self._profiles.put(account, profile)

    def settle(self, now: int) -> None:
        """Tell by what is trusted ``now`` (micros) which flagged logins were the person's own."""

        def trusted(sighting: Sighting) -> bool:
            profile = self._profiles.get(sighting.account or "") or Profile()
            values = values_of(sighting)
            return all(profile.trusts(kind, key, now, self._settings.trust) for kind, key in values)

        self._rows.settle(trusted)

    def close(self) -> None:
        """Let the temporary file go."""
        self._profiles.close()

    def _event(self, profile: Profile, record: Record) -> None:
        sighting = unpack_sighting(record.sighting)
        verdict = self._verdicts.get(record.key)
        login = sighting.type == "login" and sighting.judged and sighting.own
        success = login and sighting.outcome == "success"
        if login and verdict == "compromised":
            # Also one that was stopped by a challenge: the right password was there.
            self._rows.compromised(sighting, profile, self._commons)
        elif success and (record.trusted or verdict == "legitimate"):
            self._rows.real(sighting, profile, self._commons, answered=verdict == "legitimate")
            self.last = max(self.last, sighting.time)
        elif success and LEVEL_ORDER[verdict_of(record, sighting, self._settings).level] < LEVEL_ORDER["high"]:
            self._rows.flagged(sighting, profile, self._commons)
        fresh = fresh_values(profile, sighting, hours=self._settings.trust.hours) if success else None
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
            record.trusted = replay_answer(profile, sighting, record, answer, hours=self._settings.trust.hours)
