"""Two replays of the same history side by side: what a change of the rules gains and loses. Pure."""

from collections.abc import Iterable
from heapq import nlargest
from typing import Final

import msgspec

from sentinel.pipeline.played import DECISIONS, Marks, Played, PlayedAlert

#: Examples told of a change (issue 3).
EXAMPLES: Final = 10
#: Differences that the examples are chosen from, the largest.
_CONSIDERED: Final = 1000


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. ``gained`` and ``lost`` are the alerts it has, or had, a part in; ``accounts`` those they are about.

    ``before`` and ``after`` count the events on which it held.
    """

    rule: str
    before: int
    after: int
    gained: int
    lost: int
    accounts: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """One replay. ``mails`` are those to people, ``operator_mails`` those about campaigns."""

    alerts: int
    decisions: dict[str, int]
    mails: dict[str, int]
    operator_mails: int
    mails_per_1000_logins: float


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """An event of which the two replays say different things: rules that hold now, then, and in both.

    ``event`` is its record's key.
    """

    event: str
    account: str | None
    time: int
    risk: tuple[float, float]
    decision: tuple[str, str]
    gained: list[str]
    lost: list[str]
    both: list[str]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What a change gains and loses."""

    events: int
    logins: int
    before: Totals
    after: Totals
    gained: int
    lost: int
    accounts: int  #: whom the alerts gained and lost are about
    rules: list[RuleChange]
    examples: list[Example]


def compare(before: Played, after: Played, since: int) -> Comparison:
    """``after`` beside ``before``; alerts that began before ``since`` are neither gained nor lost.

    An alert is the same one in both when it is about the same account, of the same kind, and they overlap in time: a
    threshold that is reached an event later raises no new alert.
    """
    gained = _missing(after, before, since)
    lost = _missing(before, after, since)
    held_before, held_after = _held(before), _held(after)
    rules = []
    alerts_before, alerts_after = _by_rule(before), _by_rule(after)
    for rule in sorted(held_before.keys() | held_after.keys()):
        mine_gained = _unmatched(alerts_after.get(rule, []), alerts_before.get(rule, []), since)
        mine_lost = _unmatched(alerts_before.get(rule, []), alerts_after.get(rule, []), since)
        rules.append(
            RuleChange(
                rule=rule,
                before=held_before.get(rule, 0),
                after=held_after.get(rule, 0),
                gained=len(mine_gained),
                lost=len(mine_lost),
                accounts=_accounts([*mine_gained, *mine_lost]),
            )
        )
    return Comparison(
        events=after.events,
        logins=after.logins,
        before=_totals(before),
        after=_totals(after),
        gained=len(gained),
        lost=len(lost),
        accounts=_accounts([*gained, *lost]),
        rules=rules,
        examples=_examples(before, after),
    )


def _totals(played: Played) -> Totals:
    mails = {kind: number for kind, number in sorted(played.mails.items()) if kind != "campaign"}
    return Totals(
        alerts=len(played.alerts),
        decisions=played.decisions,
        mails=mails,
        operator_mails=played.mails.get("campaign", 0),
        mails_per_1000_logins=round(1000 * sum(mails.values()) / played.logins, 2) if played.logins else 0.0,
    )


def _held(played: Played) -> dict[str, int]:
    tally = [0] * len(played.sets)
    for number in played.marks.found:
        tally[number] += 1
    held: dict[str, int] = {}
    for rules, count in zip(played.sets, tally, strict=True):
        for rule in rules:
            held[rule] = held.get(rule, 0) + count
    return held


def _by_rule(played: Played) -> dict[str, list[PlayedAlert]]:
    found: dict[str, list[PlayedAlert]] = {}
    for alert in played.alerts.values():
        for rule in alert.rules:
            found.setdefault(rule, []).append(alert)
    return found


def _missing(mine: Played, other: Played, since: int) -> list[PlayedAlert]:
    return _unmatched(mine.alerts.values(), other.alerts.values(), since)


def _unmatched(mine: Iterable[PlayedAlert], others: Iterable[PlayedAlert], since: int) -> list[PlayedAlert]:
    there: dict[tuple[str, str], list[PlayedAlert]] = {}
    for alert in others:
        there.setdefault(_about(alert), []).append(alert)
    return [
        alert
        for alert in mine
        if alert.first >= since and not any(_same_alert(alert, other) for other in there.get(_about(alert), ()))
    ]


def _same_alert(alert: PlayedAlert, other: PlayedAlert) -> bool:
    """In the same time; of campaigns also with a network in common."""
    if alert.account is None and not set(alert.sources) & set(other.sources):
        return False
    return other.first <= alert.last and alert.first <= other.last


def _about(alert: PlayedAlert) -> tuple[str, str]:
    return f"{alert.tenant} {alert.account or ''}", alert.kind


def _accounts(alerts: Iterable[PlayedAlert]) -> int:
    return len({(alert.tenant, alert.account) for alert in alerts if alert.account is not None})


def _examples(before: Played, after: Played) -> list[Example]:
    """The most telling differences, each of another account as long as there are others, gains and losses in turn."""
    found = nlargest(_CONSIDERED, _differences(before, after), key=_weight)
    first: list[Example] = []
    rest: list[Example] = []
    seen: set[str | None] = set()
    for example in found:
        (rest if example.account in seen else first).append(example)
        seen.add(example.account)
    up = [example for example in first if example.risk[1] >= example.risk[0]]
    down = [example for example in first if example.risk[1] < example.risk[0]]
    half = max(EXAMPLES // 2, EXAMPLES - len(down))
    chosen = up[:half]
    chosen += down[: EXAMPLES - len(chosen)]
    chosen += rest[: EXAMPLES - len(chosen)]
    return sorted(chosen, key=_weight, reverse=True)


def _weight(example: Example) -> tuple[int, float, int]:
    steps = abs(DECISIONS.index(example.decision[0]) - DECISIONS.index(example.decision[1]))
    return steps, abs(example.risk[0] - example.risk[1]), -example.time


def _differences(before: Played, after: Played) -> Iterable[Example]:
    places = {key: at for at, key in enumerate(before.marks.keys)}
    for at, key in enumerate(after.marks.keys):
        other = places.pop(key, None)
        if other is not None and _same(before, other, after, at):
            continue
        yield _example(before, other, after, at)
    for other in places.values():
        yield _example(before, other, after, None)


def _same(before: Played, other: int, after: Played, at: int) -> bool:
    return (
        before.marks.risks[other] == after.marks.risks[at]
        and before.marks.decisions[other] == after.marks.decisions[at]
        and before.sets[before.marks.found[other]] == after.sets[after.marks.found[at]]
    )


def _example(before: Played, other: int | None, after: Played, at: int | None) -> Example:
    def side(played: Played, place: int | None) -> tuple[float, str, tuple[str, ...]]:
        if place is None:
            return 0.0, DECISIONS[0], ()
        marks: Marks = played.marks
        return marks.risks[place], DECISIONS[marks.decisions[place]], played.sets[marks.found[place]]

    was, now = side(before, other), side(after, at)
    marks, place = (after.marks, at) if at is not None else (before.marks, other)
    assert place is not None
    return Example(
        event=marks.keys[place],
        account=marks.accounts[place],
        time=marks.times[place],
        risk=(was[0], now[0]),
        decision=(was[1], now[1]),
        gained=[rule for rule in now[2] if rule not in was[2]],
        lost=[rule for rule in was[2] if rule not in now[2]],
        both=[rule for rule in now[2] if rule in was[2]],
    )
