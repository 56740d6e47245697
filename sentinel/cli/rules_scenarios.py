"""Scenario files for `sentinel rules test`: which files are stories, and running them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sentinel.config import Config
from sentinel.daemon.build import tenant_settings
from sentinel.enrich.sighting import Enricher
from sentinel.errors import FileError
from sentinel.pipeline.scenario import ScenarioFile, is_scenario, read_scenario
from sentinel.pipeline.scenario_run import ScenarioResult, run_scenario
from sentinel.rules.load import RulesError, load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.toml_source import TomlFile


def sort_out(paths: Iterable[Path]) -> tuple[tuple[Path, ...], list[ScenarioFile], list[FileError]]:
    """Rule files, scenarios, and what is wrong with the latter; directories count with what lies in them."""
    rules: list[Path] = []
    stories: list[Path] = []
    for given in paths:
        for path in sorted(given.glob("*.toml")) if given.is_dir() else [given]:
            try:
                story = is_scenario(TomlFile.read(path))
            except FileError:
                story = False  # whoever reads the rules tells what is wrong
            (stories if story else rules).append(path)
    return tuple(rules), *read_scenarios(stories)


def read_scenarios(paths: Iterable[Path]) -> tuple[list[ScenarioFile], list[FileError]]:
    """Scenarios, and what is wrong with others."""
    stories: list[ScenarioFile] = []
    errors: list[FileError] = []
    for path in sorted(paths):
        try:
            stories.append(read_scenario(TomlFile.read(path)))
        except FileError as error:
            errors.append(error)
    return stories, errors


def tell(
    stories: Sequence[ScenarioFile], config: Config, rules: Sequence[Path], enricher: Enricher
) -> tuple[list[ScenarioResult], list[FileError]]:
    """Tell stories to the rules in force with ``rules`` over them, and the thresholds of the configuration."""
    if not stories:
        return [], []
    try:
        files = load_rules([packaged_rules(), config.rules.directory, *rules])
    except RulesError as error:
        return [], error.errors
    settings = tenant_settings(config, RuleSet(files), enricher.pseudonym)("default")
    results: list[ScenarioResult] = []
    errors: list[FileError] = []
    for story in stories:
        try:
            results.append(run_scenario(story, settings, enricher))
        except FileError as error:
            errors.append(error)
    return results, errors
