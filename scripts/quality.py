"""Measures quality on simulated traffic: people bothered against attackers caught, with the same thresholds.

`make quality`, or `python scripts/quality.py --quick` for a first look. The same people are judged twice, without
attackers and with them, each on a core of its own. Prints the figures beside what is aimed at, and which rules
caused what was not owed; writes quality.json with examples.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sentinel.models.scorer import baseline_scorer
from sentinel.pipeline.item import TenantSettings
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.attacks import INTRUDERS, KINDS
from sentinel.simulation.measure import Figures, enricher, measure
from sentinel.simulation.report import as_json, causes, lines
from sentinel.simulation.traffic import Wish, simulate

#: Eight months, of which the first two let pasts grow and are not counted.
FULL = Wish(accounts=400, days=240, quiet_days=60, intruders=60, campaigns=4)
QUICK = Wish(accounts=80, days=110, quiet_days=40, intruders=15, campaigns=1)
NAMES = ("without attackers", "with attackers")
_clocks: list[Any] = []


def main() -> int:
    options = arguments()
    console = Console(stderr=True)
    wish = msgspec.structs.replace(QUICK if options.quick else FULL, seed=options.seed)
    for name in ("accounts", "days"):
        if getattr(options, name):
            wish = msgspec.structs.replace(wish, **{name: getattr(options, name)})
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sentinel-quality-") as name:
        state = options.state or Path(name)
        console.print("reading the address data", style="dim")
        Addresses.load(state)
        quiet, attacked = run(wish, state, options.rules, console)
    show(wish, quiet, attacked, time.monotonic() - began)
    about = {"accounts": wish.accounts, "days": wish.days, "measured_from_day": wish.quiet_days, "seed": wish.seed}
    options.out.write_bytes(msgspec.json.format(msgspec.json.encode(as_json(quiet, attacked, about)), indent=2) + b"\n")
    return 0 if not options.strict or all(line.met for line in lines(quiet, attacked)) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer people, less time: a first look")
    parser.add_argument("--accounts", type=int)
    parser.add_argument("--days", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rules", type=Path, action="append", default=[], help="a directory over the packaged rules")
    parser.add_argument("--state", type=Path, help="keep the unpacked address data here (default: a temporary folder)")
    parser.add_argument("--out", type=Path, default=Path("quality.json"))
    parser.add_argument("--strict", action="store_true", help="exit 1 when a figure is not what it should be")
    return parser.parse_args()


def run(wish: Wish, state: Path, rules: list[Path], console: Console) -> list[Figures]:
    """Both runs at once, with a bar for each."""
    context = get_context("spawn")
    clocks = [context.Value("q", 0) for _ in NAMES]
    begin, span = wish.start.timestamp() * 1e6, wish.days * 86_400e6
    bar = Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar, ProcessPoolExecutor(len(NAMES), context, initializer=_begin, initargs=(clocks,)) as pool:
        tasks = [bar.add_task(name, total=span) for name in NAMES]
        wishes = (wish, msgspec.structs.replace(wish, attackers=KINDS))
        futures: list[Future[Figures]] = [
            pool.submit(judge, number, each, state, rules) for number, each in enumerate(wishes)
        ]
        while not all(future.done() for future in futures):
            for task, clock in zip(tasks, clocks, strict=True):
                bar.update(task, completed=max(0, clock.value - begin))
            time.sleep(0.2)
        return [future.result() for future in futures]


def _begin(clocks: list["Synchronized[int]"]) -> None:
    _clocks[:] = clocks


def judge(number: int, wish: Wish, state: Path, rules: list[Path]) -> Figures:
    """One run, in a process of its own."""
    clock = _clocks[number]

    def progress(moment: int) -> None:
        clock.value = moment

    settings = TenantSettings(rules=RuleSet(load_rules([packaged_rules(), *rules])), scorer=baseline_scorer())
    start = int((wish.start.timestamp() + wish.quiet_days * 86_400) * 1e6)
    return measure(simulate(wish, Addresses.load(state)), settings, enricher(state), start, progress)


def show(wish: Wish, quiet: Figures, attacked: Figures, took: float) -> None:
    """The report on standard output."""
    console = Console(width=None if sys.stdout.isatty() else 132)
    friction = quiet.friction
    console.print(
        f"{wish.accounts} accounts, {wish.days} days (the first {wish.quiet_days} not counted), seed {wish.seed}: "
        f"{friction.logins:,} logins counted, {quiet.events:,} events judged twice in {took:.0f} s"
    )
    table = Table("figure", "measured", "aim", "", box=None, pad_edge=False)
    for line in lines(quiet, attacked):
        table.add_row(line.name, line.value, line.aim, "[green]yes[/]" if line.met else "[red]no[/]")
    console.print(table)
    console.print(
        f"Owed: {friction.new} devices and countries truly new, {friction.owed_new} told; "
        f"{friction.changes} changes of credentials, {friction.owed_changes} told.\n"
        f"Failed tries of people challenged: {friction.challenged_tries}. "
        f"Alerts to operators: {friction.operator_alerts}."
    )
    table = Table("rule", "held", "challenge", "mail not owed", "operators", box=None, pad_edge=False)
    for rule, *numbers in causes(quiet):
        if any(numbers[1:]):
            table.add_row(rule, *map(str, numbers))
    console.print("\nWhich rules held for normal people, and took part in what was not owed:", table, sep="\n")
    for title, counted in (("challenges", friction.challenges_by), ("mails not owed", friction.others_by)):
        console.print(f"\nThe commonest causes of {title}:")
        for why, number in counted.most_common(8):
            console.print(f"  {number:>5}  {why}")
    console.print("\nAttackers never challenged, and which rules held for them:")
    for kind in INTRUDERS:
        for why, number in attacked.outcomes.missed(kind).most_common(4):
            console.print(f"  {number:>5}  {kind}: {why}")


if __name__ == "__main__":
    sys.exit(main())
