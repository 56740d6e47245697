"""Judging without a store: the same pure path over a past in memory, for rule tests and for explain."""

import msgspec

from sentinel.events.sighting import Sighting
from sentinel.facts import FACTS, FactValue, Look
from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.pipeline.concluded import Concluded, concludes
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Judged, Tracks, judge
from sentinel.store.protocol import TrackKey


class Replay:
    """A past in memory. Not bounded: for cases of a few events, or one account's history."""

    def __init__(self, settings: TenantSettings) -> None:
        self.settings = settings
        self.profiles: dict[str, Profile] = {}
        self.tracks: dict[TrackKey, Track] = {}
        self._pending: dict[str, Concluded] = {}

    def judge(self, arrival: Arrival) -> Judged:
        """Judge an event and remember it."""
        sighting = arrival.sighting
        settings = self.settings.of(sighting)
        touched = Tracks(settings.rules, sighting, arrival.tenant)
        for key in touched.wanted:
            self.tracks.setdefault(key, Track())
        profile, source = self.profile(sighting.account), self.profile(sighting.prefix)
        pending = self._pending.get(sighting.concludes) if sighting.concludes else None
        if pending is not None and not concludes(sighting, pending.sighting):
            pending = None
        judged = judge(arrival, settings, profile, source, self.tracks, touched, pending)
        if sighting.outcome == "pending":
            self._pending[sighting.key] = Concluded(sighting, judged.assessment)
        return judged

    def profile(self, key: str | None) -> Profile:
        """The profile of an account or source; one of nobody when there is no key."""
        return self.profiles.setdefault(key, Profile()) if key else Profile()


class FactSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as a rule saw it; keyed values show only that they are there."""

    name: str
    value: FactValue | str | None
    meaning: str


def facts_seen(sighting: Sighting, profile: Profile, settings: TenantSettings) -> list[FactSeen]:
    """Every fact of an event, computed against ``profile``."""
    look = Look(sighting, profile, settings.trust)
    out = []
    for fact in FACTS.values():
        value = fact.compute(look)
        if fact.judged and not sighting.judged:
            value = None
        shown: FactValue | str | None = "(keyed)" if fact.keyed and value is not None else value
        out.append(FactSeen(name=fact.name, value=shown, meaning=fact.meaning))
    return out
