"""Replaying stored history under other rules: what they would have found, alerted and mailed. Changes nothing.

Every record is judged anew in the order it was judged then, with profiles and tracks built from nothing, so a change is
seen with all that follows from it: what is flagged now joins the trusted past no more. Answers that were given are
given again. Events are taken as if they had come in time: what came late or was imported counts like the rest.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from sentinel.events.clock import DAY
from sentinel.events.sighting import Raw, Sighting
from sentinel.past.profile import Profile, decode_profile, encode_profile
from sentinel.past.windows import Track, decode_entries, encode_entries
from sentinel.pipeline.concluded import PENDING_SPAN, newly_fired
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Judged, Tracks
from sentinel.pipeline.pack import unpack_sighting
from sentinel.pipeline.played import Played
from sentinel.pipeline.replay import Replay
from sentinel.pipeline.restrictions import Restrictions
from sentinel.store.protocol import Record, Store, TrackKey
from sentinel.store.sqlite.spill import Spill

#: Profiles kept decoded (ten kilobytes each at most), and window entries kept (150 bytes each; a track weighs eight).
PROFILES: Final = 20_000
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
    replay = BoundedReplay(settings, plan.answered, profiles, entries)
    played = Played()
    restrictions = Restrictions(store)
    done = 0
    try:
        async for record in store.history():
            if done == plan.records:
                # What a daemon beside us went on to store is for the next time.
                break
            done += 1
            if await restrictions.hold(record):
                pass  # kept for the person alone
            elif record.type == "feedback":
                replay.answer(record.body.decode(), record.assessment.decode())
            elif record.time <= plan.until:
                sighting = unpack_sighting(record.sighting)
                concluded = replay.concluded(sighting)
                judged = replay.judge(arrival_of(record, sighting))
                if record.time >= plan.since:
                    played.enter(record, sighting, judged, newly_fired(judged.assessment, concluded))
            if done % _SWEEP == 0:
                replay.sweep()
            if done % _STEP == 0:
                progress(done)
    finally:
        replay.close()
    progress(plan.records)
    return played


def arrival_of(record: Record, sighting: Sighting) -> Arrival:
    """A stored event as if it arrived: ids are the record's keys, since raw values stay sealed."""
    return Arrival(
        tenant=record.tenant, account=sighting.account, sighting=sighting, raw=Raw(event=record.key), body=b""
    )


class BoundedReplay(Replay):
    """A replay of everybody's history: what was not used lately is written out, what is stale is let go."""

    def __init__(
        self, settings: Callable[[str], TenantSettings], answered: frozenset[str], profiles: int, entries: int
    ) -> None:
        super().__init__(settings("default"))
        self._settings = settings
        self._answered = answered
        self._people: Spill[str, Profile] = Spill(profiles, encode_profile, decode_profile)
        self._series: Spill[TrackKey, Track] = Spill(
            entries,
            _encode_track,
            _decode_track,
            weigh=lambda track: track.weight,
            expires=lambda track: track.newest + track.keep,
        )
        self._made: dict[str, Profile] = {}  #: by the event at hand
        self._newest = 0

    def settings_of(self, arrival: Arrival) -> TenantSettings:
        """See :class:`Replay`."""
        return self._settings(arrival.tenant)

    def profile(self, key: str | None) -> Profile:
        """See :class:`Replay`."""
        if key is None:
            return Profile()
        profile = self._people.get(key)
        if profile is None:
            profile = self._made.get(key)
        if profile is None:
            profile = self._made[key] = Profile()
        return profile

    def recall(self, touched: Tracks) -> dict[TrackKey, Track]:
        """See :class:`Replay`."""
        return {key: self._series.get(key) or Track() for key in touched.wanted}

    def keep(self, arrival: Arrival, judged: Judged, tracks: dict[TrackKey, Track]) -> None:
        """See :class:`Replay`. Only what was answered once is kept for its answer."""
        self._newest = max(self._newest, arrival.sighting.time)
        for name, profile in self._made.items():
            # Of most networks nothing is remembered: there are many more of them than people.
            if profile != _NOBODY:
                self._people.put(name, profile)
        self._made.clear()
        for key, track in tracks.items():
            if track.unsaved:
                track.saved()
                self._series.put(key, track)
        if arrival.sighting.key in self._answered:
            super().keep(arrival, judged, tracks)

    def sweep(self) -> None:
        """Let go what no event can see any more."""
        self._series.forget(self._newest)
        horizon = self._newest - _PENDING
        for key in [key for key, pending in self.pending.items() if pending.sighting.time < horizon]:
            del self.pending[key]

    def close(self) -> None:
        """Let the temporary files go."""
        self._people.close()
        self._series.close()


_NOBODY: Final = Profile()


def _encode_track(track: Track) -> bytes:
    return track.keep.to_bytes(8, "big") + encode_entries(track.entries())


def _decode_track(data: bytes) -> Track:
    # What was let go before it was written is not among the entries; the rest lies as it did.
    track = Track(decode_entries(data[8:]))
    track.keep = int.from_bytes(data[:8], "big")
    return track
