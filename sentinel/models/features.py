"""What models see of a login: how it compares with its account, never what it is.

So a model carries over to accounts and services that it was not trained on, and holds nothing of anybody.

A feature is a number, ``NaN`` where it cannot be told; nothing here sees a label, a finding, or anything later than the
event. Which way each may move the risk, a recipe says.
"""

from collections.abc import Callable
from math import log, log1p, nan
from typing import Final

import msgspec

from sentinel.events.clock import DAY, HOUR
from sentinel.events.place import RENTED_KINDS
from sentinel.facts.look import Look
from sentinel.models.likelihood import Likeness, likeness, novel_of
from sentinel.past.remember import passed_known_factor

#: Distances and speeds above these say no more (km, km/h).
_FAR: Final = 20_000.0
_FAST: Final = 20_000.0


class Feature(msgspec.Struct, frozen=True):
    """One number of the vector: name, what it is about, and meaning."""

    name: str
    group: str
    meaning: str
    compute: Callable[["Compared"], float]


class Compared:
    """A look with what several features share."""

    __slots__ = ("like", "logins", "look", "rungs")

    def __init__(self, look: Look, like: Likeness) -> None:
        self.look = look
        self.like = like
        self.logins = like.logins
        self.rungs = {rung.level: rung for rung in (*like.network, *like.agent)}

    def own(self, level: str) -> float:
        """The account's own share of trusted logins with the login's value of a level."""
        rung = self.rungs.get(level)
        return nan if rung is None else min(1.0, rung.own / self.logins)

    def novelty(self, level: str) -> float:
        """How many of the account's trusted logins brought a value of a level that was new then, as a share."""
        rung = self.rungs.get(level)
        return nan if rung is None else min(1.0, rung.novel / self.logins)

    def common(self, level: str) -> float:
        """How common the login's value of a level is for everybody, as a logarithm."""
        rung = self.rungs.get(level)
        return nan if rung is None else log(rung.common)

    def share(self, kind: str, key: str | None) -> float:
        """The account's own share of trusted logins with a value that likelihood does not weigh."""
        if key is None:
            return nan
        value = self.look.profile.values.get(kind, {}).get(key)
        return min(1.0, value.support / self.logins) if value is not None else 0.0

    def days(self, kind: str, key: str | None) -> float:
        """Days since a value was last seen; unknown for one never seen."""
        value = self.look.value(kind, key)
        if value is None or not value.support:
            return nan
        return log1p(max(0, self.look.sighting.time - value.last) / DAY)


FEATURES: Final[list[Feature]] = []


def feature(name: str, group: str) -> Callable[[Callable[[Compared], float]], Callable[[Compared], float]]:
    """Declare the decorated function as a feature; its docstring is the meaning."""

    def declare(compute: Callable[[Compared], float]) -> Callable[[Compared], float]:
        FEATURES.append(Feature(name, group, " ".join((compute.__doc__ or "").split()), compute))
        return compute

    return declare


# Network and place


@feature("network_log_ratio", "network")
def _network_log_ratio(at: Compared) -> float:
    """How much more common address, network and country are for the account than for everybody, as a logarithm."""
    return at.like.network_log if at.like.network else nan


@feature("address_share", "network")
def _address_share(at: Compared) -> float:
    """Share of the account's logins from this address (IPv6: /64)."""
    return at.own("address")


@feature("prefix_share", "network")
def _prefix_share(at: Compared) -> float:
    """Share from this /24 (IPv6: /48)."""
    return at.own("prefix")


@feature("network_share", "network")
def _network_share(at: Compared) -> float:
    """Share from this network (AS)."""
    return at.own("network")


@feature("region_share", "network")
def _region_share(at: Compared) -> float:
    """Share from this region."""
    return at.share("region", at.look.region)


@feature("country_share", "network")
def _country_share(at: Compared) -> float:
    """Share from this country."""
    return at.own("country")


@feature("network_kind_share", "kind")
def _network_kind_share(at: Compared) -> float:
    """Share through networks of this kind."""
    return at.share("network_kind", at.look.sighting.network.kind)


@feature("network_rented", "kind")
def _network_rented(at: Compared) -> float:
    """1 through hosting, VPN, Tor or an open proxy; 0 through another kind that is known."""
    kind = at.look.sighting.network.kind
    return nan if kind is None else float(kind in RENTED_KINDS)


@feature("network_mobile", "kind")
def _network_mobile(at: Compared) -> float:
    """1 through a mobile carrier, whose addresses change with every connection."""
    kind = at.look.sighting.network.kind
    return nan if kind is None else float(kind == "mobile")


@feature("network_common", "network")
def _network_common(at: Compared) -> float:
    """How common the network is for everybody, as a logarithm."""
    return at.common("network")


@feature("country_common", "network")
def _country_common(at: Compared) -> float:
    """How common the country is for everybody, as a logarithm."""
    return at.common("country")


@feature("address_novelty", "network")
def _address_novelty(at: Compared) -> float:
    """How often the account comes from a new address."""
    return at.novelty("address")


@feature("prefix_novelty", "network")
def _prefix_novelty(at: Compared) -> float:
    """How often from a new /24 (IPv6: /48)."""
    return at.novelty("prefix")


@feature("network_novelty", "network")
def _network_novelty(at: Compared) -> float:
    """How often from a new network."""
    return at.novelty("network")


@feature("country_novelty", "network")
def _country_novelty(at: Compared) -> float:
    """How often from a new country."""
    return at.novelty("country")


@feature("usual_distance", "place")
def _usual_distance(at: Compared) -> float:
    """Distance from the nearest usual place, log(1 + km)."""
    km = at.look.usual_km
    return log1p(min(km, _FAR)) if km is not None else nan


@feature("travel_speed", "place")
def _travel_speed(at: Compared) -> float:
    """Speed since the last trusted login, log(1 + km/h)."""
    travel = at.look.travel
    return log1p(min(travel.speed_kmh, _FAST)) if travel is not None else nan


@feature("travel_distance", "place")
def _travel_distance(at: Compared) -> float:
    """Distance from the last trusted login, log(1 + km)."""
    travel = at.look.travel
    return log1p(min(travel.distance_km, _FAR)) if travel is not None else nan


# Device


@feature("device_share", "device")
def _device_share(at: Compared) -> float:
    """Share of the account's logins with this device id."""
    return at.share("device", at.look.sighting.device_key)


@feature("device_days", "device")
def _device_days(at: Compared) -> float:
    """Days since the device id was last seen, log(1 + days)."""
    return at.days("device", at.look.sighting.device_key)


@feature("device_novelty", "device")
def _device_novelty(at: Compared) -> float:
    """How often the account comes with a new device id."""
    known = novel_of(at.look.profile.values.get("device", {}))
    return min(1.0, known / at.logins)


@feature("agent_log_ratio", "agent")
def _agent_log_ratio(at: Compared) -> float:
    """How much more common agent, browser and system are for the account than for everybody, as a logarithm."""
    return at.like.agent_log if at.like.agent else nan


@feature("agent_share", "agent")
def _agent_share(at: Compared) -> float:
    """Share with this very agent string."""
    return at.own("agent")


@feature("agent_novelty", "agent")
def _agent_novelty(at: Compared) -> float:
    """How often the account comes with a new agent string."""
    return at.novelty("agent")


@feature("device_class_share", "agent")
def _device_class_share(at: Compared) -> float:
    """Share with this browser, system and type of device."""
    return at.own("device_class")


@feature("system_share", "agent")
def _system_share(at: Compared) -> float:
    """Share with this system."""
    return at.own("system")


@feature("device_class_days", "agent")
def _device_class_days(at: Compared) -> float:
    """Days since browser, system and type were last seen, log(1 + days)."""
    return at.days("device_class", at.look.sighting.device_class)


@feature("agent_common", "agent")
def _agent_common(at: Compared) -> float:
    """How common the agent string is for everybody, as a logarithm."""
    return at.common("agent")


@feature("device_class_common", "agent")
def _device_class_common(at: Compared) -> float:
    """How common browser, system and type are for everybody, as a logarithm."""
    return at.common("device_class")


# Hours


@feature("hour_log_ratio", "hour")
def _hour_log_ratio(at: Compared) -> float:
    """How much more usual the hour is for the account than for everybody, as a logarithm."""
    return at.like.hour_log if at.like.hour_log is not None else nan


@feature("weekday_share", "hour")
def _weekday_share(at: Compared) -> float:
    """Share of logins on this weekday."""
    return at.look.usual.weekday_share if at.look.usual is not None else nan


@feature("idle", "idle")
def _idle(at: Compared) -> float:
    """Time since the account was last about, log(1 + hours)."""
    last = at.look.profile.last_seen
    return log1p(max(0, at.look.sighting.time - last) / HOUR) if last else nan


# How it was proved


@feature("method_log_ratio", "method")
def _method_log_ratio(at: Compared) -> float:
    """How much more common the second factor's method is for the account than for everybody, as a logarithm."""
    return at.like.method_log


@feature("factor_proved", "method")
def _factor_proved(at: Compared) -> float:
    """1 when a second factor was proved that the account is known by."""
    return float(passed_known_factor(at.look.profile, at.look.sighting, at.look.policy) or at.look.confirmed)


# The past itself


@feature("logins", "past")
def _logins(at: Compared) -> float:
    """Trusted logins so far, log(1 + n)."""
    return log1p(at.logins)


@feature("age", "past")
def _age(at: Compared) -> float:
    """Time since the account's first login, log(1 + days)."""
    warmup = at.look.profile.warmup
    return log1p(max(0, at.look.sighting.time - warmup[0]) / DAY) if warmup and warmup[0] else nan


#: Names in the order of the vector.
NAMES: Final = tuple(each.name for each in FEATURES)
_COMPUTE: Final = tuple(each.compute for each in FEATURES)
#: What features are about → their places in the vector; they are explained together.
GROUPS: Final = {
    group: tuple(place for place, each in enumerate(FEATURES) if each.group == group)
    for group in dict.fromkeys(each.group for each in FEATURES)
}


def vector(look: Look, like: Likeness | None = None) -> tuple[float, ...] | None:
    """What models see of a login, in the order of :data:`FEATURES`; ``None`` for an account without a past.

    ``like``: what :func:`sentinel.models.likelihood.likeness` said of it, if it was asked.
    """
    if like is None and (like := likeness(look)) is None:
        return None
    at = Compared(look, like)
    return tuple([compute(at) for compute in _COMPUTE])
