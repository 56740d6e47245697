"""Second-factor challenges seen a moment ago, and the one login that sums them up (CONTRACT §1, "Second factors")."""

from typing import Final

import msgspec

from sentinel.events.clock import MINUTE
from sentinel.events.sighting import Sighting
from sentinel.past.profile import MAX_CHALLENGES, Challenge, Profile

#: A login's ``mfa`` sums up challenges of the same account and factor this young (CONTRACT §1).
CHALLENGE_MEMORY: Final = 10 * MINUTE


def summed_up(profile: Profile, sighting: Sighting) -> bool:
    """Whether a login's ``mfa`` only sums up a challenge that was seen (CONTRACT §1, "Second factors")."""
    if sighting.type != "login" or sighting.factor.method is None:
        return False
    return any(_sums_up(sighting, challenge) for challenge in reversed(profile.challenges))


def challenged_lately(profile: Profile, sighting: Sighting) -> bool:
    """Whether a challenge of the same session, or any of the last ten minutes, was seen before the event."""
    return any(
        (sighting.session is not None and challenge.session == sighting.session)
        or 0 <= sighting.time - challenge.time <= CHALLENGE_MEMORY
        for challenge in profile.challenges
    )


def _sums_up(sighting: Sighting, challenge: Challenge) -> bool:
    if sighting.session is not None and challenge.session == sighting.session:
        return True
    if challenge.taken not in (None, sighting.session or sighting.key, sighting.concludes):
        return False  # Another login's: one challenge must not hide that its code was used twice.
    same_factor = challenge.factor == sighting.factor.key and challenge.method == sighting.factor.method
    return same_factor and abs(sighting.time - challenge.time) <= CHALLENGE_MEMORY


def take_challenges(profile: Profile, sighting: Sighting) -> None:
    """The challenges that a login sums up are this login's from now on."""
    by = sighting.session or sighting.key
    profile.challenges = [
        msgspec.structs.replace(challenge, taken=by)
        if challenge.taken is None and _sums_up(sighting, challenge)
        else challenge
        for challenge in profile.challenges
    ]


def note_challenge(profile: Profile, sighting: Sighting) -> None:
    """Remember a challenge for the login that will sum it up."""
    if "pending" in (sighting.outcome, sighting.factor.outcome):
        return  # Not answered yet, so no try: the login that says how it ended is the first to say so.
    challenge = Challenge(sighting.time, sighting.session, sighting.factor.key, sighting.factor.method)
    profile.challenges = [*profile.challenges, challenge][-MAX_CHALLENGES:]
