"""The record of processing as Markdown: `sentinel privacy inventory --markdown` and docs/inventory.md."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

from sentinel.privacy.inventory import ERASURES, KINDS, SEALS, Database, Entry
from sentinel.privacy.processing import Controller, ProcessingRecord

#: So many paths of the export are named; of more, how many there are and below what.
_NAMED: Final = 3
_UNSAID: Final = "not set (`[privacy]`)"


def markdown(record: ProcessingRecord, databases: Iterable[Database], *, note: str = "") -> str:
    """The whole record."""
    out = ["# Record of processing activities\n", *([note] if note else [])]
    out.append(
        "What sentinel keeps of people, why, for how long, under which keys, and what becomes of it (GDPR\n"
        "Art. 30(1)). Made from what each schema declares beside it; a test holds it against the real schemas.\n"
    )
    out += ["## Controller\n", *_controllers(record.controllers)]
    out += ["\n## Purposes and legal bases\n", "| purpose | | basis, unless the controller relies on another |"]
    out += ["| --- | --- | --- |", *(f"| {line.purpose} | {line.meaning} | {line.basis} |" for line in record.purposes)]
    out += ["\n## Categories of persons\n", *_list(record.persons)]
    out += ["\n## Categories of data\n", "| class | | columns |", "| --- | --- | --- |"]
    out += [f"| {line.kind} | {line.meaning} | {len(line.where)} |" for line in record.categories]
    out += ["\n## Recipients\n", *_list(record.recipients)]
    out += [f"- {one.recipients} (tenant {one.tenant})" for one in record.controllers if one.recipients]
    out += [f"\nSub-processors: {record.sub_processors}\n", f"Transfers to other countries: {record.transfers}"]
    out += ["\n## Retention\n", "| data | kept for |", "| --- | --- |"]
    out += [f"| {', '.join(f'`{name}`' for name in line.data)} | {line.kept} |" for line in record.retention]
    out += ["\n## Technical and organisational measures\n", *_list(record.measures)]
    out += ["\n## Every column\n", *_words("Class", KINDS), *_words("Sealed under", SEALS)]
    out += _words("On erasure of the account", ERASURES)
    out.append("\nExported says where in `data.json` the value is, or why it is not there.\n")
    meanings = {database.name: database for database in databases}
    for name, lines in groupby(record.inventory, lambda entry: entry.database):
        out += [f"### {name}\n", meanings[name].meaning, *_tables(meanings[name], list(lines))]
    return "\n".join(out).rstrip() + "\n"


def _controllers(controllers: Iterable[Controller]) -> list[str]:
    out = ["| tenant | controller | contact | supervisory authority |", "| --- | --- | --- | --- |"]
    for one in controllers:
        said = (one.controller, one.contact, one.authority)
        out.append(f"| {one.tenant} | {' | '.join(_cell(each) if each else _UNSAID for each in said)} |")
    return out


def _tables(database: Database, lines: list[Entry]) -> list[str]:
    head = ["class", "sealed under", "kept", "exported", "on erasure"]
    if not any(line.column for line in lines):
        rows = [f"| `{line.table}` | {line.meaning} | {_rest(line)} |" for line in lines]
        return ["", f"| file | what it is | {' | '.join(head)} |", "| --- " * 7 + "|", *rows, ""]
    out = []
    for table in database.tables:
        out += [f"\n**{table.name}**: {table.meaning}\n", f"| column | what it is | {' | '.join(head)} |"]
        out.append("| --- " * 7 + "|")
        out += [f"| `{line.column}` | {line.meaning} | {_rest(line)} |" for line in lines if line.table == table.name]
    return [*out, ""]


def _rest(line: Entry) -> str:
    return f"{line.kind} | {line.sealed} | {line.kept} | {exported(line)} | {line.erased}"


def exported(line: Entry) -> str:
    """Where the export has it, in short, or why it has not."""
    if not line.exported:
        return f"no: {line.left_out}"
    if len(line.exported) <= _NAMED:
        return ", ".join(f"`{path}`" for path in line.exported)
    tops = sorted({path.split(".")[0] for path in line.exported})
    return f"{len(line.exported)} fields in {', '.join(f'`{top}`' for top in tops)}"


def _words(title: str, words: Mapping[Any, str]) -> list[str]:
    return [f"\n{title}:\n", *(f"- *{name}*: {meaning}" for name, meaning in words.items())]


def _list(items: Iterable[str]) -> list[str]:
    return [f"- {item}" for item in items]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
