"""`sentinel rules`: list, show, check and test rules; what else it does has modules of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.rules_backtest import backtest
from sentinel.cli.rules_fired import Fired, fired_counts, print_list
from sentinel.cli.rules_new import new
from sentinel.cli.rules_scenarios import read_scenarios, sort_out, tell
from sentinel.cli.rules_show import show
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.build import bare_lookups, build_enricher, load_ruleset
from sentinel.daemon.tuning import Tuning
from sentinel.errors import SentinelError
from sentinel.pipeline.ruletest import run_cases
from sentinel.privacy.keys import Secret
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.rules.load import RuleFile, RulesError, load_rules, packaged_rules


@click.group("rules")
def command() -> None:
    """List, show, check, test and write rules, and try changes on history."""


command.add_command(backtest)
command.add_command(new)


_directory = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))


@command.command("list")
@tenant_option("Count the findings of this tenant only.", None)
@json_option
@pass_config
def list_rules(context: Context, tenant: str | None, as_json: bool) -> int:
    """List the rules in force, and how often each fired.

    The last day is yesterday and today (UTC), by the time of the events. Findings of rules in shadow are counted
    apart.

    \b
    Example:
      sentinel rules list
    """
    rules = [file.compiled.rule for file in _in_force(context)]
    muted = Tuning(context.config, load_ruleset(context.config)).mutes()
    try:
        fired = fired_counts(context.config, tenant)
    except SentinelError as error:
        fired = {}
        click.echo(f"no counts: {error}", err=True)
    if as_json:
        print_json(
            [
                {"id": rule.id, "title": rule.title, "status": rule.status, "applies_to": rule.applies_to,
                 "audience": rule.audience, "group": rule.evidence_group, "tags": rule.tags,
                 "fired": fired.get(rule.id, Fired()), "muted": muted.get(rule.id, [])}
                for rule in rules
            ]
        )  # fmt: skip
        return 0
    print_list(rules, fired, muted)
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
    return 1 if errors or _nothing(paths, files) else 0


@command.command("test")
@_directory
@json_option
@pass_config
def test(context: Context, paths: tuple[Path, ...], as_json: bool) -> int:
    """Run the tests in rule files, and scenario files; exit 1 when one fails.

    A scenario is a story of many events, judged by all rules in force and the rules given with it. Default: the rules
    in force, and the scenarios in the folder "scenarios" of the local rules.

    \b
    Example:
      sentinel rules test rules/impossible_travel.toml
      sentinel rules test /etc/sentinel/rules tests/scenarios
    """
    if not paths and (own := context.config.rules.directory / "scenarios").is_dir():
        stories, errors = read_scenarios(own.glob("*.toml"))
        given: tuple[Path, ...] = ()
    else:
        given, stories, errors = sort_out(paths)
    files: list[RuleFile] = []
    if given or not paths:
        files, wrong = _load(context, given)
        errors = [*errors, *wrong]
    enricher = build_enricher(Pseudonymizer(Secret.ephemeral()), bare_lookups())
    results = [result for file in files for result in run_cases(file, enricher)]
    told, wrong = tell(stories, context.config, given, enricher) if not errors else ([], [])
    for error in (*errors, *wrong):
        click.echo(str(error), err=True)
    failed = [result for result in results if result.problem]
    unlike = [story for story in told if story.problems]
    if as_json:
        print_json([*results, *told])
    else:
        for result in failed:
            click.echo(f"{result.rule}: {result.name}: {result.problem}", err=True)
        for story in unlike:
            click.echo("\n  ".join([f"{story.file}: {story.title}", *story.problems]), err=True)
        click.echo(f"{len(files)} rules, {len(results)} tests, {len(failed)} failed")
        if stories:
            click.echo(f"{len(told)} scenarios, {sum(story.steps for story in told)} steps, {len(unlike)} failed")
    return 1 if failed or unlike or errors or wrong or _nothing(paths, [*files, *stories, *errors]) else 0


def _nothing(paths: Sequence[Path], found: Sequence[object]) -> bool:
    """Whether what was asked for holds nothing: a mistyped folder must not look like a good one."""
    if not paths or found:
        return False
    click.echo(f"no rule files (*.toml) in {', '.join(map(str, paths))}", err=True)
    return True


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
