"""What the facts of one event are computed from."""

from math import asin, cos, radians, sin, sqrt
from typing import Final

import msgspec

from sentinel.events.clock import HOUR, SECOND
from sentinel.events.sighting import Sighting
from sentinel.facts.lazy import lazy
from sentinel.past.profile import Profile, TrustedPlace, TrustPolicy, network_key
from sentinel.past.remember import PLACELESS_KINDS, confirmed_by_factor, summed_up

#: Mean radius of the earth in kilometres (IUGG).
_EARTH_KM: Final = 6371.0


class Travel(msgspec.Struct, frozen=True):
    """From the last trusted, located login to this one: kilometres (accuracy subtracted), hours, km/h."""

    distance_km: float
    hours: float
    speed_kmh: float


class Look:
    """A sighting beside its account's profile, as of the event's own time. Computed at first use."""

    def __init__(self, sighting: Sighting, profile: Profile, policy: TrustPolicy) -> None:
        self.sighting = sighting
        self.profile = profile
        self.policy = policy

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
    def confirmed(self) -> bool:
        """A phishing-resistant factor that is long trusted vouches for the login."""
        return confirmed_by_factor(self.profile, self.sighting, self.policy)

    @lazy
    def reference(self) -> TrustedPlace | None:
        """The last trusted, located login before this event."""
        earlier = [place for place in self.profile.places if place.time <= self.sighting.time]
        return earlier[-1] if earlier else None

    @lazy
    def travel(self) -> Travel | None:
        """The journey since :attr:`reference`; none when a place is unknown or the network hides it."""
        place, reference = self.sighting.place, self.reference
        if reference is None or place.lat is None or place.lon is None:
            return None
        if self.sighting.network.kind in PLACELESS_KINDS:
            return None
        apart = great_circle_km(reference.lat, reference.lon, place.lat, place.lon)
        distance = max(0.0, apart - reference.accuracy_km - (place.accuracy_km or 0.0))
        # One second at least: two places in the same instant are the clearest case, not a division by zero.
        took = max(self.sighting.time - reference.time, SECOND)
        hours = took / HOUR
        return Travel(round(distance, 1), round(hours, 4), round(distance / hours, 1))


def great_circle_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Distance over the ground in kilometres (haversine); degrees in.

    >>> round(great_circle_km(48.9, 2.4, 35.7, 139.7))
    9711
    """
    phi1, phi2 = radians(lat1), radians(lat2)
    half_phi, half_lambda = (phi2 - phi1) / 2, radians(lon2 - lon1) / 2
    chord = sin(half_phi) ** 2 + cos(phi1) * cos(phi2) * sin(half_lambda) ** 2
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, chord)))
