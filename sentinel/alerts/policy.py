"""Who hears of an assessment, and whether it is news. Pure; folding goes by event time (CONTRACT §2)."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sentinel.events.alert import OpenAlert, alert_id
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY, HOUR

#: Alerts that go on for as long as their cause does: one mail a siege, not one an hour.
_CONTINUING: Final = frozenset({"attack", "campaign"})
#: Each change is owed a notice of its own: only the same change again, within the span, folds.
_EACH_TOLD: Final = frozenset({"credential_change"})
#: A continuing alert is told again after a day all the same.
_CONTINUING_SPAN: Final = DAY
#: Open alerts remembered of one account or source.
MAX_OPEN: Final = 16


class FoldPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """``span``: events of one kind fold into one alert for this long (micros; default: an hour).

    ``same_news``: the same unanswered news (device, place) is not told again for this long (default:
    until it settles).
    """

    span: int = HOUR
    same_news: int = 14 * DAY


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert would be about. ``account`` is null for operators; ``contexts`` say what was new."""

    account: str | None
    event: str
    time: int
    kind: str
    level: str
    risk: float
    rules: tuple[str, ...]
    contexts: tuple[str, ...] = ()
    same_as: str | None = None  #: alert of the pending login that this event concludes
    tell: bool = True  #: false for what came in too late to mail about, or as history


class Raised(msgspec.Struct, frozen=True):
    """The alert an event belongs to; ``news``: it is to be told; ``earlier``: folded events not told yet."""

    alert: OpenAlert
    news: bool
    earlier: int = 0


def raise_or_fold(open_alerts: list[OpenAlert], cause: Cause, policy: FoldPolicy) -> Raised:
    """Fold ``cause`` into an open alert or raise a new one; ``open_alerts`` is changed in place.

    A higher level than the open alert's is always news; so is the first event to be told of an alert that was not.
    """
    found = _find(open_alerts, cause, policy)
    if found is not None and LEVEL_ORDER[cause.level] <= LEVEL_ORDER[found.level]:
        if found.id != cause.same_as:
            found.events += 1
            found.folded += 1
        found.last = max(found.last, cause.time)
        found.risk = max(found.risk, cause.risk)
        found.rules = list(dict.fromkeys([*found.rules, *cause.rules]))
        news = cause.tell and not found.told
        found.told |= cause.tell
        return Raised(found, news=news)
    earlier = 0
    for alert in open_alerts:
        if alert.kind == cause.kind:
            earlier, alert.folded = earlier + alert.folded, 0
    raised = OpenAlert(
        id=alert_id(cause.account, cause.kind, cause.event),
        kind=cause.kind,
        level=cause.level,
        risk=cause.risk,
        first=cause.time,
        last=cause.time,
        rules=list(cause.rules),
        told=cause.tell,
        contexts=list(cause.contexts),
    )
    horizon = cause.time - max(policy.same_news, policy.span)
    still = [alert for alert in open_alerts if alert.last > horizon]
    open_alerts[:] = [*still[-(MAX_OPEN - 1) :], raised]
    return Raised(raised, news=cause.tell, earlier=earlier)


def _find(open_alerts: Sequence[OpenAlert], cause: Cause, policy: FoldPolicy) -> OpenAlert | None:
    for alert in reversed(open_alerts):
        if cause.same_as is not None and alert.id == cause.same_as:
            return alert
    for alert in reversed(open_alerts):
        if alert.kind != cause.kind:
            continue
        apart = cause.time - alert.first
        if alert.kind in _EACH_TOLD:
            if abs(apart) < policy.span and set(cause.contexts) <= set(alert.contexts):
                return alert
            continue
        if abs(apart) < policy.span:
            return alert
        if alert.kind in _CONTINUING:
            if abs(cause.time - alert.last) < policy.span and abs(apart) < _CONTINUING_SPAN:
                return alert
        elif cause.contexts and set(cause.contexts) <= set(alert.contexts) and 0 <= apart < policy.same_news:
            return alert
    return None
