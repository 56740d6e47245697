"""Every setting, command, path, fact and rule has its line in the docs; generated pages are fresh."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

from sentinel.api.app import ROUTES
from sentinel.cli.main import cli
from sentinel.config import describe_settings
from sentinel.events.event import Event, decode_event
from sentinel.facts import FACTS

ROOT = Path(__file__).parents[1]


def _docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_script", ROOT / "scripts" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = _docs().pages()


@pytest.mark.parametrize("path", sorted(PAGES))
def test_generated_page_is_fresh(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == PAGES[path], "stale; run: make docs"


def test_every_setting_has_its_line() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    missing = [s.key for s in describe_settings() if f"`{s.key.rsplit('.', 1)[-1]}`" not in text and s.key not in text]
    assert missing == []


def test_every_command_has_its_heading_and_an_example() -> None:
    text = (ROOT / "docs/commands.md").read_text()
    context = click.Context(cli, info_name="sentinel")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        subs = command.commands.items() if isinstance(command, click.Group) else [("", command)]
        for sub, each in subs:
            path = f"sentinel {name} {sub}".strip()
            assert f"`{path}`" in text
            assert "Example:" in (each.help or ""), f"{path} --help has no example"


def test_every_path_fact_and_rule_has_its_line() -> None:
    http = (ROOT / "docs/http.md").read_text()
    assert [route.path for route in ROUTES if f"`{route.path}`" not in http] == []
    facts = (ROOT / "docs/facts.md").read_text()
    assert [name for name in FACTS if f"`{name}`" not in facts] == []
    rules = (ROOT / "rules/README.md").read_text()
    assert [path.stem for path in (ROOT / "rules").glob("*.toml") if f"## {path.stem}\n" not in rules] == []


def test_no_path_is_named_that_is_not_there() -> None:
    there = {route.path for route in ROUTES}
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        named = re.findall(r"`(?:[A-Z]+ )?(/(?:v1|answer|[a-z]+z)[\w{}./]*)`", page.read_text())
        assert [path for path in named if path not in there] == [], page.name


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "rules/README.md", *ROOT.glob("models/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_field_of_an_event_is_told() -> None:
    told = (ROOT / "docs/events.md").read_text()
    first = {
        name
        for line in told.splitlines()
        if line.startswith("| `")
        for name in re.findall("`([a-z_]+)`", line.split("|")[1])
    }
    assert first == set(Event.__struct_fields__)
    (example,) = re.findall("```json\n(.*?)```", told, re.DOTALL)
    assert decode_event(example.encode()).email == "ada@example.org"
