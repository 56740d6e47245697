"""`sentinel rules show`: the rule as it is in force, and where each key comes from."""

from typing import Any

import click
import msgspec

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.build import load_ruleset
from sentinel.daemon.tuning import Tuning
from sentinel.errors import SentinelError
from sentinel.rules.load import RuleFile


@click.command("show")
@click.argument("rule")
@tenant_option("As it is for this tenant.")
@click.option("--service", help="As it is for events of this service.")
@click.option("--tag", "tags", multiple=True, help="As it is for accounts with this tag; repeat it.")
@json_option
@pass_config
def show(context: Context, rule: str, tenant: str, service: str | None, tags: tuple[str, ...], as_json: bool) -> int:
    """Show the effective rule and where each key comes from: packaged file, local file or [[tuning]].

    \b
    Example:
      sentinel rules show impossible_travel
      sentinel rules show new_device --service imap --tag service
    """
    rules = load_ruleset(context.config)
    tuning = Tuning(context.config, rules)
    file = tuning.rule(rule, rules, tenant, service, tags)
    if file is None:
        raise SentinelError(f"there is no rule {rule!r}; `sentinel rules list` shows them")
    exempt = tuning.notes(tenant, file.compiled.rule)
    data: dict[str, Any] = msgspec.to_builtins(file.compiled.rule)
    if as_json:
        print_json(data | {"sources": file.sources, "exempt": exempt})
        return 0
    for note in exempt:
        click.echo(f"# {note}")
    for key, value in data.items():
        if key in ("id", "test"):
            continue
        if isinstance(value, dict):
            for name, inner in value.items():
                _line(f"{key}.{name}", inner, file, key)
        else:
            _line(key, value, file)
    click.echo(f"# {len(file.compiled.rule.test)} tests; `sentinel rules test` runs them")
    return 0


def _line(key: str, value: Any, file: RuleFile, table: str = "") -> None:
    source = file.sources.get(key) or file.sources.get(table) or "default"
    click.echo(f"{key} = {msgspec.json.encode(value).decode()}    # {source}")
