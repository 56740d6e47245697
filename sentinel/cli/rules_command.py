"""`sentinel rules`: list, show, check and test rules."""

from pathlib import Path
from typing import Any

import click

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.rules_show import show
from sentinel.daemon.build import bare_lookups, build_enricher, load_ruleset
from sentinel.daemon.tuning import Tuning
from sentinel.pipeline.ruletest import run_cases
from sentinel.privacy.keys import LocalKey
from sentinel.rules.load import RuleFile, RulesError, load_rules, packaged_rules


@click.group("rules")
def command() -> None:
    """List, show, check and test the rules."""


_directory = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))


@command.command("list")
@json_option
@pass_config
def list_rules(context: Context, as_json: bool) -> int:
    """List the rules in force.

    \b
    Example:
      sentinel rules list
    """
    rules = [file.compiled.rule for file in _in_force(context)]
    muted = Tuning(context.config, load_ruleset(context.config)).mutes()
    if as_json:
        print_json(
            [
                {"id": rule.id, "title": rule.title, "status": rule.status, "applies_to": rule.applies_to,
                 "audience": rule.audience, "group": rule.evidence_group, "tags": rule.tags,
                 "muted": muted.get(rule.id, [])}
                for rule in rules
            ]
        )  # fmt: skip
        return 0
    width = max((len(rule.id) for rule in rules), default=0)
    for rule in rules:
        click.echo(f"{rule.id:<{width}}  {rule.status:<6}  {rule.audience:<8}  {rule.title}")
        for note in muted.get(rule.id, []):
            click.echo(f"{'':<{width}}  {note}")
    return 0


command.add_command(show)


@command.command("check")
@_directory
@pass_config
def check(context: Context, paths: tuple[Path, ...]) -> int:
    """Check rule files or directories (default: those in force); exit 1 when one is bad.

    \b
    Example:
      sentinel rules check /etc/sentinel/rules
    """
    files, errors = _load(context, paths)
    for error in errors:
        click.echo(str(error), err=True)
    click.echo(f"{len(files)} rules good, {len(errors)} errors")
    return 1 if errors else 0


@command.command("test")
@_directory
@json_option
@pass_config
def test(context: Context, paths: tuple[Path, ...], as_json: bool) -> int:
    """Run the tests in rule files (default: those in force); exit 1 when one fails.

    \b
    Example:
      sentinel rules test rules/impossible_travel.toml
    """
    files, errors = _load(context, paths)
    for error in errors:
        click.echo(str(error), err=True)
    enricher = build_enricher(LocalKey.ephemeral(), bare_lookups())
    results = [result for file in files for result in run_cases(file, enricher)]
    failed = [result for result in results if result.problem]
    if as_json:
        print_json(results)
    else:
        for result in failed:
            click.echo(f"{result.rule}: {result.name}: {result.problem}", err=True)
        click.echo(f"{len(files)} rules, {len(results)} tests, {len(failed)} failed")
    return 1 if failed or errors else 0


def _in_force(context: Context) -> list[RuleFile]:
    return load_rules([packaged_rules(), context.config.rules.directory])


def _load(context: Context, paths: tuple[Path, ...]) -> tuple[list[RuleFile], list[Any]]:
    """The rules of the given files and directories, on top of the packaged ones of the same name.

    A local file may hold only the keys it changes, so it is read as it would be in force.
    """
    try:
        if not paths:
            return _in_force(context), []
        wanted = {path.stem for given in paths for path in (given.glob("*.toml") if given.is_dir() else [given])}
        loaded = load_rules([packaged_rules(), *paths])
    except RulesError as error:
        return [], error.errors
    return [file for file in loaded if file.compiled.rule.id in wanted], []
