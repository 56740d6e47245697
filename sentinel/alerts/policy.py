"""Who hears of an assessment, and whether it is news. Pure; folding goes by event time (CONTRACT §2)."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from sentinel.events.alert import OpenAlert, ToldMail, alert_id
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY, HOUR

#: Alerts that go on for as long as their cause does: one mail a siege, not one an hour.
_CONTINUING: Final = frozenset({"attack", "campaign"})
#: Each change is owed a notice of its own: only the same change again, within the span, folds.
EACH_TOLD: Final = frozenset({"credential_change"})
#: A continuing alert is told again after a day all the same.
_CONTINUING_SPAN: Final = DAY
#: Open alerts remembered of one account or source.
MAX_OPEN: Final = 16
#: Mails remembered of one account, and for how long: events are mailed about up to a week late.
MAX_TOLD: Final = 32
_REMEMBERED: Final = 8 * DAY
#: Mails an account gets in 24 hours of events; the last of them is a summary, for what follows as well.
MAILS_A_DAY: Final = 3
SUMMARY: Final = "summary"


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


def raise_or_fold(open_alerts: list[OpenAlert], told: list[ToldMail], cause: Cause, policy: FoldPolicy) -> Raised:
    """Fold ``cause`` into an open alert or raise a new one; ``open_alerts`` and the mails ``told`` of the account are
    changed in place.

    A higher level than the open alert's is always news; so is the first event to be told of an alert that was not.
    News is mailed as far as there is room: one mail an hour and kind, :data:`MAILS_A_DAY` a day. The last one of a day
    is a ``summary``, into which everything folds until the day is over. Room there always is for a level higher than
    any told that day, and for changes of credentials: else whoever uses the mails up could act unseen.
    """
    found = _find(open_alerts, cause, policy)
    if found is not None and LEVEL_ORDER[cause.level] <= LEVEL_ORDER[found.level]:
        if found.told or not cause.tell:
            return _fold(found, cause)
        room = _room(told, cause, found.kind)
        if room == "own":
            _fold(found, cause)
            _tell(told, cause, found.kind)
            found.told, found.folded = True, 0  # the mail says of how many events it tells
            return Raised(found, news=True)
    else:
        room = _room(told, cause, cause.kind) if cause.tell else "own"
    if room != "none":
        return _raise(open_alerts, told, cause, policy, kind=SUMMARY if room == "summary" else cause.kind)
    if (into := _covering(open_alerts, cause) or found) is not None:
        return _fold(into, cause)
    raised = _raise(open_alerts, told, msgspec.structs.replace(cause, tell=False), policy, kind=cause.kind)
    raised.alert.folded = 1
    return raised


def _fold(alert: OpenAlert, cause: Cause) -> Raised:
    if alert.id != cause.same_as:
        alert.events += 1
        alert.folded += 1
    alert.last = max(alert.last, cause.time)
    alert.risk = max(alert.risk, cause.risk)
    alert.level = max(alert.level, cause.level, key=LEVEL_ORDER.__getitem__)
    alert.rules = list(dict.fromkeys([*alert.rules, *cause.rules]))
    return Raised(alert, news=False)


def _raise(
    open_alerts: list[OpenAlert], told: list[ToldMail], cause: Cause, policy: FoldPolicy, *, kind: str
) -> Raised:
    earlier = 0
    for alert in open_alerts:
        # A summary tells of everything before it, and the mail after it of what went into it.
        if cause.tell and (kind == SUMMARY or alert.kind in (kind, SUMMARY)):
            earlier, alert.folded = earlier + alert.folded, 0
    raised = OpenAlert(
        id=alert_id(cause.account, kind, cause.event),
        kind=kind,
        level=cause.level,
        risk=cause.risk,
        first=cause.time,
        last=cause.time,
        rules=list(cause.rules),
        told=cause.tell,
        contexts=list(cause.contexts),
    )
    if cause.tell:
        _tell(told, cause, kind)
    horizon = cause.time - max(policy.same_news, policy.span)
    still = [alert for alert in open_alerts if alert.last > horizon]
    open_alerts[:] = [*still[-(MAX_OPEN - 1) :], raised]
    return Raised(raised, news=cause.tell, earlier=earlier)


def _room(told: Sequence[ToldMail], cause: Cause, kind: str) -> Literal["own", "summary", "none"]:
    """How there is room to tell of ``cause`` by a mail of ``kind``: as it is, as the day's summary, or not at all."""
    if kind in EACH_TOLD:
        return "own"
    today = [mail for mail in told if abs(cause.time - mail.time) < DAY]
    if LEVEL_ORDER[cause.level] > max((LEVEL_ORDER[mail.level] for mail in today), default=-1):
        return "own"
    if len(today) >= MAILS_A_DAY:
        return "none"
    kind = SUMMARY if len(today) == MAILS_A_DAY - 1 else kind
    for mail in today:
        hour = mail.kind == kind and abs(cause.time - mail.time) < HOUR
        if hour and LEVEL_ORDER[cause.level] <= LEVEL_ORDER[mail.level]:
            return "none"
    return "summary" if kind == SUMMARY else "own"


def _tell(told: list[ToldMail], cause: Cause, kind: str) -> None:
    """Remember a mail."""
    known = sorted([*told, ToldMail(cause.time, kind, cause.level)], key=lambda mail: mail.time)
    horizon = known[-1].time - _REMEMBERED
    told[:] = [mail for mail in known if mail.time > horizon][-MAX_TOLD:]


def _covering(open_alerts: Sequence[OpenAlert], cause: Cause) -> OpenAlert | None:
    """The summary of the day that ``cause`` belongs to."""
    for alert in reversed(open_alerts):
        if alert.kind == SUMMARY and alert.told and abs(cause.time - alert.first) < DAY:
            return alert
    return None


def _find(open_alerts: Sequence[OpenAlert], cause: Cause, policy: FoldPolicy) -> OpenAlert | None:
    for alert in reversed(open_alerts):
        if cause.same_as is not None and alert.id == cause.same_as:
            return alert
    for alert in reversed(open_alerts):
        if alert.kind != cause.kind:
            continue
        apart = cause.time - alert.first
        if alert.kind in EACH_TOLD:
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
