"""Facts of the hour and weekday, in the person's own zone."""

from sentinel.events.clock import DAY
from sentinel.facts.look import Look
from sentinel.facts.registry import fact

#: Shares above this are usual whatever the rule says, and few distinct values keep judging cheap.
_PLENTY = 0.1

#: More logins than this say no more.
_ENOUGH = 30

#: A weekday says something once each of them came by this often (days).
_WEEKDAYS_AFTER = 28 * DAY


@fact("hour.logins", "int", past=True, judged=True)
def hour_logins(look: Look) -> int:
    """Trusted logins whose hour is remembered, the older ones counted less; at most 30. 0 where hours are not learned
    (`[privacy] purpose = "workforce"`).
    """
    return min(look.usual.logins, _ENOUGH) if look.usual else 0


@fact("hour.share", "double", past=True, judged=True)
def hour_share(look: Look) -> float | None:
    """Share of the account's trusted logins within two hours around the clock; 0.1 stands for all above it.

    Zone: the account's timezone, else by its usual longitude, else UTC. Absent before the first login, and
    where hours are not learned.
    """
    return min(round(look.usual.hour_share, 3), _PLENTY) if look.usual else None


@fact("hour.weekday_share", "double", past=True, judged=True)
def hour_weekday_share(look: Look) -> float | None:
    """Share of the account's trusted logins on this weekday; 0.1 stands for all above it.

    Absent during the four weeks after the account's first login.
    """
    if look.usual is None or not hour_weekday_known(look):
        return None
    return min(round(look.usual.weekday_share, 3), _PLENTY)


@fact("hour.weekday_known", "bool", past=True, judged=True)
def hour_weekday_known(look: Look) -> bool:
    """hour.weekday_share can be told."""
    warmup = look.profile.warmup
    return look.usual is not None and bool(warmup) and look.sighting.time - warmup[0] >= _WEEKDAYS_AFTER
