"""What is remembered of a session after the login that made it: whether it was used, and where it was last."""

from sentinel.events.clock import MINUTE
from sentinel.events.sighting import Sighting
from sentinel.past.profile import Profile, Session
from sentinel.past.usual import has_place


def note_use(profile: Profile, key: str, sighting: Sighting, safe: bool) -> None:
    """Enter an event of session ``key``. Only what was judged safe moves it to another place and keeps it longer."""
    session = profile.sessions[key]
    if sighting.time < session.time:
        return
    if safe:
        profile.sessions[key] = profile.sessions.pop(key)
    if sighting.type == "session_seen":
        # One is enough to tell the first from the others.
        session.uses = 1
    if safe:
        place_session(session, sighting)


def place_session(session: Session, sighting: Sighting) -> None:
    """The session was seen where the event came from, if that is known and nothing later is."""
    place, minutes = sighting.place, (sighting.time - session.time) // MINUTE
    if place.lat is not None and place.lon is not None and minutes >= session.seen and has_place(sighting):
        session.seen, session.lat, session.lon = minutes, round(place.lat * 10), round(place.lon * 10)
        session.accuracy_km = round(place.accuracy_km or 0)
