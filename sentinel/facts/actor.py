"""Facts of the account that acted, where the person did not: a helpdesk, an admin, a system."""

from sentinel.facts.look import Look
from sentinel.facts.registry import fact
from sentinel.past.context import device_is_trusted, network_is_trusted


@fact("actor.known", "bool", past=True)
def actor_known(look: Look) -> bool:
    """Somebody else acted, the event names their account, and that account has a trusted past to compare with."""
    return not look.sighting.own and look.actor is not None and bool(look.actor.warmup)


@fact("actor.trusted", "bool", past=True)
def actor_trusted(look: Look) -> bool:
    """Device and network are in the trusted past of the account that acted."""
    return not look.sighting.own and look.actor_trusted


@fact("actor.device_trusted", "bool", past=True)
def actor_device_trusted(look: Look) -> bool:
    """The device is in the trusted past of the account that acted."""
    return look.actor is not None and device_is_trusted(look.actor, look.sighting, look.policy)


@fact("actor.network_trusted", "bool", past=True)
def actor_network_trusted(look: Look) -> bool:
    """The network is in the trusted past of the account that acted."""
    return look.actor is not None and network_is_trusted(look.actor, look.sighting, look.policy)
