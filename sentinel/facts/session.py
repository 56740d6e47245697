"""Facts of the session that an event belongs to, beside the login that made it."""

from sentinel.events.clock import MINUTE
from sentinel.facts.look import Look
from sentinel.facts.registry import fact
from sentinel.past.profile import device_kind


@fact("session.known", "bool", past=True, judged=True)
def session_known(look: Look) -> bool:
    """The event belongs to a session whose login was seen (never of a login itself)."""
    return look.session is not None


@fact("session.device_changed", "bool", past=True, judged=True)
def session_device_changed(look: Look) -> bool:
    """Both the session's login and this event have a device id, and they differ."""
    session, key = look.session, look.sighting.device_key
    if session is None or key is None or session.device is None or "|" in session.device:
        # A device class, which a login without an id leaves there, has bars; a pseudonym has none.
        return False
    return key != session.device


@fact("session.class_changed", "bool", past=True, judged=True)
def session_class_changed(look: Look) -> bool:
    """Browser family, system or type differ from the session's login, and no equal device id speaks against it."""
    session, seen = look.session, look.sighting
    if session is None or not session.device_kind or seen.device_class is None:
        return False
    if seen.device_key is not None and seen.device_key == session.device:
        return False
    return device_kind(seen) != session.device_kind


@fact("session.network_changed", "bool", past=True, judged=True)
def session_network_changed(look: Look) -> bool:
    """The autonomous system is known and another than that of the session's login."""
    session = look.session
    if session is None or session.network is None or look.network is None:
        return False
    return look.network != session.network


@fact("session.country_changed", "bool", past=True, judged=True)
def session_country_changed(look: Look) -> bool:
    """The country is known and another than that of the session's login."""
    session, country = look.session, look.sighting.place.country
    if session is None or session.country is None or country is None:
        return False
    return country != session.country


@fact("session.login_network_trusted", "bool", past=True, judged=True)
def session_login_network_trusted(look: Look) -> bool:
    """The session's login came from a network that was trusted before it."""
    return look.session is not None and look.session.known_network


@fact("session.login_hosting", "bool", past=True, judged=True)
def session_login_hosting(look: Look) -> bool:
    """The session's login came from a hosting network that was not trusted before it."""
    return look.session is not None and look.session.exposed


@fact("session.first_use", "bool", past=True, judged=True)
def session_first_use(look: Look) -> bool:
    """No session_seen of this session came before."""
    return look.session is not None and not look.session.uses


@fact("session.minutes", "double", past=True, judged=True)
def session_minutes(look: Look) -> float | None:
    """Whole minutes since the session's login, counted up to a day; absent without one."""
    if look.session is None:
        return None
    return float(min((look.sighting.time - look.session.time) // MINUTE, 1440))
