"""Events of accounts whose processing is restricted (GDPR Art. 18): accepted and sealed, and nothing else.

They are not judged, nothing is learned of them, nobody is mailed and nothing is shown. Only their failures still count
for the networks they came from: an attack on others must not go unseen because it began with this account.
"""

from typing import Final

from sentinel.events.assessment import Assessment, Unjudged
from sentinel.events.clock import to_text
from sentinel.facts import Look
from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Tracks, enter
from sentinel.store.protocol import TrackKey

#: What ``unjudged`` says of every event of a restricted account.
RESTRICTED: Final = "restricted"


def restricted_assessment(item: Arrival, ruleset: str) -> Assessment:
    """The answer for an event of a restricted account: it says so, and that nothing speaks against letting in."""
    return unjudged(item.id, item.account, item.sighting.time, ruleset)


def unjudged(event: str, account: str | None, time: int, ruleset: str = "") -> Assessment:
    """The same for an event by its id, account id and time (micros)."""
    return Assessment(
        event=event,
        account=account,
        time=to_text(time),
        risk=None,
        level=None,
        decision="allow",
        unjudged=[Unjudged(rule="*", reason=RESTRICTED)],
        ruleset=ruleset,
        restricted=True,
    )


def count_failure(item: Arrival, settings: TenantSettings, tracks: dict[TrackKey, Track], touched: Tracks) -> None:
    """Enter a failed try into the windows that are kept by network, agent and the like, not by the account."""
    sighting = item.sighting
    if sighting.outcome not in ("failure", "blocked"):
        return
    shared = touched.without(sighting.account)
    look = Look(sighting, Profile(), settings.trust, settings.origins)
    enter(look, settings.rules, dict(touched.facts), tracks, shared, None)
