"""Ways back into an account that somebody took lately: recoveries, and help by others."""

from typing import Final

from sentinel.events.clock import DAY, HOUR
from sentinel.events.sighting import Sighting
from sentinel.past.profile import MAX_RECOVERIES, Profile

#: Older ones are not looked at: takeovers follow within a day.
REMEMBERED: Final = 7 * DAY

_RECOVERIES: Final = frozenset({"password_reset_requested", "recovery_used"})
_HELP: Final = _RECOVERIES | {"mfa_removed", "password_changed"}


def note_way_back(profile: Profile, sighting: Sighting, *, at_home: bool) -> None:
    """Remember a way back in that succeeded.

    One taken ``at_home``, where the account is trusted, is the person's: nothing that follows is due to it.
    """
    if not sighting.own:
        if sighting.type in _HELP:
            helped = [*profile.helped, (sighting.time, sighting.type == "mfa_removed")]
            profile.helped = sorted(helped)[-MAX_RECOVERIES:]
    elif sighting.type in _RECOVERIES and not at_home:
        profile.recoveries = sorted([*profile.recoveries, sighting.time])[-MAX_RECOVERIES:]


def forget_way_back(profile: Profile, sighting: Sighting) -> None:
    """The service said that it was the person."""
    profile.recoveries = [time for time in profile.recoveries if time != sighting.time]
    profile.helped = [entry for entry in profile.helped if entry[0] != sighting.time]


def hours_since(times: list[int], at: int) -> float | None:
    """Hours since the latest of ``times`` up to ``at``; ``None`` when there is none, or it is long ago."""
    latest = max((time for time in times if at - REMEMBERED <= time <= at), default=None)
    return round((at - latest) / HOUR, 4) if latest is not None else None
