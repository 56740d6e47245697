"""How risky an account is by its past: its open alerts, and what was called compromised. Pure."""

from typing import Final

import msgspec

from sentinel.events.assessment import level_of
from sentinel.past.profile import Profile

#: The risk of an account of which something counts as compromised.
COMPROMISED_RISK: Final = 100.0


class AccountRisk(msgspec.Struct, frozen=True, kw_only=True):
    """``risk`` is 0 to 100, ``reasons`` are rules (and ``compromised``), ``since`` is micros (null: nothing speaks
    against it)."""

    risk: float
    reasons: tuple[str, ...]
    since: int | None

    @property
    def level(self) -> str:
        """Its level."""
        return level_of(self.risk)


def account_risk(profile: Profile, at: int, span: int) -> AccountRisk:
    """The risk at a moment; open alerts count for ``span`` (micros) after their last event."""
    risk, since = 0.0, None
    reasons: list[str] = []
    for alert in profile.alerts:
        if alert.last >= at - span:
            risk = max(risk, alert.risk)
            reasons += [rule for rule in alert.rules if rule not in reasons]
            since = min(since or alert.first, alert.first)
    if profile.compromised:
        risk = COMPROMISED_RISK
        reasons.insert(0, "compromised")
        first = min(profile.compromised.values())
        since = min(since or first, first)
    return AccountRisk(risk=risk, reasons=tuple(reasons), since=since)
