"""The tables of an evaluation, from scored logins. Pure.

Scores are compared over the logins that all of them have: a first login has no past to be compared with, so it is left
out, for people and attackers alike. What people meet (challenges, mails) is counted over all of their logins.
"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Final

import msgspec

from sentinel.evaluation.curves import (
    Share,
    cut_bothering,
    exceeded,
    pr_auc,
    reached,
    roc_auc,
    share,
    threshold_at,
)
from sentinel.evaluation.history import Answers
from sentinel.evaluation.scores import NAMES, Run, Scored
from sentinel.scoring import Thresholds

#: Risks at which the share caught is told: levels and default thresholds (CONTRACT §2).
RISKS: Final = (30.0, 40.0, 60.0, 85.0, 90.0)
#: Shares of attackers caught, and numbers of logins, of the published tables (Wiefling et al. 2021, 2022).
RATES: Final = (0.98, 0.99, 0.995, 0.999)
SPANS: Final = (12, 39)


class Separation(msgspec.Struct, frozen=True):
    """How well a score tells one kind of attacker from people, at all thresholds at once."""

    kind: str
    score: str
    attackers: int
    roc_auc: float | None
    pr_auc: float | None


class Caught(msgspec.Struct, frozen=True):
    """Attackers of a kind at or above a risk, and what ``score`` catches when it bothers no more people than that.

    ``bothered``: people's logins at or above the risk; the same allowance for every score.
    """

    kind: str
    risk: float
    bothered: int
    score: str
    caught: Share


class Price(msgspec.Struct, frozen=True):
    """What catching ``rate`` of a kind of attackers costs people.

    ``threshold``: the highest that so many attackers reach; a person's login at or above it is a re-authentication.
    ``per_1000``: of people's logins. ``within``: numbers of logins → median over the accounts with so many of the
    re-authentications among their first ones; ``None`` where no account has so many. ``accounts``: how many have.
    """

    kind: str
    rate: float
    score: str
    threshold: float
    per_1000: float
    within: dict[int, float | None]
    accounts: dict[int, int]


class Friction(msgspec.Struct, frozen=True):
    """What people meet at the thresholds that are configured, over all their logins.

    ``notified``, ``challenged``, ``blocked``: logins whose risk is at or above each. ``other_challenges``: on what they
    did beside logging in. ``mails_per_1000``: mails to people about anything they did, per 1,000 logins.
    """

    logins: int
    accounts: int
    thresholds: dict[str, float]
    notified: Share | None
    challenged: Share | None
    blocked: Share | None
    other_challenges: int
    mails: int
    mails_per_1000: float | None


class Report(msgspec.Struct, frozen=True):
    """Everything that an evaluation says.

    ``compared``: people's logins with a past; ``strangers``: attackers' on accounts without one, which are left out.
    ``answers``: of stored history, which has no other labels.
    """

    events: int
    repeated: int
    failed: int
    compared: int
    strangers: int
    attackers: dict[str, int]
    sessions: list[str]
    friction: Friction
    separation: list[Separation]
    caught: list[Caught]
    prices: list[Price]
    answers: Answers | None = None


class Compared(msgspec.Struct, frozen=True):
    """Logins that all scores have: people's, and attackers' by kind.

    ``sessions``: kinds of which there are only sessions, no logins.
    """

    people: list[Scored]
    kinds: dict[str, list[Scored]]
    sessions: frozenset[str]

    def of(self, kind: str, score: int) -> list[float]:
        """One score of the attackers of a kind."""
        return column(self.kinds[kind], score)


def compared(rows: Sequence[Scored]) -> Compared:
    """What scores can be compared over."""
    people: list[Scored] = []
    logins: dict[str, list[Scored]] = defaultdict(list)
    sessions: dict[str, list[Scored]] = defaultdict(list)
    for row in rows:
        if None in row.scores:
            continue
        if row.legitimate:
            people.append(row)
        else:
            (logins if row.type == "login" else sessions)[row.label].append(row)
    only = sessions.keys() - logins.keys()
    kinds = logins | {kind: sessions[kind] for kind in only}
    return Compared(people, dict(sorted(kinds.items())), frozenset(only))


def column(rows: Sequence[Scored], score: int) -> list[float]:
    """One score of all rows that have it."""
    return [found for row in rows if (found := row.scores[score]) is not None]


def report_of(run: Run, thresholds: Thresholds, answers: Answers | None = None) -> Report:
    """All tables."""
    over = compared(run.rows)
    return Report(
        events=run.events,
        repeated=run.repeated,
        failed=run.failed,
        compared=len(over.people),
        strangers=sum(not row.legitimate and None in row.scores for row in run.rows),
        attackers={kind: len(rows) for kind, rows in over.kinds.items()},
        sessions=sorted(over.sessions),
        friction=friction_of(run, thresholds),
        separation=separation(over),
        caught=caught_at(over),
        prices=prices(over),
        answers=answers,
    )


def friction_of(run: Run, thresholds: Thresholds) -> Friction:
    """What people meet."""
    logins = [row for row in run.rows if row.legitimate]
    risks = sorted(column(logins, 0))

    def over(risk: float) -> Share | None:
        return share(reached(risks, risk), len(logins))

    return Friction(
        logins=len(logins),
        accounts=len({row.account for row in logins}),
        thresholds={name: getattr(thresholds, name) for name in ("notify", "challenge", "block")},
        notified=over(thresholds.notify),
        challenged=over(thresholds.challenge),
        blocked=over(thresholds.block),
        other_challenges=run.other_challenges,
        mails=run.mails,
        mails_per_1000=1000 * run.mails / len(logins) if logins else None,
    )


def separation(over: Compared) -> list[Separation]:
    """Areas under the curves, by kind and score; a session is no login, so it is not compared with logins."""
    found = []
    for kind in over.kinds:
        if kind in over.sessions:
            continue
        for number, name in enumerate(NAMES):
            theirs, ours = over.of(kind, number), column(over.people, number)
            found.append(Separation(kind, name, len(theirs), roc_auc(theirs, ours), pr_auc(theirs, ours)))
    return found


def caught_at(over: Compared, risks: Sequence[float] = RISKS) -> list[Caught]:
    """The share caught at each risk, and by the other scores at the same number of people bothered."""
    ours = [column(over.people, number) for number in range(len(NAMES))]
    first = sorted(ours[0])
    found = []
    for kind in over.kinds:
        for risk in risks:
            bothered = reached(first, risk)
            for number, name in enumerate(NAMES):
                theirs = sorted(over.of(kind, number))
                if number == 0:
                    caught = reached(theirs, risk)
                else:
                    caught = exceeded(theirs, cut_bothering(ours[number], bothered))
                told = share(caught, len(theirs))
                assert told is not None  # a kind has attackers
                found.append(Caught(kind, risk, bothered, name, told))
    return found


def prices(over: Compared, rates: Sequence[float] = RATES, spans: Sequence[int] = SPANS) -> list[Price]:
    """What catching nearly all costs people, by kind, rate and score."""
    if not over.people:
        return []
    found = []
    for kind in over.kinds:
        if kind in over.sessions:
            continue
        for rate in rates:
            for number, name in enumerate(NAMES):
                threshold = threshold_at(over.of(kind, number), rate)
                assert threshold is not None  # likewise
                again = reached(sorted(column(over.people, number)), threshold)
                counts = {span: asked_again(over.people, number, threshold, span) for span in spans}
                within = {span: median(each) if each else None for span, each in counts.items()}
                accounts = {span: len(each) for span, each in counts.items()}
                per_1000 = 1000 * again / len(over.people)
                found.append(Price(kind, rate, name, threshold, per_1000, within, accounts))
    return found


def asked_again(people: Sequence[Scored], score: int, threshold: float, span: int) -> list[int]:
    """Of each account with at least ``span`` legitimate logins: re-authentications among its first ``span``.

    The first login of all is none: there is nothing to compare it with (the published code leaves it out too).
    """
    counts: dict[str, int] = defaultdict(int)
    longest: dict[str, int] = defaultdict(int)
    for row in people:
        longest[row.account] = max(longest[row.account], row.earlier + 1)
        found = row.scores[score]
        if row.earlier < span and found is not None and found >= threshold:
            counts[row.account] += 1
    return [counts[account] for account, logins in longest.items() if logins >= span]
