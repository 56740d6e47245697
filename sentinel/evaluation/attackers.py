"""Attackers put onto accounts of stored history, at moments at which their people logged in.

They are judged against the account's past as it was, aside from it, so nothing of them is left there. Whoever comes
knows the password, or holds a session; nobody has the second factor. They send the fields that the service sends.

- ``naive``: from anywhere, with a popular browser, at any hour.
- ``vpn``: from a VPN or a rented machine in the account's usual country, with a popular browser, at any hour.
- ``targeted``: from a home in the person's region, with a browser like theirs, at the hour at which they come.
- ``stolen_session``: a session an hour or twelve old, used from elsewhere; half the time with the cookie jar and agent.
- ``informed``: reads the public rules and tries twenty times, see :mod:`sentinel.evaluation.informed`.
"""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

import msgspec

from sentinel.enrich.sighting import Enricher
from sentinel.evaluation.aside import Aside
from sentinel.evaluation.contexts import Client, Contexts, as_account, client, round_trip, victim_of
from sentinel.events.clock import HOUR, MINUTE, to_datetime
from sentinel.events.event import Auth, Event
from sentinel.events.event import Client as Connection
from sentinel.events.sighting import Sighting
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import Arrival

#: What a thief's browser says it reads.
_LANGUAGE: Final = "en-US,en;q=0.9"
#: A fingerprint of a connection that no person here has.
_JA4: Final = "t13d1516h2_8daaf6152771_02713d6af862"


class Login(NamedTuple):
    """A person's login that is about to be judged: where attackers begin."""

    arrival: Arrival
    number: int  #: of the attack, for ids that are never the same

    @property
    def sighting(self) -> Sighting:
        """What was seen of the person."""
        return self.arrival.sighting


class Scene:
    """What attackers draw from, and how their events come to be."""

    def __init__(self, contexts: Contexts, enricher: Enricher, roll: Random) -> None:
        self.contexts = contexts
        self.roll = roll
        self._enricher = enricher
        self._made = 0

    def attempt(self, login: Login, at: int, machine: Client, *, alike: bool = False, **more: object) -> Arrival:
        """A login from a machine at a time (micros), with the fields that the person's own had. ``alike``: the language
        is the person's, and so is what the connection shows of the browser."""
        person = login.sighting
        self._made += 1
        fields = {
            "id": f"evaluate-{login.number}-{self._made}",
            "time": to_datetime(at),
            "account": "evaluated",
            "ip": machine.ip,
            "user_agent": machine.agent if person.agent else None,
            "device_id": machine.device_id if person.device_key else None,
            "session_id": f"evaluated-{self._made}" if person.session else None,
            "client": Connection(
                ja4=_JA4 if person.ja4 else None, accept_language=_LANGUAGE if person.language else None
            ),
            "auth": Auth(method="password") if person.auth_method else None,
            "outcome": "success",
            "rtt_ms": round_trip(person, machine.site, self.roll),
        }
        event = Event(**(fields | more))  # type: ignore[arg-type]  # by name, as the table above
        made = arrive(self._enricher, login.arrival.tenant, event)
        sighting = as_account(made.sighting, person)
        if alike:
            sighting = msgspec.structs.replace(sighting, ja4=person.ja4, language=person.language)
        return msgspec.structs.replace(made, account=login.arrival.account, sighting=sighting)


#: One attacker: the attempt to judge, made when its time has come; ``None``: the data has no such address.
Attack = Callable[[Aside, Scene, Login, int], Arrival | None]


def naive(aside: Aside, scene: Scene, login: Login, at: int) -> Arrival | None:
    """From anywhere."""
    roll = scene.roll
    machine = client(scene.contexts.anywhere(roll), scene.contexts.popular(to_datetime(at).date(), roll), roll)
    return scene.attempt(login, at, machine)


def vpn(aside: Aside, scene: Scene, login: Login, at: int) -> Arrival | None:
    """From a VPN or rented machine in the usual country."""
    roll = scene.roll
    victim = victim_of(aside.profile(login.sighting.account), login.sighting)
    site = scene.contexts.rented(victim.country, roll)
    if site is None:
        return None
    return scene.attempt(login, at, client(site, scene.contexts.popular(to_datetime(at).date(), roll), roll))


def targeted(aside: Aside, scene: Scene, login: Login, at: int) -> Arrival | None:
    """From a home in the region, with a likely browser."""
    roll, contexts = scene.roll, scene.contexts
    victim = victim_of(aside.profile(login.sighting.account), login.sighting)
    site = contexts.near(victim, "home", roll, same_network=roll.random() < 0.3)
    if site is None:
        return None
    wanted = victim.classes[0] if victim.classes else None
    return scene.attempt(login, at, client(site, contexts.like(wanted, to_datetime(at).date(), roll), roll), alike=True)


def stolen_session(aside: Aside, scene: Scene, login: Login, at: int) -> Arrival | None:
    """With the session of the login at hand, from anywhere or from a rented machine in the country."""
    roll, contexts = scene.roll, scene.contexts
    person = login.sighting
    victim = victim_of(aside.profile(person.account), person)
    site = contexts.rented(victim.country, roll) if roll.random() < 0.5 else contexts.anywhere(roll)
    if site is None:
        return None
    machine = client(site, contexts.popular(to_datetime(at).date(), roll), roll)
    # Infostealers bring the whole cookie jar and copy the agent.
    jar = roll.random() < 0.5
    theft = scene.attempt(login, at, machine, alike=jar, type="session_seen", auth=None)
    sighting = msgspec.structs.replace(theft.sighting, session=person.session)
    if jar:
        sighting = msgspec.structs.replace(
            sighting, device_key=person.device_key, device=person.device, agent=person.agent
        )
    return msgspec.structs.replace(theft, sighting=sighting)


#: Attackers of one attempt, and how long after the login they begin, at least and at most (micros): at any hour of a
#: day; at the very moment at which the person came; when the session is there.
SINGLE: Final[dict[str, tuple[Attack, int, int]]] = {
    "naive": (naive, 0, 24 * HOUR),
    "vpn": (vpn, 0, 24 * HOUR),
    "targeted": (targeted, 0, 0),
    "stolen_session": (stolen_session, 5 * MINUTE, 12 * HOUR),
}
