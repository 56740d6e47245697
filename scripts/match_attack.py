"""Somebody has the whole database and no keys, and a list of everybody: how often are people matched to rows?

`python scripts/match_attack.py`. Simulates people for two months through the real pipeline, copies the store with its
write-ahead log as a thief would, and attacks the copy with all that stands in the clear: order, days, types, sizes,
row ids, names and times of windows, alerts and mails, and what was written together. The thief knows of every person
where they live, their networks, their browsers, their hours, and to the second each login of the last 14 days. Prints
a table, for docs/privacy-attack.md.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from match_attack_figure import Guess
from match_attack_guess import guesses
from match_attack_made import Made, make
from match_attack_seen import see
from rich.console import Console
from rich.table import Table

from sentinel.simulation.attacks import KINDS
from sentinel.simulation.traffic import Wish


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    wish = Wish(
        accounts=options.accounts, days=options.days, seed=options.seed, attackers=KINDS, quiet_days=20, intruders=10,
        campaigns=1,
    )  # fmt: skip
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sentinel-attack-") as name:
        made = asyncio.run(make(Path(name), wish))
        found = guesses(see(Path(name, "stolen")), made.known, made.truth)
    show(made, found, time.monotonic() - began)


def show(made: Made, found: list[Guess], took: float) -> None:
    """The table on standard output."""
    console = Console(width=118)
    sizes = ", ".join(f"{name} {size:,}" for name, size in made.sizes.items())
    console.print(f"{len(made.known):,} people, {made.events:,} events, {took:.0f} s. Bytes: {sizes}.")
    table = Table("attack", "tries", "right", "95 %", "chance", box=None, pad_edge=False)
    for each in found:
        low, high = each.interval
        table.add_row(
            each.name, f"{each.tries:,}", f"{each.share:.1%}", f"{low:.1%} to {high:.1%}", f"{each.chance:.1%}"
        )
    console.print(table)


if __name__ == "__main__":
    main()
