"""The inventory names every column there is and none that is not, every file, and every field of what is sealed."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.inspect import ListType, Metadata, StructType, UnionType, type_info

from sentinel.audit.log import KEEP_DAYS
from sentinel.daemon.inventory import DATABASES, inventory, is_declared
from sentinel.export.data import Document, Information
from sentinel.past.commons import KEPT, PERIOD
from sentinel.privacy.answer_token import LINK_DAYS
from sentinel.privacy.inventory import ANSWER, MAIL, RECORD, Held, as_columns, holds_of
from sentinel.privacy.ledger import BACKUP_DAYS
from sentinel.store.protocol import DRIFT_DAYS, FIRED_DAYS, USAGE_DAYS
from tests.privacy.inventory.filled import Filled, schema

HELD = [
    pytest.param(held, id=f"{where}-{held.struct.__name__}") for each in DATABASES for where, held in holds_of(each)
]


async def test_every_column_of_every_database_has_its_line(tmp_path: Path) -> None:
    filled = await Filled(tmp_path).fill()
    real = schema(tmp_path)
    assert {database.name: as_columns(database) for database in DATABASES if database.name in real} == real
    for path in tmp_path.iterdir():
        assert is_declared(path.name.replace("store.db", "sentinel.db")), path.name
    await filled.close()


def test_what_is_not_declared_is_not_taken_for_declared() -> None:
    assert not is_declared("people.csv")
    assert not is_declared("sentinel.db-copy")


def test_every_line_is_whole() -> None:
    for line in inventory():
        where = f"{line.database} {line.table}.{line.column}"
        assert line.meaning.endswith("."), where
        assert bool(line.exported) != bool(line.left_out), where
        if line.kind in ("raw", "content"):
            assert line.sealed != "none" or line.database == "files", f"{where} is personal and in the clear"
        if line.kind in ("raw", "content", "pseudonymous") and line.column:
            assert line.erased != "no person" or line.column == "answer", f"{where} outlives its account"


@pytest.mark.parametrize("held", HELD)
def test_every_field_of_what_is_sealed_is_exported_or_says_why_not(held: Held) -> None:
    fields = set(held.struct.__struct_fields__)
    assert set(held.paths) | set(held.left_out) <= fields, "a line for a field that is no more"
    for field, path in held.exported().items():
        assert is_field(Document, path), f"{held.struct.__name__}.{field}: the export has no {path}"


def test_every_path_of_every_column_is_a_field_of_the_export() -> None:
    wrong = [
        (line.table, line.column, path)
        for line in inventory()
        for path in line.exported
        if not is_field(Document, path)
    ]
    assert wrong == []


def test_the_export_tells_people_the_same_spans() -> None:
    assert (Information().record_days, Information().mail_days) == (RECORD.days, MAIL.days)


def test_the_page_for_auditors_names_the_spans_of_the_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text()
    for line in (
        f"| events, assessments, alerts, campaigns; all pseudonyms in them | {RECORD.days} days |",
        f"| what became of a mail | {MAIL.days} days |",
        f'| link "Was this you?" in a mail, with what the mail said | {LINK_DAYS} days; at a former address after a'
        f" change of credentials {ANSWER.days} days |",
        f"| audit log | {KEEP_DAYS} days |",
        f"| erasure ledger | what names rows: {BACKUP_DAYS} days,",
        f"| backups | {BACKUP_DAYS} days |",
        f"| what is common for everybody: counts of accounts by value | {KEPT * PERIOD} days at most,",
        f"| findings by rule; usage figures | {FIRED_DAYS} days; {USAGE_DAYS} days |",
        f"| counts of logins by bins, to tell drift of models | {DRIFT_DAYS} days |",
    ):
        assert line in page


def is_field(struct: Any, path: str) -> bool:
    """Whether a path of names leads to a field; lists and what may be absent are looked into."""
    found: Any = type_info(struct)
    for name in path.split("."):
        found = _inner(found)
        if not isinstance(found, StructType):
            return False
        fields = {field.encode_name: field.type for field in found.fields}
        if name not in fields:
            return False
        found = fields[name]
    return True


def _inner(found: Any) -> Any:
    while True:
        if isinstance(found, Metadata):
            found = found.type
        elif isinstance(found, ListType):
            found = found.item_type
        elif isinstance(found, UnionType):
            found = next(each for each in found.types if isinstance(each, StructType | ListType | Metadata))
        else:
            return found
