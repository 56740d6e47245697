"""Whether an event comes from where its account is at home: device, network and session together."""

from sentinel.events.sighting import Sighting
from sentinel.past.profile import Profile, Session, TrustPolicy, network_key


def device_is_trusted(profile: Profile, sighting: Sighting, policy: TrustPolicy) -> bool:
    """The device id is trusted; without one, browser, system and type are."""
    if sighting.device_key is not None:
        return profile.trusts("device", sighting.device_key, sighting.time, policy)
    return profile.trusts("device_class", sighting.device_class, sighting.time, policy)


def network_is_trusted(profile: Profile, sighting: Sighting, policy: TrustPolicy) -> bool:
    """The AS is trusted; of an address without one, that the account is used from private addresses."""
    if sighting.network.asn is not None:
        return profile.trusts("network", network_key(sighting), sighting.time, policy)
    return sighting.network.kind == "private" and profile.trusts("network_kind", "private", sighting.time, policy)


def in_trusted_context(
    profile: Profile, sighting: Sighting, policy: TrustPolicy, *, device: bool | None = None
) -> bool:
    """Device and network are trusted, as of the event.

    What the event does not say is vouched for by the trusted login that made its session, or passed over where
    the service never says it of this account. A session alone never vouches for a device or network that is
    there and strange: sessions are stolen. ``device``: what :func:`device_is_trusted` said, if it was asked.
    """
    session = session_of(profile, sighting)
    if session is not None and session.compromised:
        return False
    by_session = session is not None and session.trusted
    if device is None:
        device = device_is_trusted(profile, sighting, policy)
    network = network_is_trusted(profile, sighting, policy)
    if not (device or network or by_session):
        return False
    return (device or _passed_over(profile, sighting, by_session, device=True)) and (
        network or _passed_over(profile, sighting, by_session, device=False)
    )


def session_of(profile: Profile, sighting: Sighting) -> Session | None:
    """The login that made the event's session, if it is remembered and was before the event."""
    session = profile.sessions.get(sighting.session) if sighting.session else None
    return session if session is not None and session.time <= sighting.time else None


def _passed_over(profile: Profile, sighting: Sighting, by_session: bool, *, device: bool) -> bool:
    if device:
        known = sighting.device_key is not None or sighting.device_class is not None
        kinds = ("device", "device_class")
    else:
        known = sighting.address is not None or sighting.network.asn is not None or sighting.network.kind is not None
        kinds = ("network", "network_kind")
    return not known and (by_session or not any(profile.values.get(kind) for kind in kinds))
