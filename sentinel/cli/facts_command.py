"""`sentinel facts`: what rules can read."""

import click

from sentinel.cli.context import json_option, print_json
from sentinel.facts import FACTS


@click.command("facts")
@json_option
def command(as_json: bool) -> int:
    """List every fact a rule can read: name, type, meaning.

    \b
    Example:
      sentinel facts
    """
    facts = sorted(FACTS.values(), key=lambda fact: fact.name)
    if as_json:
        print_json(
            [
                {"name": fact.name, "type": fact.type, "meaning": fact.meaning, "keyed": fact.keyed,
                 "past": fact.past, "judged": fact.judged}
                for fact in facts
            ]
        )  # fmt: skip
        return 0
    width = max(len(fact.name) for fact in facts)
    for fact in facts:
        click.echo(f"{fact.name:<{width}}  {fact.type:<12}  {fact.meaning}")
    return 0
