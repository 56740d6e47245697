"""The tables of an evaluation, from scored logins. Pure.

Scores are compared over the logins that all of them have (:mod:`sentinel.evaluation.compared`). What people meet
(challenges, mails) is counted over all of their logins.
"""

from collections.abc import Sequence
from math import inf
from typing import Final

import msgspec

from sentinel.evaluation.answers import Answers
from sentinel.evaluation.calibration import Calibration, calibrate
from sentinel.evaluation.compared import Compared, compared
from sentinel.evaluation.curves import (
    Share,
    cut_bothering,
    exceeded,
    pr_auc,
    reached,
    roc_auc,
    share,
)
from sentinel.evaluation.prices import Price, prices
from sentinel.evaluation.rows import LEGITIMATE
from sentinel.evaluation.scores import Run
from sentinel.scoring import Thresholds

#: Risks at which the share caught is told: levels and default thresholds (CONTRACT §2).
RISKS: Final = (30.0, 40.0, 60.0, 85.0, 90.0)
#: People's logins challenged, of 1,000, at the one threshold for all kinds of attackers.
CHALLENGES: Final = 3.0


class Separation(msgspec.Struct, frozen=True):
    """How well a score tells one kind of attacker from people, at all thresholds at once."""

    kind: str
    score: str
    attackers: int
    roc_auc: float | None
    pr_auc: float | None


class Caught(msgspec.Struct, frozen=True):
    """Attackers of a kind at or above a risk, and what ``score`` catches when it bothers no more people than that.

    The risk is that of the first score there is: combined, or the rules'. ``bothered``: people's logins at or above it;
    the same allowance for every score.
    """

    kind: str
    risk: float
    bothered: int
    score: str
    caught: Share


class OneForAll(msgspec.Struct, frozen=True):
    """One threshold for all kinds: what a score catches while it challenges no more than so many of people's logins.

    ``above``: what is strictly above this is challenged; ``None``: everything may be. ``people``: those it challenges.
    """

    score: str
    above: float | None
    people: Share | None
    caught: dict[str, Share]


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

    ``scores``: those there are. ``compared``: people's logins with a past; ``strangers``: attackers' on accounts
    without one, which are left out; ``left_out``: score → logins it said nothing of, over which none is compared.
    ``unplaced``: people's logins at which some kinds of attackers could not be made. ``answers``: of stored history,
    whose only other labels are those of attackers put into it.
    """

    scores: tuple[str, ...]
    events: int
    repeated: int
    failed: int
    compared: int
    strangers: int
    left_out: dict[str, int]
    unplaced: int
    attackers: dict[str, int]
    sessions: list[str]
    challenges: float
    friction: Friction
    separation: list[Separation]
    caught: list[Caught]
    one_for_all: list[OneForAll]
    prices: list[Price]
    calibration: Calibration | None
    answers: Answers | None = None


def report_of(
    run: Run,
    thresholds: Thresholds,
    answers: Answers | None = None,
    *,
    challenges: float = CHALLENGES,
    prior: float | None = None,
) -> Report:
    """All tables. ``challenges``: of 1,000 logins, at the one threshold for all. ``prior``: see :func:`calibrate`."""
    over = compared(run.rows)
    return Report(
        scores=over.names,
        events=run.events,
        repeated=run.repeated,
        failed=len(run.failed),
        compared=len(over.people),
        strangers=over.strangers,
        left_out=over.left_out,
        unplaced=run.unplaced,
        attackers={kind: over.number(kind) for kind in over.kinds},
        sessions=sorted(over.sessions),
        challenges=challenges,
        friction=friction_of(run, thresholds),
        separation=separation(over),
        caught=caught_at(over),
        one_for_all=one_for_all(over, challenges),
        prices=prices(over),
        calibration=calibrate(over, prior),
        answers=answers,
    )


def friction_of(run: Run, thresholds: Thresholds) -> Friction:
    """What people meet."""
    rows = run.rows
    logins = [number for number, label in enumerate(rows.labels) if rows.kinds[label] == LEGITIMATE]
    combined, rules = rows.scores["combined"], rows.scores["rules"]
    # Where the impostor model abstains, the rules decide alone.
    risks = sorted(rules[number] if combined[number] != combined[number] else combined[number] for number in logins)

    def over(risk: float) -> Share | None:
        return share(reached(risks, risk), len(logins))

    return Friction(
        logins=len(logins),
        accounts=len({rows.accounts[number] for number in logins}),
        thresholds={name: getattr(thresholds, name) for name in ("notify", "challenge", "block")},
        notified=over(thresholds.notify),
        challenged=over(thresholds.challenge),
        blocked=over(thresholds.block),
        other_challenges=len(run.other_challenges),
        mails=len(run.mails),
        mails_per_1000=1000 * len(run.mails) / len(logins) if logins else None,
    )


def separation(over: Compared) -> list[Separation]:
    """Areas under the curves, by kind and score; a session is no login, so it is not compared with logins."""
    found = []
    for kind, scores in over.kinds.items():
        if kind in over.sessions:
            continue
        for name, theirs in scores.items():
            ours = over.ours[name]
            found.append(Separation(kind, name, len(theirs), roc_auc(theirs, ours), pr_auc(theirs, ours)))
    return found


def caught_at(over: Compared, risks: Sequence[float] = RISKS) -> list[Caught]:
    """What each kind meets at each risk, and what another score catches that bothers no more people."""
    found = []
    for kind, scores in over.kinds.items():
        for risk in risks:
            bothered = reached(over.ours[over.names[0]], risk)
            for name, theirs in scores.items():
                if name == over.names[0]:
                    caught = reached(theirs, risk)
                else:
                    caught = exceeded(theirs, cut_bothering(over.ours[name], bothered))
                told = share(caught, len(theirs))
                assert told is not None  # a kind has attackers
                found.append(Caught(kind, risk, bothered, name, told))
    return found


def one_for_all(over: Compared, challenges: float) -> list[OneForAll]:
    """What each score catches of each kind while it challenges ``challenges`` of 1,000 of people's logins at most."""
    if not over.people or not over.kinds:
        return []
    found = []
    for name, ours in over.ours.items():
        cut = cut_bothering(ours, int(challenges * len(ours) / 1000))
        caught = {kind: share(exceeded(scores[name], cut), len(scores[name])) for kind, scores in over.kinds.items()}
        told = {kind: each for kind, each in caught.items() if each is not None}
        found.append(OneForAll(name, cut if cut > -inf else None, share(exceeded(ours, cut), len(ours)), told))
    return found
