"""Impostors for training: real logins with somebody else's, or list-made, contexts put onto the account.

Nobody has to label anything: whoever comes from where others are, with what others have, is not this account's person.
Which impostors there are decides what the model can tell; :data:`KINDS` are those that the literature on risk-based
authentication measures by (Freeman et al. 2016; Wiefling et al. 2022), and the stolen cookie jar besides.
"""

from collections import deque
from random import Random
from typing import Final

from msgspec.structs import replace

from sentinel.events.clock import HOUR
from sentinel.events.sighting import Factor, Sighting
from sentinel.past.profile import Profile
from sentinel.training.elsewhere import Elsewhere, Origin

#: Any address of the world; a VPN or rented machine in the same country; a line in the same region with a likely
#: browser; another person's whole context; the person's own device id and browser from elsewhere.
KINDS: Final = ("anywhere", "rented", "neighbour", "crowd", "stolen")

#: Other people's logins held to draw from: all together, and of each country, region, and browser, system and type. Of
#: so many of these at most, the longest known going first: a service that people all over the world use has thousands.
_HELD: Final = 5_000
_HELD_ALIKE: Final = 60
_SORTS: Final = 1_000
#: So many before the first impostor is made: of the first accounts of a history there are no others.
ENOUGH: Final = 200
#: Draws until one is somebody else's, of the same service.
_DRAWS: Final = 8
#: Attackers who do not know when the person is about come at any time within so many hours.
_ANY_HOUR: Final = 24
#: How often an attacker of the neighbourhood has the very agent of the person, one alike, or any.
_SAME_AGENT, _ALIKE = 0.3, 0.4
#: How often whoever got in passed the second factor as well (phished, pushed), where the login had one that can be.
_PASSED: Final = 0.5
#: What nobody can phish: whoever comes to such an account comes with the password, or not at all.
_RESISTANT: Final = "webauthn"
#: Whoever differs in none of these is nobody else.
_TELLING: Final = ("address", "prefix", "place", "network", "device_key", "device", "agent")


Sorted = dict[str, deque[Sighting]]


class Impostors:
    """Makes impostors out of what other people were seen with lately. Sees no raw values: sightings have none."""

    def __init__(self, elsewhere: Elsewhere | None, seed: int) -> None:
        """``elsewhere``: lists of networks; without them only people's own contexts are put onto others."""
        self._elsewhere = elsewhere
        self._roll = Random(seed)  # noqa: S311  # repeatable, nothing secret
        self._others: deque[Sighting] = deque(maxlen=_HELD)
        self._of_country: Sorted = {}
        self._of_region: Sorted = {}
        self._of_class: Sorted = {}

    @property
    def ready(self) -> bool:
        """Whether enough was seen to draw from."""
        return len(self._others) >= ENOUGH

    def note(self, sighting: Sighting) -> None:
        """A real login that others may be given the context of."""
        self._others.append(sighting)
        country, region = sighting.place.country, sighting.place.region
        if country is not None:
            _hold(self._of_country, country, sighting)
            if region is not None:
                _hold(self._of_region, f"{country}/{region}", sighting)
        if (device_class := sighting.device_class) is not None:
            _hold(self._of_class, device_class, sighting)

    def make(self, kind: str, real: Sighting, profile: Profile) -> Sighting | None:
        """The real login as an impostor of a kind would have made it; ``None`` where nothing fits.

        ``profile``: the account's past before the login.
        """
        roll = self._roll
        other = self._other(self._others, real)
        if other is None:
            return None
        if kind == "crowd":
            return self._put(real, profile, Origin.of(other), other, other.time // HOUR)
        if kind == "neighbour":
            origin = self._near(real)
            return self._put(real, profile, origin, self._likely(real, other), None) if origin else None
        if kind == "stolen":
            make = roll.choice((self._rented, self._anywhere, self._near))
            origin = make(real)
            return self._put(real, profile, origin, real, roll.randrange(_ANY_HOUR), stolen=True) if origin else None
        origin = self._rented(real) if kind == "rented" else self._anywhere(real)
        return self._put(real, profile, origin, other, roll.randrange(_ANY_HOUR)) if origin else None

    def _put(
        self,
        real: Sighting,
        profile: Profile,
        origin: Origin,
        device: Sighting,
        hour: int | None,
        *,
        stolen: bool = False,
    ) -> Sighting | None:
        """``hour``: of the day at which they come; the person's own where it is not given.

        What the service did not send of the person it would not send of anybody else: or being known would be the tell.
        """
        roll = self._roll
        factor = Factor()
        if real.factor.method not in (None, _RESISTANT) and roll.random() < _PASSED:
            factor = replace(real.factor, counter=None)
        addressed = real.address is not None
        made = replace(
            real,
            time=real.time if hour is None else _at_hour(hour, real.time, profile.last_seen),
            address=origin.address if addressed else None,
            prefix=origin.prefix if addressed else None,
            place=origin.place if addressed or real.place.country else real.place,
            network=origin.network if addressed or real.network.kind or real.network.asn else real.network,
            ipv6=origin.ipv6 if addressed else real.ipv6,
            device_key=real.device_key if stolen or real.device_key is None else f"{roll.getrandbits(64):016x}",
            device=device.device if real.device_class is not None else real.device,
            agent=device.agent if real.agent is not None else None,
            ja4=device.ja4 if real.ja4 is not None else None,
            language=device.language if real.language is not None else None,
            session=None,
            auth_method="password" if real.auth_method == "passkey" else real.auth_method,
            factor=factor,
            phishing_resistant=False,
            rtt_ms=None,
        )
        return made if differs(made, real) else None

    def _anywhere(self, real: Sighting) -> Origin | None:
        origin = self._elsewhere.anywhere(self._roll) if self._elsewhere is not None else None
        return origin or self._somebody(self._others, real)

    def _rented(self, real: Sighting) -> Origin | None:
        country = real.place.country
        if self._elsewhere is None or country is None:
            return None
        return self._elsewhere.rented(country, self._roll)

    def _near(self, real: Sighting) -> Origin | None:
        country, region = real.place.country, real.place.region
        if country is None:
            return None
        origin = self._elsewhere.home(country, region, self._roll) if self._elsewhere is not None else None
        people = self._of_region.get(f"{country}/{region}") or self._of_country.get(country)
        if people and (origin is None or self._roll.random() < 0.5):
            # Where the service's people are is where an attacker who knows it would come from.
            origin = self._somebody(people, real) or origin
        return origin

    def _somebody(self, people: deque[Sighting], real: Sighting) -> Origin | None:
        other = self._other(people, real)
        return Origin.of(other) if other is not None else None

    def _likely(self, real: Sighting, other: Sighting) -> Sighting:
        dice = self._roll.random()
        if dice < _SAME_AGENT:
            return real
        alike = self._of_class.get(real.device_class or "")
        if alike and dice < _SAME_AGENT + _ALIKE:
            return self._other(alike, real) or other
        return other

    def _other(self, people: deque[Sighting], real: Sighting) -> Sighting | None:
        """Somebody else's login, of the same service where there is one: each sends what it sends."""
        any_service = None
        for _ in range(_DRAWS):
            found = self._roll.choice(people)
            if found.account != real.account:
                if found.service == real.service:
                    return found
                any_service = found
        return any_service


def differs(made: Sighting, real: Sighting) -> bool:
    """Whether anything that tells people apart is other: else it is nobody else's login."""
    return any(getattr(made, name) != getattr(real, name) for name in _TELLING)


def _hold(sorts: Sorted, sort: str, sighting: Sighting) -> None:
    held = sorts.get(sort)
    if held is None:
        if len(sorts) >= _SORTS:
            del sorts[next(iter(sorts))]
        held = sorts[sort] = deque(maxlen=_HELD_ALIKE)
    held.append(sighting)


def _at_hour(hour: int, time: int, last_seen: int) -> int:
    """The time nearest to ``time`` that is at an hour (UTC) of the day; ``time`` itself where that is further off than
    the account's last login before it: or impostors would be told by how long nobody was there, and some would come
    before the past that they are held against.
    """
    away = ((hour - time // HOUR + _ANY_HOUR // 2) % _ANY_HOUR - _ANY_HOUR // 2) * HOUR
    return time + away if abs(away) <= time - last_seen else time
