"""Why a login does not fit, in words: what of it differs, and how much. Nothing keyed, no address, no name."""

from collections.abc import Callable
from typing import Final

from sentinel.events.place import RENTED_KINDS
from sentinel.facts.look import Look
from sentinel.models.likelihood import Likeness, Rung
from sentinel.past.seen import shortened

#: How many reasons a finding names.
REASONS: Final = 3

_LEVELS: Final = {
    "country": "country",
    "network": "network",
    "prefix": "address range",
    "address": "address",
}


def by_likelihood(look: Look, like: Likeness) -> list[str]:
    """What made a login unlikely, strongest first."""
    logs = [
        (like.network_log, "network"),
        (like.agent_log, "agent"),
        (like.hour_log if like.hour_log is not None else 0.0, "hour"),
        (like.method_log, "method"),
    ]
    found = [words(group, look, like) for log, group in sorted(logs) if log < 0]
    return [phrase for phrase in found if phrase is not None][:REASONS]


def words(group: str, look: Look, like: Likeness) -> str | None:
    """A phrase about a group of features (:data:`sentinel.models.features.GROUPS`); ``None`` where there is nothing to
    say."""
    return _WORDS[group](look, like)


def _network(look: Look, like: Likeness) -> str | None:
    for rung in reversed(like.network):
        if not rung.own:
            return f"never seen from this {_LEVELS[rung.level]}"
    return _rare(like.network, "from this {}", _LEVELS, like.logins)


def _kind(look: Look, like: Likeness) -> str | None:
    kind = look.sighting.network.kind
    if kind in RENTED_KINDS:
        name = {"hosting": "a hosting network", "vpn": "a VPN", "tor": "Tor", "proxy": "an open proxy"}[kind]
        return f"through {name}"
    return None


def _place(look: Look, like: Likeness) -> str | None:
    travel = look.travel
    if travel is not None and travel.speed_kmh > 900:
        return f"{travel.distance_km:,.0f} km in {travel.hours:.1f} hours"
    km = look.usual_km
    if km is not None and km >= 50:
        return f"{km:,.0f} km from the usual places"
    return None


def _device(look: Look, like: Likeness) -> str | None:
    if look.sighting.device_key is None:
        return None
    value = look.value("device", look.sighting.device_key)
    if value is None or not value.support:
        return "a device never seen before"
    return f"a device of {_per_cent(value.support / like.logins)} of the logins"


def _agent(look: Look, like: Likeness) -> str | None:
    if not like.agent:
        return None
    finest = like.agent[0]
    commons = look.commons
    if look.sighting.agent is not None and not commons.number("agent", shortened(look.sighting.agent)):
        return "an agent that nobody else has" if not finest.own else None
    known = next((rung for rung in like.agent if rung.level == "device_class"), None)
    if known is not None and not known.own:
        return f"browser and system never seen, those of {_per_cent(known.common)} of the accounts"
    if not finest.own:
        return f"agent never seen, shared by {_per_cent(finest.common)} of the accounts"
    return (
        f"agent of {_per_cent(min(1.0, finest.own / like.logins))} of the logins" if finest.own < like.logins else None
    )


def _hour(look: Look, like: Likeness) -> str | None:
    return "unusual hour" if like.hour_log is not None and like.hour_log < 0 else None


def _idle(look: Look, like: Likeness) -> str | None:
    last = look.profile.last_seen
    days = (look.sighting.time - last) // 86_400_000_000 if last else 0
    return f"after {days} days without a login" if days >= 14 else None


def _method(look: Look, like: Likeness) -> str | None:
    return "proved in a way that is unusual for the account" if like.method_log < 0 else None


def _past(look: Look, like: Likeness) -> str | None:
    return f"only {like.logins} logins before" if like.logins < 10 else None


def _rare(rungs: tuple[Rung, ...], phrase: str, names: dict[str, str], logins: int) -> str | None:
    for rung in reversed(rungs):
        if rung.own < logins / 10:
            return f"rarely {phrase.format(names[rung.level])}"
    return None


def _per_cent(share: float) -> str:
    """A share in words that stay short.

    >>> _per_cent(0.00021), _per_cent(0.34)
    ('0.02 %', '34 %')
    """
    per_cent = 100 * min(1.0, share)
    return f"{per_cent:.0f} %" if per_cent >= 10 else f"{per_cent:.2g} %"


_WORDS: Final[dict[str, Callable[[Look, Likeness], str | None]]] = {
    "network": _network,
    "kind": _kind,
    "place": _place,
    "device": _device,
    "agent": _agent,
    "hour": _hour,
    "idle": _idle,
    "method": _method,
    "past": _past,
}
