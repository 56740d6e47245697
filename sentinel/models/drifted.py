"""What counts of days say: how far logins moved from those that a model learned from, and whether to speak of it."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sentinel.models.drift import LEAST, MOVING, SCORE, SHIFTED, Binned, Moved, Reference, moved
from sentinel.models.features import FEATURES

#: The days that are looked at together: on a Sunday other people come than on a Monday.
WEEK: Final = 7
#: Of these so many must have logins: before, the weekend weighs too much. Some services have logins on five days only.
_WHOLE: Final = 5
#: Of so many days …
_RECENT: Final = 3
#: … so many must have moved, so that one odd day is none.
_OF_RECENT: Final = 2
#: How many features are named.
TOLD: Final = 3

#: Features that move while nobody does anything else: what is counted over an account's whole past gets smaller with
#: each login, what is common changes with every account, accounts get older, and agent strings with each release of a
#: browser; a method's ratio has few values, which a small change of shares moves over an edge together. So it is in
#: simulated traffic where nothing happens. They are told, and nothing is concluded from them.
_UNSTEADY: Final = frozenset(
    each.name
    for each in FEATURES
    if each.name.endswith(("_novelty", "_common"))
    or each.group == "past"
    or each.name in ("agent_share", "agent_log_ratio", "method_log_ratio")
)
_MEANING: Final = {each.name: each.meaning.rstrip(".") for each in FEATURES}


class DayCount(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of one model on a UTC day: how many of the logins looked at, one in 2 ** ``shift`` of all, fell
    into each bin."""

    day: int
    shift: int
    counts: Sequence[int]


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a model, a feature or its score, over a span of days."""

    name: str
    moved: Moved

    @property
    def steady(self) -> bool:
        """Whether it stays where it is while people stay as they are."""
        return self.name not in _UNSTEADY


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A day or several, with the ``logins`` looked at on ``days`` of them; ``drifted`` is empty where those are too few
    to say anything."""

    days: int
    logins: int
    drifted: tuple[Drifted, ...] = ()

    def beyond(self, name: str) -> float:
        """How far a number moved beyond what chance does."""
        return next((each.moved.beyond for each in self.drifted if each.name == name), 0.0)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The drift of one model up to a day: each day with logins, oldest first; the last :data:`WEEK` days together;
    ``shifted``, what an operator should hear of, with how far it moved, the furthest first."""

    days: dict[int, Span]
    week: Span
    shifted: tuple[tuple[str, float], ...]

    @property
    def enough(self) -> bool:
        """Whether there were logins enough to say that nothing shifted."""
        return bool(self.week.drifted) and self.week.days >= _WHOLE


def report(reference: Reference, names: Sequence[str], counted: Sequence[DayCount], last: int) -> Report:
    """Hold days up to ``last`` (UTC) against what a model learned from. ``names``: its features, in order.

    Something shifted when PSI, without what is chance, is above :data:`SHIFTED` over the week; or on two of the last
    three days, and above :data:`MOVING` over the week, so that a weekend is none.
    """
    past = [each for each in counted if each.day <= last]
    days = {each.day: _span(reference, names, [each]) for each in sorted(past, key=lambda each: each.day)}
    week = _span(reference, names, [each for each in past if each.day > last - WEEK])
    shifted = []
    found = Report(days=days, week=week, shifted=())
    if not found.enough:
        return found
    for drifted in week.drifted:
        name, over = drifted.name, drifted.moved.beyond
        recent = [days[day].beyond(name) for day in range(last - _RECENT + 1, last + 1) if day in days]
        sudden = over > MOVING and sum(each > SHIFTED for each in recent) >= _OF_RECENT
        if drifted.steady and (over > SHIFTED or sudden):
            shifted.append((name, max(over, *recent)))
    shifted.sort(key=lambda each: -each[1])
    return msgspec.structs.replace(found, shifted=tuple(shifted))


def in_words(name: str) -> str:
    """What a number of a model is."""
    return "what the model says of them (score)" if name == SCORE else f"{_MEANING.get(name, name)} ({name})"


def told(shifted: Sequence[tuple[str, float]]) -> str:
    """The numbers that moved most, in words, with PSI."""
    most = "; ".join(f"{in_words(name)} {far:.2f}" for name, far in shifted[:TOLD])
    more = len(shifted) - TOLD
    return f"{most}; and {more} more" if more > 0 else most


def _span(reference: Reference, names: Sequence[str], days: Sequence[DayCount]) -> Span:
    binned = Binned(reference)
    # Each login is in one bin of the score, as of any feature. On the day it came in force, a model saw a part of them.
    logins = sum(sum(binned.parts(each.counts)[-1]) for each in days)
    if logins < LEAST:
        return Span(days=len(days), logins=logins)
    # A day of which one login in two was looked at had twice as many.
    summed = [float(sum(column)) for column in zip(*(_weighted(each) for each in days), strict=True)]
    found = []
    for name, bins, counts in zip((*names, SCORE), reference.bins, binned.parts(summed), strict=True):
        learned = reference.scored if name == SCORE else reference.logins
        found.append(Drifted(name=name, moved=moved(bins, counts, logins=logins, learned=learned)))
    return Span(days=len(days), logins=logins, drifted=tuple(found))


def _weighted(day: DayCount) -> list[int]:
    return [count << day.shift for count in day.counts]
