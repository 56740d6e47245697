"""The figures of quality as a table, beside what they should be."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sentinel.simulation.attacks import CAMPAIGNS, INTRUDERS
from sentinel.simulation.measure import Figures

#: What is aimed at (issue "All detectors", done when 3): per 1,000 successful logins, at most.
CHALLENGES, MAILS, OTHER_MAILS = 3.0, 20.0, 2.0
#: Mails to people per 1,000 of their logins, whoever caused them, and to one account within 24 hours, at most (issue
#: "Alerts people trust", done when 5).
ALL_MAILS, MAILS_A_DAY = 8.0, 3
#: Per cent of attackers who know the password, challenged before they have what they want, at least.
CHALLENGED: Final = {"naive": 90.0, "vpn": 70.0, "targeted": 40.0, "stolen_session": 60.0}


class Line(NamedTuple):
    """One figure: what it is, what it came to, what is aimed at, whether that is met."""

    name: str
    value: str
    aim: str
    met: bool


def lines(quiet: Figures, attacked: Figures) -> Iterator[Line]:
    """The figures of the run without attackers and of the one with them."""
    for friction, where in ((quiet.friction, ""), (attacked.friction, ", with attackers about")):
        figure = friction.challenges_per_1000
        yield Line(f"challenges per 1,000 logins{where}", f"{figure:.2f}", f"≤ {CHALLENGES:g}", figure <= CHALLENGES)
        figure = friction.mails_per_1000
        yield Line(f"mails per 1,000 logins{where}", f"{figure:.2f}", f"≤ {MAILS:g}", figure <= MAILS)
        figure = friction.others_per_1000
        name = f"  of them not owed{where}"
        yield Line(name, f"{figure:.2f}", f"≤ {OTHER_MAILS:g}", figure <= OTHER_MAILS)
    mails = attacked.mails
    name = "all mails to people per 1,000 logins, about attackers included"
    yield Line(name, f"{mails.per_1000:.2f}", f"< {ALL_MAILS:g}", mails.per_1000 < ALL_MAILS)
    kinds = ", ".join(f"{number} {kind}" for kind, number in mails.most_of.most_common())
    told = f"{mails.most}" + (f" ({kinds})" if kinds else "")
    yield Line("most mails to one account in 24 hours", told, f"≤ {MAILS_A_DAY}", mails.most <= MAILS_A_DAY)
    for kind in INTRUDERS:
        found = attacked.outcomes.of(kind)
        if found:
            figure = attacked.outcomes.challenged(kind)
            steps = Counter(each.stopped for each in found)
            mailed = sum(each.mailed and each.stopped is None for each in found)
            where = (
                f"at the door {steps['in']}, later {steps['try']}, at the goal {steps['goal']}; only mailed {mailed}"
            )
            told = f"{figure:.0f} % of {len(found)} ({where})"
            yield Line(f"challenged: {kind}", told, f"≥ {CHALLENGED[kind]:.0f} %", figure >= CHALLENGED[kind])
    for kind in CAMPAIGNS:
        found = attacked.outcomes.of(kind)
        if found:
            number = sum(each.found for each in found)
            tries = sorted(each.tries for each in found if each.found)
            lost, after = sum(each.lost for each in found), sum(each.lost_after for each in found)
            right = sum(each.right for each in found)
            told = f"{number} of {len(found)}" + (f", after {tries[len(tries) // 2]} tries" if tries else "")
            told += f"; right {right} times, lost {lost} before, {after} after"
            yield Line(f"found: {kind}", told, "all", number == len(found))


def causes(figures: Figures) -> list[tuple[str, int, int, int, int]]:
    """Rule → how often it held for people, and how often it was among the causes of a challenge, of a mail that was not
    owed, of an alert to operators; the loudest first.
    """
    friction = figures.friction
    shares = [_by_rule(counted) for counted in (friction.challenges_by, friction.others_by, friction.operator_by)]
    challenges, others, operators = shares
    rows = [(rule, held, challenges[rule], others[rule], operators[rule]) for rule, held in friction.fired.items()]
    return sorted(rows, key=lambda row: (-sum(row[2:]), -row[1], row[0]))


def as_json(quiet: Figures, attacked: Figures, about: dict[str, Any]) -> dict[str, Any]:
    """Everything for machines: figures, causes, examples, attacks."""
    found: dict[str, Any] = {"about": about, "figures": [line._asdict() for line in lines(quiet, attacked)]}
    for name, figures in (("quiet", quiet), ("attacked", attacked)):
        friction = figures.friction
        found[name] = {
            "events": figures.events,
            "logins": friction.logins,
            "challenges": friction.challenges,
            "challenged_tries": friction.challenged_tries,
            "mails": {"new": friction.owed_new, "changes": friction.owed_changes, "others": friction.others},
            "owed": {"new": friction.new, "changes": friction.changes},
            "operator_alerts": friction.operator_alerts,
            "challenges_by": dict(friction.challenges_by.most_common()),
            "tries_by": dict(friction.tries_by.most_common()),
            "others_by": dict(friction.others_by.most_common()),
            "operator_by": dict(friction.operator_by.most_common()),
            "fired": dict(friction.fired.most_common()),
            "examples": friction.examples,
        }
    found["missed"] = {kind: dict(attacked.outcomes.missed(kind).most_common()) for kind in INTRUDERS}
    found["attacks"] = attacked.outcomes.episodes
    return found


def _by_rule(causes: Counter[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for names, number in causes.items():
        for name in names.split(" + "):
            found[name] += number
    return found
