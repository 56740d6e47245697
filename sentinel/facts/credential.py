"""Facts of where a change of credentials comes from: device, network and session together.

They have a meaning for every event, also for those that are not judged like a login (a second-factor challenge).
"""

from sentinel.events.place import ANONYMOUS_KINDS
from sentinel.facts.look import Look
from sentinel.facts.registry import fact
from sentinel.past.context import session_of
from sentinel.past.profile import network_key
from sentinel.past.recovery import hours_since
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
    return look.sighting.own and look.device_trusted


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


@fact("account.recovered", "bool", past=True)
def account_recovered(look: Look) -> bool:
    """In the last 7 days a reset was asked for or a recovery used, from where the account is not trusted."""
    return account_hours_since_recovery(look) is not None


@fact("account.hours_since_recovery", "double", past=True)
def account_hours_since_recovery(look: Look) -> float | None:
    """Hours since that; absent when there was none."""
    recoveries = look.profile.recoveries
    return hours_since(recoveries, look.sighting.time) if recoveries else None


@fact("account.helped", "bool", past=True)
def account_helped(look: Look) -> bool:
    """In the last 7 days somebody else removed a factor, set or reset the password, or used a recovery."""
    return account_hours_since_help(look) is not None


@fact("account.hours_since_help", "double", past=True)
def account_hours_since_help(look: Look) -> float | None:
    """Hours since that; absent when there was none."""
    helped = look.profile.helped
    return hours_since([time for time, _ in helped], look.sighting.time) if helped else None


@fact("account.factor_taken", "bool", past=True)
def account_factor_taken(look: Look) -> bool:
    """In the last 7 days somebody else removed a factor of the account."""
    taken = [time for time, removed in look.profile.helped if removed]
    return bool(taken) and hours_since(taken, look.sighting.time) is not None
