"""How likely a login is to be somebody else's, by counting: the idea of risk-based authentication, with back-off.

Freeman, Jain, Dürmuth, Biggio, Giacinto (NDSS 2016, doi 10.14722/ndss.2016.23240) weigh how common a login's features
are for everybody against how common they are for the account. Their smoothing gives a value that was never seen the
same weight for everybody; here the account's own share backs off level by level, each time by as much as the account
brings new values there (Witten, Bell: IEEE Trans. Inf. Theory 37(4), 1991)::

    r_k = (c_k / p_k + t_k · r_{k+1}) / (n + t_k)        r of the coarsest level's parent is 1

``c_k``: trusted logins of the account with the value, of ``n``; ``t_k``: how many of them brought a value that was new;
``p_k``: how common the value is for everybody (:mod:`sentinel.past.commons`). ``r_0`` is then how much more common the
login is for the account than for everybody, of one feature. Who changes address with every login is not told from
others by a new one; who never does is. Nothing is trained: it works from the second login on.
"""

from math import log
from typing import Final

import msgspec

from sentinel.facts.look import Look
from sentinel.past.habit import local_hour
from sentinel.past.profile import Value
from sentinel.past.seen import NOVEL, method_of, shortened

#: A feature's ratio is bounded, in both directions: e^12, one in 160,000. One feature alone must not outweigh all.
BOUND: Final = 12.0


class Rung(msgspec.Struct, frozen=True):
    """One level of a feature: own trusted logins with the value, logins that brought a new one, share of everybody."""

    level: str
    own: int
    novel: int
    common: float


class Likeness(msgspec.Struct, frozen=True):
    """How a login compares with its account: logarithms of ratios by feature (below 0: rather somebody else's)."""

    logins: int
    network: tuple[Rung, ...]
    agent: tuple[Rung, ...]
    network_log: float
    agent_log: float
    hour_log: float | None
    method_log: float

    @property
    def total(self) -> float:
        """Logarithm of how much more common the login is for everybody than for the account."""
        return -(self.network_log + self.agent_log + (self.hour_log or 0.0) + self.method_log)


def likeness(look: Look) -> Likeness | None:
    """Hold a login against its account's past; ``None`` when there is none."""
    profile, sighting = look.profile, look.sighting
    logins = profile.trusted_logins
    if logins <= 0:
        return None
    network = _network(look)
    agent = _agent(look)
    method = _seen_rung(look, "method", method_of(sighting))
    return Likeness(
        logins=logins,
        network=network,
        agent=agent,
        network_log=log_ratio(network, logins),
        agent_log=log_ratio(agent, logins),
        hour_log=_hour(look),
        method_log=log_ratio((method,), logins),
    )


def log_ratio(rungs: tuple[Rung, ...], logins: int) -> float:
    """Logarithm of the recursion above, from the finest level that is known.

    >>> seen = (Rung("network", 9, 1, 0.01), Rung("country", 9, 1, 0.1))
    >>> strange = (Rung("network", 0, 1, 0.01), Rung("country", 0, 1, 0.1))
    >>> round(log_ratio(seen, 9), 1), round(log_ratio(strange, 9), 1)
    (4.5, -4.6)
    """
    ratio = 1.0
    for rung in reversed(rungs):
        novel = max(rung.novel, 1)
        ratio = (rung.own / rung.common + novel * ratio) / (logins + novel)
    return max(-BOUND, min(BOUND, log(ratio)))


def _network(look: Look) -> tuple[Rung, ...]:
    sighting = look.sighting
    found = []
    if sighting.address is not None:
        found.append(_seen_rung(look, "address", shortened(sighting.address)))
    if sighting.prefix is not None:
        found.append(_seen_rung(look, "prefix", shortened(sighting.prefix)))
    if look.network is not None:
        found.append(_value_rung(look, "network", look.network))
    if sighting.place.country is not None:
        found.append(_value_rung(look, "country", sighting.place.country))
    return tuple(found)


def _agent(look: Look) -> tuple[Rung, ...]:
    sighting = look.sighting
    found = []
    if sighting.agent is not None:
        found.append(_seen_rung(look, "agent", shortened(sighting.agent)))
    device_class = sighting.device_class
    if device_class is not None:
        found.append(_value_rung(look, "device_class", device_class))
        # From the right: an app names its browser freely.
        _, system, device_type = device_class.rsplit("|", 2)
        own_system, own_type, systems, types = 0, 0, set(), set()
        for key, value in look.profile.values.get("device_class", {}).items():
            if not value.support:
                continue
            _, known_system, known_type = key.rsplit("|", 2)
            systems.add(known_system)
            types.add(known_type)
            own_system += value.support if known_system == system else 0
            own_type += value.support if known_type == device_type else 0
        share = look.commons.share
        found.append(Rung("system", own_system, len(systems), share("system", system)))
        found.append(Rung("device_type", own_type, len(types), share("device_type", device_type)))
    return tuple(found)


def _seen_rung(look: Look, kind: str, key: str) -> Rung:
    held = look.profile.seen.get(kind, {})
    known, novel = held.get(key), held.get(NOVEL)
    return Rung(kind, known.logins if known else 0, novel.logins if novel else 0, look.commons.share(kind, key))


def _value_rung(look: Look, kind: str, key: str) -> Rung:
    values: dict[str, Value] = look.profile.values.get(kind, {})
    value = values.get(key)
    return Rung(kind, value.support if value is not None else 0, novel_of(values), look.commons.share(kind, key))


def novel_of(values: dict[str, Value]) -> int:
    """How many values trusted logins brought: each was new once."""
    novel = 0
    for value in values.values():
        if value.support:
            novel += 1
    return novel


def _hour(look: Look) -> float | None:
    """How much more usual the hour is for the account than for everybody; ``None`` where hours are not learned."""
    usual = look.usual
    if usual is None:
        return None
    common = look.commons.around(local_hour(look.profile, look.sighting))
    return max(-BOUND, min(BOUND, log(usual.hour_share / common)))
