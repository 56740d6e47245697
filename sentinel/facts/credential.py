"""Facts of where a change of credentials comes from: device, network and session together.

They have a meaning for every event, also for those that are not judged like a login (a second-factor challenge).
"""

from sentinel.events.place import ANONYMOUS_KINDS
from sentinel.facts.look import Look
from sentinel.facts.registry import fact
from sentinel.past.context import device_is_trusted, session_of
from sentinel.past.profile import network_key
from sentinel.past.remember import passed_known_factor


@fact("context.trusted", "bool", past=True)
def context_trusted(look: Look) -> bool:
    """Device and network are in the trusted past, and the session was not called compromised.

    What the event does not say is vouched for by the trusted login that made its session. False for events that
    the person did not do: address and device are somebody else's.
    """
    return look.sighting.own and look.context_trusted


@fact("context.device_trusted", "bool", past=True)
def context_device_trusted(look: Look) -> bool:
    """The device is in the trusted past. False for events that the person did not do."""
    return look.sighting.own and device_is_trusted(look.profile, look.sighting, look.policy)


@fact("context.abroad", "bool", past=True)
def context_abroad(look: Look) -> bool:
    """The country is known and not in the trusted past, and the network does not hide where the person is."""
    sighting = look.sighting
    if not sighting.own or sighting.place.country is None or sighting.network.kind in ANONYMOUS_KINDS:
        return False
    return not look.trusts("country", sighting.place.country)


@fact("context.vouched", "bool", past=True)
def context_vouched(look: Look) -> bool:
    """A trusted network, and a known second factor was passed in this login, or in the one that made the session.

    The session must be where it was made: a stolen one is not vouched for. A new phone at home looks like this.
    """
    sighting = look.sighting
    if not (sighting.own and look.network_trusted):
        return False
    if sighting.type == "login":
        return passed_known_factor(look.profile, sighting, look.policy)
    session = session_of(look.profile, sighting)
    if session is None or not session.vouched or session.compromised:
        return False
    device = sighting.device_key or sighting.device_class
    return device == session.device and network_key(sighting) == session.network


@fact("account.has_past", "bool", past=True)
def account_has_past(look: Look) -> bool:
    """The account has logged in before in a way that is trusted; false for a new one being set up."""
    warmup = look.profile.warmup
    return bool(warmup) and warmup[0] <= look.sighting.time
