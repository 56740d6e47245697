"""What is remembered of a session after the login that made it: whether it was used, and where it was last."""

from sentinel.events.sighting import Sighting
from sentinel.past.profile import Session
from sentinel.past.usual import has_place


def note_use(session: Session, sighting: Sighting, safe: bool) -> None:
    """Enter an event of a session. Only what was judged safe moves it to another place."""
    if sighting.time < session.time:
        return
    if sighting.type == "session_seen":
        # One is enough to tell the first from the others.
        session.uses = 1
    if safe and sighting.time >= session.seen:
        place_session(session, sighting)


def place_session(session: Session, sighting: Sighting) -> None:
    """The session was seen where the event came from, if that is known."""
    place = sighting.place
    if place.lat is not None and place.lon is not None and has_place(sighting):
        session.seen, session.lat, session.lon = sighting.time, place.lat, place.lon
        session.accuracy_km = place.accuracy_km or 0.0


def last_used(session: Session) -> int:
    """When it was made or last seen at a known place (micros)."""
    return max(session.time, session.seen)
