"""Writes the generated pages of the docs: settings, commands, HTTP paths, facts, rules, inventory.

`make docs` runs it; tests/test_docs.py fails when a page is stale.
"""

import json
import sys
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from sentinel.api.app import ROUTES  # noqa: E402  # this tree, not an installed release
from sentinel.cli.main import cli  # noqa: E402
from sentinel.cli.privacy_inventory import record_of  # noqa: E402
from sentinel.config import Config  # noqa: E402
from sentinel.config.docs import configuration_page  # noqa: E402
from sentinel.daemon.inventory import DATABASES  # noqa: E402
from sentinel.events.hook import HOOK_TYPES  # noqa: E402
from sentinel.facts import FACTS  # noqa: E402
from sentinel.hooks.schema import payload_schema  # noqa: E402
from sentinel.privacy.processing_page import markdown  # noqa: E402
from sentinel.rules.load import load_rules  # noqa: E402

_NOTE = "<!-- Written by scripts/docs.py from the code; change it there. -->\n\n"


def pages() -> dict[str, str]:
    """Path from the root → text of every generated page."""
    return {
        "docs/configuration.md": configuration_page(),
        "docs/commands.md": commands_page(),
        "docs/http.md": http_page(),
        "docs/facts.md": facts_page(),
        "docs/inventory.md": inventory_page(),
        "docs/hooks.md": hooks_page(),
        "rules/README.md": rules_page(),
    }


def commands_page() -> str:
    """Every command with its help."""
    out = ["# Commands\n", _NOTE]
    out.append("Exit status: 0 good, 1 the thing checked is bad, 2 wrong use. `--config FILE` may stand anywhere.\n")
    context = click.Context(cli, info_name="sentinel")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        out += _command(command, f"sentinel {name}", click.Context(command, info_name=name, parent=context), "##")
    return "\n".join(out)


def _command(command: click.Command, path: str, context: click.Context, level: str) -> list[str]:
    out = [f"\n{level} `{path}`\n", "```text", _help(command, context), "```"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            assert sub is not None
            inner = click.Context(sub, info_name=name, parent=context)
            out += _command(sub, f"{path} {name}", inner, level + "#")
    return out


def _help(command: click.Command, context: click.Context) -> str:
    formatter = click.HelpFormatter(width=100)
    command.format_help(context, formatter)
    return "\n".join(line.rstrip() for line in formatter.getvalue().rstrip().splitlines())


def http_page() -> str:
    """Every path, method and scope."""
    out = ["# HTTP API\n", _NOTE]
    out.append(
        "JSON in and out; `Authorization: Bearer KEY`. Errors are RFC 9457 problem details that name the field.\n"
        "The whole description, with every type, is served as OpenAPI 3.1 at `/openapi.json`.\n"
    )
    out += ["| method | path | scope | does |", "| --- | --- | --- | --- |"]
    for route in ROUTES:
        does = " ".join((route.handler.__doc__ or "").split())
        scope = f"`{route.scope}`" if route.scope else "none needed"
        out.append(f"| {route.method} | `{route.path}` | {scope} | {does} |")
    return "\n".join(out) + "\n"


def facts_page() -> str:
    """Every fact a rule can read."""
    out = ["# Facts\n", _NOTE]
    out.append(
        "What a rule can read. *keyed* facts are pseudonyms: good for counting by, never shown. *past* facts\n"
        "compare with the account's trusted past; windows cannot be kept by them. *judged* facts exist only for\n"
        "events that are judged like a login: it succeeded, is pending, or the password was right. An absent\n"
        "measure means that a rule which depends on it is not judged; flags are false when unknown.\n"
    )
    out += ["| fact | type | | meaning |", "| --- | --- | --- | --- |"]
    for fact in sorted(FACTS.values(), key=lambda fact: fact.name):
        marks = [name for name in ("keyed", "past", "judged") if getattr(fact, name)]
        out.append(f"| `{fact.name}` | {fact.type} | {', '.join(marks)} | {fact.meaning} |")
    return "\n".join(out) + "\n"


def inventory_page() -> str:
    """The record of processing, as an installation without any configuration has it."""
    more = (
        "How people are protected, and how their rights are answered: [privacy.md](privacy.md). For your own\n"
        "installation, with controller and contact: `sentinel privacy inventory --markdown`.\n"
    )
    return markdown(record_of(Config()), DATABASES, note=_NOTE + more)


def hooks_page() -> str:
    """The page about hooks with the schemas of what they are told; all else of it is written by hand."""
    page = (ROOT / "docs/hooks.md").read_text(encoding="utf-8")
    begin, end = "<!-- schemas: written by scripts/docs.py -->\n", "<!-- /schemas -->"
    before, after = page.split(begin)[0], page.split(end)[1]
    blocks = [f"```json\n{_shallow(payload_schema(type))}\n```\n" for type in HOOK_TYPES]
    return before + begin + "\n".join(["", *blocks, ""]) + end + after


def _shallow(value: object, depth: int = 0) -> str:
    """JSON with a line for each field of the outer objects; what is deeper stays on one line."""
    if not isinstance(value, dict):
        return json.dumps(value)
    pad = "  " * (depth + 1)
    inner = ",\n".join(
        f"{pad}{json.dumps(name)}: {_shallow(each, depth + 1) if _is_deep(each) else json.dumps(each)}"
        for name, each in value.items()
    )
    return "{\n" + inner + "\n" + "  " * depth + "}"


def _is_deep(value: object) -> bool:
    return isinstance(value, dict) and any(isinstance(each, dict) for each in value.values())


def rules_page() -> str:
    """Every rule that comes with the product."""
    out = ["# Rules\n", _NOTE]
    out.append(
        "One TOML file a rule; a file of the same name in the operator's directory (`rules.directory`) overrides only\n"
        "the keys it sets. How to write one: [docs/rules.md](../docs/rules.md).\n"
    )
    rules = [file.compiled.rule for file in load_rules([ROOT / "rules"])]
    out += ["| rule | status | hears of it | holds when |", "| --- | --- | --- | --- |"]
    out += [f"| [`{rule.id}`](#{rule.id}) | {rule.status} | {rule.audience} | {rule.title} |" for rule in rules]
    out.append("")
    for rule in rules:
        out.append(f"## {rule.id}\n")
        out.append(f"{rule.title}.\n")
        out.append(f"- status: {rule.status}; hears of it: {rule.audience}; group: {rule.evidence_group}")
        out.append(f"- judges: {', '.join(rule.applies_to)}")
        if rule.params:
            out.append("- params: " + ", ".join(f"`{name} = {value}`" for name, value in rule.params.items()))
        for name, window in rule.windows.items():
            counts = window.count or f"distinct {window.distinct}"
            out.append(f"- window `{name}`: {counts} by {', '.join(window.by)} over {window.over}")
        if rule.tags:
            out.append(f"- ATT&CK: {', '.join(map(_technique, rule.tags))}")
        if rule.falsepositives:
            out.append(f"- false positives: {'; '.join(rule.falsepositives)}")
        out.append(f"- what to do: {rule.runbook}\n")
    return "\n".join(out)


def _technique(tag: str) -> str:
    """A tag as ``attack.t1110.003`` with a link to the technique."""
    technique = tag.removeprefix("attack.").upper()
    return f"[{technique}](https://attack.mitre.org/techniques/{technique.replace('.', '/')}/)"


def main() -> None:
    """Write every page."""
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
