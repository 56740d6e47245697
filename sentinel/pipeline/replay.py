"""Judging without a store: the same pure path over a past in memory, for rule tests and for explain."""

import msgspec

from sentinel.events.sighting import Sighting
from sentinel.facts import FACTS, FactValue, Look
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.pipeline.answers import apply_answer
from sentinel.pipeline.campaign import campaigns_key
from sentinel.pipeline.concluded import Concluded, concludes
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Judged, Tracks, judge
from sentinel.store.protocol import Record, TrackKey


class Replay:
    """A past in memory. Not bounded: for cases of a few events, or one account's history.

    Where the past is kept is for a subclass to change: :meth:`profile`, :meth:`recall`, :meth:`keep`.
    """

    def __init__(self, settings: TenantSettings) -> None:
        self.settings = settings
        self.profiles: dict[str, Profile] = {}
        self.tracks: dict[TrackKey, Track] = {}
        self.pending: dict[str, Concluded] = {}
        self.answerable: dict[str, tuple[Sighting, Record]] = {}
        self.commons: dict[str, Commons] = {}

    def settings_of(self, arrival: Arrival) -> TenantSettings:
        """What judging this event depends on."""
        return self.settings

    def judge(self, arrival: Arrival) -> Judged:
        """Judge an event and remember it."""
        sighting = arrival.sighting
        settings = self.settings_of(arrival).of(sighting)
        touched = Tracks(settings.rules, sighting, arrival.tenant)
        tracks = self.recall(touched)
        profile, campaigns = self.profile(sighting.account), self.profile(campaigns_key(arrival.tenant))
        actor = self.profile(sighting.actor_account) if not sighting.own and sighting.actor_account else None
        commons = self.commons_of(arrival.tenant)
        concluded = self.concluded(sighting)
        judged = judge(arrival, settings, profile, campaigns, tracks, touched, concluded, actor, commons)
        if sighting.outcome == "pending":
            self.pending[sighting.key] = Concluded(sighting, judged.assessment)
        self.keep(arrival, judged, tracks)
        return judged

    def answer(self, key: str, verdict: str) -> bool:
        """Somebody who knows says what the event of record ``key`` was; false when it was not judged here."""
        if key not in self.answerable:
            return False
        sighting, record = self.answerable[key]
        if sighting.known_account:
            record.trusted = apply_answer(self.profile(sighting.account), sighting, record, verdict)
        return True

    def profile(self, key: str | None) -> Profile:
        """The profile of an account, or a tenant's open campaigns; one of nobody when there is no key."""
        return self.profiles.setdefault(key, Profile()) if key else Profile()

    def commons_of(self, tenant: str) -> Commons:
        """What is common for everybody of a tenant."""
        commons = self.commons.get(tenant)
        if commons is None:
            commons = self.commons[tenant] = Commons(b"")
        return commons

    def concluded(self, sighting: Sighting) -> Concluded | None:
        """The pending login that the event concludes."""
        pending = self.pending.get(sighting.concludes) if sighting.concludes else None
        return pending if pending is not None and concludes(sighting, pending.sighting) else None

    def recall(self, touched: Tracks) -> dict[TrackKey, Track]:
        """The tracks that an event touches."""
        for key in touched.wanted:
            if key not in self.tracks:
                self.tracks[key] = Track()
        return self.tracks

    def keep(self, arrival: Arrival, judged: Judged, tracks: dict[TrackKey, Track]) -> None:
        """What a later answer needs of a judged event; profiles and tracks were changed in place."""
        self.answerable[arrival.sighting.key] = arrival.sighting, record_of(arrival, judged)


def record_of(arrival: Arrival, judged: Judged) -> Record:
    """What an answer needs to know of a judged event."""
    sighting = arrival.sighting
    return Record(
        key=sighting.key, tenant=arrival.tenant, account=sighting.account, time=sighting.time, type=sighting.type,
        body=b"", sighting=b"", windows=b"", assessment=b"", trusted=judged.trusted,
        alert=judged.assessment.alert,
    )  # fmt: skip


class FactSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as a rule saw it; keyed values show only that they are there."""

    name: str
    value: FactValue | str | None
    meaning: str


def facts_seen(
    sighting: Sighting,
    profile: Profile,
    settings: TenantSettings,
    actor: Profile | None = None,
    commons: Commons | None = None,
) -> list[FactSeen]:
    """Every fact of an event, computed against ``profile``, ``actor`` for what another account did, and ``commons`` for
    what is common for everybody."""
    look = Look(
        sighting, profile, settings.trust, settings.origins, actor=actor, commons=commons, scorer=settings.scorer
    )
    out = []
    for fact in FACTS.values():
        value = fact.compute(look)
        if fact.judged and not sighting.judged:
            value = None
        shown: FactValue | str | None = "(keyed)" if fact.keyed and value is not None else value
        out.append(FactSeen(name=fact.name, value=shown, meaning=fact.meaning))
    return out
