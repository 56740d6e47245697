"""What the facts of one event are computed from."""

from typing import Final, Protocol

import msgspec

from sentinel.events.clock import HOUR, SECOND
from sentinel.events.sighting import Sighting
from sentinel.facts.lazy import lazy
from sentinel.past.challenges import summed_up
from sentinel.past.commons import Commons
from sentinel.past.context import in_trusted_context
from sentinel.past.factors import factor_key, proved_before
from sentinel.past.habit import Usual, usual_at
from sentinel.past.profile import KnownFactor, Profile, Session, TrustedPlace, TrustPolicy, Value, network_key
from sentinel.past.remember import confirmed_by_factor
from sentinel.past.usual import great_circle_km, has_place, usual_km


class Travel(msgspec.Struct, frozen=True):
    """From the last trusted, located login to this one: kilometres (accuracy subtracted), hours, km/h.

    An event of a session travels from where that session was last.
    """

    distance_km: float
    hours: float
    speed_kmh: float


class Scorer(Protocol):
    """What models say of a look; ``None`` where one is missing or abstains, or has nothing to go by."""

    versions: dict[str, str]  #: of the models that are asked, by kind

    def likelihood(self, look: "Look") -> float | None: ...
    def impostor(self, look: "Look") -> float | None: ...
    def novelty(self, look: "Look") -> float | None: ...
    def reasons(self, look: "Look", kind: str) -> list[str]: ...


class Look:
    """A sighting beside its account's profile, as of the event's own time. Computed at first use."""

    def __init__(
        self,
        sighting: Sighting,
        profile: Profile,
        policy: TrustPolicy,
        origins: tuple[str, ...] = (),
        *,
        actor: Profile | None = None,
        commons: Commons | None = None,
        scorer: Scorer | None = None,
    ) -> None:
        """``origins`` are the host names of the service's own pages, as configured; see ``auth.origin_foreign``.

        ``actor``: the past of the account that acted, where that is another one and is named. ``commons``: what is
        common for everybody of the tenant. ``scorer``: the models in force.
        """
        self.sighting = sighting
        self.profile = profile
        self.policy = policy
        self.origins = origins
        self.actor = actor
        self.commons = commons if commons is not None else _NOTHING_COMMON
        self.scorer = scorer

    def trusts(self, kind: str, key: str | None) -> bool:
        """Whether the value is in the trusted past as of this event."""
        return self.profile.trusts(kind, key, self.sighting.time, self.policy)

    @lazy
    def network(self) -> str | None:
        """The network as the past knows it."""
        return network_key(self.sighting)

    @lazy
    def network_trusted(self) -> bool:
        """The AS is in the trusted past."""
        return self.trusts("network", self.network)

    @lazy
    def country_trusted(self) -> bool:
        """The country is in the trusted past."""
        return self.trusts("country", self.sighting.place.country)

    @lazy
    def region(self) -> str | None:
        """The region as the past knows it."""
        place = self.sighting.place
        return f"{place.country}/{place.region}" if place.country and place.region else None

    @lazy
    def region_trusted(self) -> bool:
        """The region is in the trusted past."""
        return self.trusts("region", self.region)

    @lazy
    def network_familiar(self) -> bool:
        """The AS is in the trusted past; where there is none (private addresses), the /24 or /48 is."""
        return self.network_trusted if self.network is not None else self.trusts("block", self.sighting.prefix)

    @lazy
    def device_class_trusted(self) -> bool:
        """Browser, system and type together are in the trusted past."""
        return self.trusts("device_class", self.sighting.device_class)

    @lazy
    def device_trusted(self) -> bool:
        """The device id is in the trusted past; without one, browser, system and type are."""
        key = self.sighting.device_key
        return self.trusts("device", key) if key is not None else self.device_class_trusted

    @lazy
    def warming_up(self) -> bool:
        """The past is too short for the ``new_*`` rules."""
        return self.profile.warming_up(self.sighting.time, self.policy)

    @lazy
    def factor_summed_up(self) -> bool:
        """This login's second factor was already seen as a challenge of its own."""
        return summed_up(self.profile, self.sighting)

    @lazy
    def factor(self) -> KnownFactor | None:
        """What is remembered of the event's second factor."""
        key = factor_key(self.sighting)
        return self.profile.factors.get(key) if key is not None else None

    @lazy
    def factor_known(self) -> bool:
        """An earlier trusted login used or enrolled the event's second factor."""
        return proved_before(self.factor, self.sighting.time, self.policy)

    @lazy
    def context_trusted(self) -> bool:
        """Device, network and session are those the account is at home with."""
        return in_trusted_context(self.profile, self.sighting, self.policy, device=self.device_trusted)

    @lazy
    def actor_trusted(self) -> bool:
        """The acting account did it from where it is at home itself."""
        return self.actor is not None and in_trusted_context(self.actor, self.sighting, self.policy)

    @lazy
    def confirmed(self) -> bool:
        """A phishing-resistant factor that is long trusted vouches for the login."""
        return confirmed_by_factor(self.profile, self.sighting, self.policy)

    def settling(self, value: Value | None, days: int) -> bool:
        """Not trusted yet, but flagged below high on ``days`` earlier days, and nobody said no."""
        if value is None or value.trusted_at or value.barred or value.compromised:
            return False
        return len(value.days) >= days

    @lazy
    def device_value(self) -> Value | None:
        """What is remembered of the device: of its id, without one of browser, system and type."""
        key = self.sighting.device_key
        return self.value("device", key) if key is not None else self.value("device_class", self.sighting.device_class)

    def value(self, kind: str, key: str | None) -> Value | None:
        """What is remembered of a value, trusted or not."""
        return self.profile.values.get(kind, {}).get(key) if key is not None else None

    @lazy
    def session(self) -> Session | None:
        """The session of an event other than the login that makes one."""
        key = self.sighting.session
        found = self.profile.sessions.get(key) if key is not None and self.sighting.type != "login" else None
        return found if found is not None and found.time <= self.sighting.time else None

    @lazy
    def usual(self) -> Usual | None:
        """How usual hour and weekday are."""
        return usual_at(self.profile, self.sighting) if self.policy.hours else None

    @lazy
    def usual_km(self) -> float | None:
        """Kilometres from the nearest usual spot."""
        return usual_km(self.profile, self.sighting)

    @lazy
    def reference(self) -> TrustedPlace | None:
        """Where the event's session was last, else the last trusted, located login before this event."""
        at = self.sighting.time
        if self.session is not None and (place := self.session.place) is not None:
            return place if place.time <= at else None
        return next((place for place in reversed(self.profile.places) if place.time <= at), None)

    @lazy
    def travel(self) -> Travel | None:
        """The journey since :attr:`reference`; none when a place is unknown or the network hides it."""
        place, reference = self.sighting.place, self.reference
        if reference is None or place.lat is None or place.lon is None:
            return None
        if not has_place(self.sighting):
            return None
        if (reference.lat, reference.lon) == (place.lat, place.lon):
            apart = 0.0
        else:
            apart = great_circle_km(reference.lat, reference.lon, place.lat, place.lon)
        distance = max(0.0, apart - reference.accuracy_km - (place.accuracy_km or 0.0))
        # One second at least: two places in the same instant are the clearest case, not a division by zero.
        took = max(self.sighting.time - reference.time, SECOND)
        hours = took / HOUR
        return Travel(round(distance, 1), round(hours, 4), round(distance / hours, 1))


_NOTHING_COMMON: Final = Commons(b"")
