"""The report of `sentinel evaluate` for people; the meaning of every figure stands in docs/evaluate.md."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from sentinel.evaluation.calibration import CONSTANT, PROBABILITY, Calibration
from sentinel.evaluation.curves import Share
from sentinel.evaluation.prices import RATES, SPANS, Price
from sentinel.evaluation.rows import ANY_ATTACK
from sentinel.evaluation.tables import RISKS, Report


def print_report(report: Report, console: Console) -> None:
    """Tables, with what they are about said before each."""
    friction = report.friction
    console.print(
        f"{report.events:,} events judged. {friction.logins:,} logins of {friction.accounts:,} people count; "
        f"{report.compared:,} of them have a past to be compared with."
    )
    if report.answers is not None:
        given = report.answers
        console.print(
            f"Answered: {given.compromised:,} events as compromised (below: {ANY_ATTACK}), {given.legitimate:,} as "
            "legitimate. All else is taken for people's, attackers whom nobody noticed too. Other kinds of attackers "
            "were put onto logins of this history."
        )
    if report.unplaced:
        console.print(
            f"{report.unplaced:,} logins of people in countries of which the address data knows too little were "
            "attacked from elsewhere only."
        )
    if report.failed:
        console.print(
            f"{report.failed:,} tries of attackers failed; nobody is let in by those, so they are not scored."
        )
    if report.strangers:
        console.print(f"{report.strangers:,} attackers on accounts without a past are left out.")
    if report.repeated:
        console.print(f"{report.repeated:,} events came twice and count once.")
    for score, number in report.left_out.items():
        console.print(f"{number:,} logins of which {score} says nothing are left out of what is compared.")
    console.print("\n[bold]What people meet[/] at your thresholds, all their logins")
    console.print(_friction(report))
    if not report.attackers:
        console.print("\nNo attacker got as far as a login, so there is nothing to say about attackers.")
        return
    console.print(
        f"\n[bold]One threshold for all[/]: caught while at most {report.challenges:g} of 1,000 logins of people are "
        "challenged"
    )
    console.print(_one_for_all(report))
    console.print(f"\n[bold]Attackers caught[/] at each risk ({report.scores[0]}), and by the others at the same cost")
    console.print(_caught(report))
    console.print(
        "\n[bold]At all thresholds at once[/]: 1 is perfect; by chance ROC is 0.5 and PR the attackers' share"
    )
    console.print(_separation(report))
    console.print(
        "\n[bold]What catching nearly all of them costs people[/]: logins asked again per 1,000, and the median "
        "person's first " + " and ".join(map(str, SPANS)) + " logins"
    )
    console.print(_prices(report))
    if report.calibration is not None:
        _calibration(report.calibration, console)
    for line in _notes(report):
        console.print(line, style="dim")


def _table(*heads: str) -> Table:
    return Table(*heads, box=None, pad_edge=False)


def _friction(report: Report) -> Table:
    friction, table = report.friction, _table("", "per 1,000 logins", "95 % interval", "number")
    for name, found in (
        ("notify", friction.notified), ("challenge", friction.challenged), ("block", friction.blocked)
    ):  # fmt: skip
        title = f"risk {friction.thresholds[name]:g} or more ({name})"
        if found is None:
            table.add_row(title, "–", "", "0")
        else:
            span = f"{1000 * found.low:.1f} to {1000 * found.high:.1f}"
            table.add_row(title, f"{1000 * found.share:.2f}", span, str(found.number))
    mails = friction.mails_per_1000
    table.add_row("mails", "–" if mails is None else f"{mails:.2f}", "", str(friction.mails))
    table.add_row("challenges on what is no login", "", "", str(friction.other_challenges))
    return table


def _caught(report: Report) -> Table:
    table = _table("attackers", "", *(f"risk {risk:g}" for risk in RISKS))
    cells = {(each.kind, each.score, each.risk): _percent(each.caught) for each in report.caught}
    bothered = {each.risk: each.bothered for each in report.caught}
    for kind, number in report.attackers.items():
        for score in report.scores:
            title = f"{kind} ({number})" if score == report.scores[0] else ""
            table.add_row(title, score, *(cells[kind, score, risk] for risk in RISKS))
    table.add_row("people's logins at that cost", "", *(str(bothered[risk]) for risk in RISKS), style="dim")
    return table


def _one_for_all(report: Report) -> Table:
    table = _table("", *report.attackers, "people per 1,000", "above")
    for each in report.one_for_all:
        people = "–" if each.people is None else f"{1000 * each.people.share:.2f}"
        above = "–" if each.above is None else f"{each.above:.4g}"
        table.add_row(each.score, *(_percent(each.caught[kind]) for kind in report.attackers), people, above)
    return table


def _calibration(told: Calibration, console: Console) -> None:
    weighed = "as they are here" if told.prior is None else f"attackers weighed to {100 * told.prior:g} % of logins"
    console.print(f"\n[bold]Does the {PROBABILITY} probability mean what it says?[/] {weighed}")
    table = _table("probability", "logins", "attackers", "expected", "observed", "ratio")
    for each in told.bins:
        span = f"{_rate(each.observed)} ({_rate(each.observed_low)}–{_rate(each.observed_high)})"
        ratio = "–" if each.ratio is None else f"{each.ratio:.2f}"
        held = f"{each.low:g} to {each.high:g}"
        table.add_row(held, f"{each.logins:,}", f"{each.attackers:,}", _rate(each.expected), span, ratio)
    console.print(table)
    if not told.losses:
        return
    console.print("\nHow wrong it is on the later half, beside the best curve through each other score on the earlier")
    table = _table("", "log-loss", "Brier")
    for loss in told.losses:
        title = loss.score if loss.score in (CONSTANT, PROBABILITY) else f"{loss.score}, fitted"
        table.add_row(title, f"{loss.log_loss:.5f}", f"{loss.brier:.5f}")
    console.print(table)


def _separation(report: Report) -> Table:
    table = _table("attackers", "", "ROC-AUC", "PR-AUC")
    for each in report.separation:
        title = f"{each.kind} ({each.attackers})" if each.score == report.scores[0] else ""
        table.add_row(title, each.score, _area(each.roc_auc), _area(each.pr_auc))
    return table


def _prices(report: Report) -> Table:
    table = _table("attackers", "", *(f"TPR {rate:g}" for rate in RATES))
    rows: dict[tuple[str, str], list[Price]] = {}
    for each in report.prices:
        rows.setdefault((each.kind, each.score), []).append(each)
    for (kind, score), found in rows.items():
        title = f"{kind} ({report.attackers[kind]})" if score == report.scores[0] else ""
        table.add_row(title, score, *map(_price, found))
    return table


def _notes(report: Report) -> Iterator[str]:
    if report.sessions:
        names = ", ".join(report.sessions)
        yield f"{names}: sessions taken over, scored when first seen; they are no logins, so they have no curve."
    least = min(report.attackers.values())
    if least < 1 / (1 - max(RATES)):
        yield (
            f"TPR {max(RATES):g} needs {round(1 / (1 - max(RATES))):,} attackers of a kind; with fewer it means all. "
            f"The smallest kind has {least}."
        )
    if report.prices:
        first = report.prices[0].accounts
        yield "Medians over people with so many logins: " + ", ".join(
            f"{first[span]:,} with {span}" for span in SPANS
        ) + "."  # fmt: skip


def _price(price: Price) -> str:
    medians = " / ".join("–" if found is None else f"{found:g}" for found in price.within.values())
    return f"{price.per_1000:.1f}; {medians}"


def _percent(found: Share) -> str:
    return f"{100 * found.share:.0f} % ({100 * found.low:.0f}–{100 * found.high:.0f})"


def _rate(found: float) -> str:
    return f"{100 * found:.3g} %"


def _area(found: float | None) -> str:
    return "–" if found is None else f"{found:.4f}"
