"""Replaying stored history under other rules: what they would have found, alerted and mailed. Changes nothing.

Every record is judged anew in the order it was judged then, with profiles and tracks built from nothing, so a change is
seen with all that follows from it: what is flagged now joins the trusted past no more. Answers that were given are
given again. Events are taken as if they had come in time: what came late or was imported counts like the rest.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from sentinel.events.clock import DAY
from sentinel.events.sighting import Raw, Sighting
from sentinel.past.profile import Profile, decode_profile, encode_profile
from sentinel.past.windows import Track, decode_entries, encode_entries
from sentinel.pipeline.answers import apply_answer
from sentinel.pipeline.concluded import PENDING_SPAN, Concluded, concludes, newly_fired
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Judged, Tracks, judge
from sentinel.pipeline.pack import unpack_sighting
from sentinel.pipeline.played import Played
from sentinel.store.protocol import Record, Store, TrackKey
from sentinel.store.sqlite.spill import Spill

#: Profiles kept decoded (ten kilobytes each at most), and window entries kept (150 bytes each; a track weighs eight).
PROFILES: Final = 10_000
ENTRIES: Final = 500_000
#: Records between two looks at what is stale, and between two words about progress.
_SWEEP: Final = 20_000
_STEP: Final = 1000
#: Pending logins older than this are let go; late conclusions come within a day of event time, if ever.
_PENDING: Final = DAY + PENDING_SPAN


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay: the first ``records`` records; those from ``since`` to ``until`` (micros) count.

    What is older than ``since`` builds the past. ``answered`` are the keys of records that were answered.
    """

    records: int
    since: int
    until: int
    answered: frozenset[str] = frozenset()


async def answered(store: Store) -> frozenset[str]:
    """Keys of the records that somebody answered for."""
    return frozenset([record.body.decode() async for record in store.history(type="feedback")])


async def play(
    store: Store,
    settings: Callable[[str], TenantSettings],
    plan: Plan,
    progress: Callable[[int], None] = lambda done: None,
    *,
    profiles: int = PROFILES,
    entries: int = ENTRIES,
) -> Played:
    """Replay ``plan``. ``profiles`` and ``entries`` bound what is kept in memory; the rest lies in a temporary file.

    Raises :class:`sentinel.errors.StoreError`.
    """
    replay = _Past(settings, plan, profiles, entries)
    played = Played()
    done = 0
    try:
        async for record in store.history():
            if done == plan.records:
                # What a daemon beside us went on to store is for the next time.
                break
            done += 1
            if record.time <= plan.until:
                judged = replay.enter(record)
                if judged is not None and record.time >= plan.since:
                    played.enter(record, *judged)
            if done % _SWEEP == 0:
                replay.sweep()
            if done % _STEP == 0:
                progress(done)
                await asyncio.sleep(0)
    finally:
        replay.close()
    progress(plan.records)
    return played


class _Past:
    """Profiles, tracks and pending logins of a replay, within bounds."""

    def __init__(self, settings: Callable[[str], TenantSettings], plan: Plan, profiles: int, entries: int) -> None:
        self._settings = settings
        self._answered = plan.answered
        self._profiles: Spill[str, Profile] = Spill(profiles, encode_profile, decode_profile)
        self._tracks: Spill[TrackKey, Track] = Spill(
            entries,
            _encode_track,
            _decode_track,
            weigh=lambda track: len(track) + 8,
            expires=lambda track: track.newest + track.keep,
        )
        self._pending: dict[str, Concluded] = {}
        self._told: dict[str, Record] = {}  #: answered records, as this replay has them
        self._newest = 0

    def enter(self, record: Record) -> tuple[Sighting, Judged, tuple[tuple[str, str], ...]] | None:
        """Judge a record's event and remember it: sighting, judgement and what fired; an answer gives ``None``."""
        if record.type == "feedback":
            self._answer(record)
            return None
        sighting = unpack_sighting(record.sighting)
        self._newest = max(self._newest, sighting.time)
        settings = self._settings(record.tenant)
        touched = Tracks(settings.rules, sighting, record.tenant)
        tracks = {key: self._tracks.get(key) or Track() for key in touched.wanted}
        account = sighting.account if sighting.known_account else None
        profile, source = self._profile(account), self._profile(sighting.prefix)
        arrival = Arrival(
            tenant=record.tenant, account=sighting.account, sighting=sighting, raw=Raw(event=record.key), body=b""
        )
        concluded = self._concluded(sighting)
        judged = judge(arrival, settings, profile, source, tracks, touched, concluded)
        if sighting.outcome == "pending":
            self._pending[sighting.key] = Concluded(sighting, judged.assessment)
        if account is not None:
            self._profiles.put(account, profile)
        if sighting.prefix is not None and source.alerts:
            self._profiles.put(sighting.prefix, source)
        for key, track in tracks.items():
            if track.unsaved:
                track.saved()
                self._tracks.put(key, track)
        if record.key in self._answered:
            record.trusted, record.alert = judged.trusted, judged.assessment.alert
            self._told[record.key] = record
        return sighting, judged, newly_fired(judged.assessment, concluded)

    def sweep(self) -> None:
        """Let go what no event can see any more."""
        self._tracks.forget(self._newest)
        horizon = self._newest - _PENDING
        for key in [key for key, pending in self._pending.items() if pending.sighting.time < horizon]:
            del self._pending[key]

    def close(self) -> None:
        """Let the temporary files go."""
        self._profiles.close()
        self._tracks.close()

    def _profile(self, key: str | None) -> Profile:
        return (self._profiles.get(key) if key is not None else None) or Profile()

    def _concluded(self, sighting: Sighting) -> Concluded | None:
        pending = self._pending.get(sighting.concludes) if sighting.concludes else None
        return pending if pending is not None and concludes(sighting, pending.sighting) else None

    def _answer(self, record: Record) -> None:
        told = self._told.get(record.body.decode())
        if told is None or told.account is None:
            return
        sighting = unpack_sighting(told.sighting)
        if not sighting.known_account:
            return
        profile = self._profile(told.account)
        told.trusted = apply_answer(profile, sighting, told, record.assessment.decode())
        self._profiles.put(told.account, profile)


def _encode_track(track: Track) -> bytes:
    return track.keep.to_bytes(8, "big") + encode_entries(track.entries)


def _decode_track(data: bytes) -> Track:
    # What was let go before it was written is not among the entries; the rest lies as it did.
    track = Track(decode_entries(data[8:]))
    track.keep = int.from_bytes(data[:8], "big")
    return track
