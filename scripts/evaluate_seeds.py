"""The worst of several seeds: simulates traffic with attackers, trains where there is something to train, evaluates.

`python scripts/evaluate_seeds.py`. Each seed is another service with other people. Judged is everything, counted are
the last logins, of accounts that training leaves out; attackers come only then. Prints for each figure the worst
seed's, and which that was.

What is trained comes in by name: `--train MODULE:FUNCTION`, called as :data:`Train` says;
`sentinel.training.on_events:train` does what `sentinel train` does. `--baseline` asks the models that come with the
product instead, which learned from other seeds. Without either, the rules are compared with the reference alone.
"""

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from sentinel.evaluation.labelled import Labelled
from sentinel.evaluation.tables import Report, report_of
from sentinel.events.event import convert_event
from sentinel.facts.look import Scorer
from sentinel.pipeline.holdout import Part, held_out
from sentinel.pipeline.item import TenantSettings
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.attacks import INTRUDERS
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate

#: Given events to learn from (without labels, before the hold-out, of accounts that are not held out) and a folder with
#: the unpacked address data: the models.
Train = Callable[[Iterable[dict[str, Any]], Path], Scorer]
BASELINE = "sentinel.training.on_events:baseline"


class Task(msgspec.Struct, frozen=True):
    """One seed, for a process of its own."""

    wish: Wish
    state: Path
    train: str | None
    hold_out: float
    accounts: int
    without: tuple[str, ...]
    challenges: float
    answered: bool


def main() -> int:
    options = arguments()
    console = Console(stderr=True)
    seeds = list(range(options.first_seed, options.first_seed + options.seeds))
    with tempfile.TemporaryDirectory(prefix="sentinel-evaluate-") as name:
        state = options.state or Path(name)
        console.print("reading the address data", style="dim")
        Addresses.load(state)
        tasks = [
            Task(
                Wish(
                    accounts=options.people, days=options.days, seed=seed, attackers=tuple(INTRUDERS),
                    intruders=options.intruders, quiet_days=int(options.days * (1 - options.hold_out)),
                ),
                state, options.train, options.hold_out, options.accounts, tuple(options.without), options.challenges,
                options.answered,
            )
            for seed in seeds
        ]  # fmt: skip
        found: dict[int, Report] = {}
        with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
            for seed, report in zip(seeds, pool.map(evaluate, tasks), strict=True):
                found[seed] = report
                console.print(f"seed {seed}: {report.compared:,} logins compared, {report.attackers}", style="dim")
    figures = {seed: dict(figures_of(report)) for seed, report in found.items()}
    show(figures, len(seeds))
    if options.out is not None:
        options.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5, help="how many (default 5)")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--intruders", type=int, default=150, help="attackers of each kind (default 150)")
    parser.add_argument("--hold-out", type=float, default=0.4, help="share of the days that counts (default 0.4)")
    parser.add_argument("--accounts", type=int, default=2, help="one in so many accounts counts (default 2)")
    parser.add_argument("--without", type=lambda text: text.split(","), default=[], help="fields, as device_id,rtt_ms")
    parser.add_argument("--challenges", type=float, default=3.0, help="of 1,000 logins, at the one threshold for all")
    parser.add_argument("--answered", action="store_true", help="people who are challenged prove who they are")
    models = parser.add_mutually_exclusive_group()
    models.add_argument("--train", metavar="MODULE:FUNCTION", help="what makes the models; see Train")
    models.add_argument(
        "--baseline", dest="train", action="store_const", const=BASELINE, help="the models that come with the product"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--state", type=Path, help="keep the unpacked address data here (default: a temporary folder)")
    parser.add_argument("--out", type=Path, help="write all figures of all seeds here, as JSON")
    return parser.parse_args()


def evaluate(task: Task) -> Report:
    """One seed from traffic to report."""
    addresses = Addresses.load(task.state)
    begin = task.wish.start + timedelta(days=task.wish.days * (1 - task.hold_out))
    scorer: Scorer | None = None
    if task.train is not None:
        module, _, function = task.train.partition(":")
        train: Train = getattr(importlib.import_module(module), function)
        scorer = train(past_of(task, addresses, begin.isoformat()), task.state)
    # Rules ask the models, as in the daemon: what they flag does not make itself normal.
    settings = TenantSettings(rules=RuleSet(load_rules([packaged_rules()])), scorer=scorer)
    scoring = Labelled(
        settings, enricher(task.state), "default", scorer, answered=task.answered, part=Part(parts=task.accounts),
        without=task.without,
    )  # fmt: skip
    try:
        for event in simulate(task.wish, addresses):
            scoring.event(convert_event(event))
        run = scoring.run.since(int(begin.timestamp() * 1e6))
    finally:
        scoring.close()
    return report_of(run, settings.thresholds, challenges=task.challenges)


def past_of(task: Task, addresses: Addresses, begin: str) -> Iterator[dict[str, Any]]:
    """What may be learned from: the same traffic before the hold-out, of the accounts that are not held out."""
    for event in simulate(task.wish, addresses):
        if event["time"] >= begin:
            return
        learned = task.accounts == 1 or not held_out(event.get("account", ""), task.accounts)
        if learned:
            yield {name: value for name, value in event.items() if name not in ("label", "extra", *task.without)}


def figures_of(report: Report) -> Iterator[tuple[str, float]]:
    """All figures that are compared between seeds; a name that ends in ``*`` is worse the higher it is."""
    for one in report.one_for_all:
        for kind, caught in one.caught.items():
            yield f"caught at one threshold for all, {kind}, {one.score}", caught.share
    for area in report.separation:
        if area.roc_auc is not None and area.pr_auc is not None:
            yield f"ROC-AUC, {area.kind}, {area.score}", area.roc_auc
            yield f"PR-AUC, {area.kind}, {area.score}", area.pr_auc
    for price in report.prices:
        if price.rate in (0.98, 0.99):
            yield f"asked again per 1,000 at TPR {price.rate}, {price.kind}, {price.score} *", price.per_1000
            for span, within in price.within.items():
                if within is not None:
                    name = f"median asked again of {span} at TPR {price.rate}, {price.kind}, {price.score} *"
                    yield name, within
    if report.friction.challenged is not None:
        yield "challenges per 1,000 logins *", 1000 * report.friction.challenged.share
    if report.friction.mails_per_1000 is not None:
        yield "mails per 1,000 logins *", report.friction.mails_per_1000
    if report.calibration is not None:
        for loss in report.calibration.losses:
            yield f"log-loss, {loss.score} *", loss.log_loss
        for each in report.calibration.bins:
            if each.low >= 0.01 and each.ratio is not None:
                yield f"observed over expected, {each.low:g} to {each.high:g}, off by *", abs(each.ratio - 1)


def show(figures: dict[int, dict[str, float]], seeds: int) -> None:
    """The worst of each figure, the middle one, and the seed."""
    table = Table("figure", f"worst of {seeds}", "median", "seed", box=None, pad_edge=False)
    for name in dict.fromkeys(name for each in figures.values() for name in each):
        values = sorted((each[name], seed) for seed, each in figures.items() if name in each)
        worst = values[-1] if name.endswith("*") else values[0]
        title = name.removesuffix(" *")
        table.add_row(title, f"{worst[0]:.4g}", f"{median(value for value, _ in values):.4g}", str(worst[1]))
    Console(width=None if sys.stdout.isatty() else 132).print(table)


if __name__ == "__main__":
    sys.exit(main())
