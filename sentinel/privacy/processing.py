"""The record of processing activities (GDPR Art. 30(1)), made from the inventory and who is responsible."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sentinel.privacy.inventory import KINDS, PURPOSES, Entry, Kind

#: Kinds that are personal data of the people who sign in.
PERSONAL: Final[tuple[Kind, ...]] = ("raw", "content", "pseudonymous")
PERSONS: Final = (
    "People who sign in to the service, or in whose name somebody tries to.",
    "People who act for others there: helpdesk and administrators.",
    "The operator's own people who run commands (in the audit log).",
)
RECIPIENTS: Final = (
    "The service that posts the events: the assessments of its own events.",
    "Systems of the service that the operator named as hooks or streams: that an account needs protection.",
    "The mail server of the operator: mails to the person, for 30 days also to the former address.",
    "The person: the export.",
    "A SIEM of the operator, where one is configured (`[siem.NAME]`): assessments and alerts, without raw values.",
    "Whoever gets a package for a legal claim or the report of a breach, made by hand.",
)
SUB_PROCESSORS: Final = (
    "None by sentinel: it is software that the operator runs, and it calls no service but those that the operator"
    " names."
)
TRANSFERS: Final = (
    "None by sentinel: places and networks are looked up on the machine. Where the machines and the mail server stand,"
    " the operator knows."
)
MEASURES: Final = (
    "Pseudonymisation (Art. 25, 32(1)(a)): keyed BLAKE2b with the installation's secret; account handles and row ids"
    " with the account's own key, events by UTC day.",
    "Encryption (Art. 32(1)(a)): AES-256-GCM under keys of account and day, the row's identity bound in; keys apart"
    " from the data, in a keyring under a master key.",
    "Erasure by destroying keys, with a ledger that is replayed over backups; days' keys destroyed when due.",
    "Integrity: an audit log as a keyed chain with its head outside the file; `sentinel audit verify`.",
    "Availability (Art. 32(1)(b), (c)): an answer means on disk; backups of data and keys apart.",
    "Access: API keys with scopes and tenant, hashes of them kept; state directory with mode 0700, files 0600; a"
    " hardened systemd unit.",
    "Data minimisation: no raw value in logs, metrics, errors and rules; coordinates to a tenth of a degree; hours and"
    " weekdays as 31 weights.",
    "Testing (Art. 32(1)(d)): `sentinel privacy scan` looks for known values in every file; this inventory is held"
    " against the schemas by tests.",
)


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is responsible for a tenant (``[privacy]``); what the operator did not say is ``None``."""

    tenant: str
    controller: str | None = None
    contact: str | None = None
    authority: str | None = None
    recipients: str | None = None


class PurposeLine(msgspec.Struct, frozen=True):
    """A purpose, what it means, and its legal basis unless the operator relies on another."""

    purpose: str
    meaning: str
    basis: str


class Category(msgspec.Struct, frozen=True):
    """A class of data and where it is (``database.table.column``, or a file)."""

    kind: str
    meaning: str
    where: list[str]


class RetentionLine(msgspec.Struct, frozen=True):
    """How long some tables are kept; ``days`` where it is a number of them."""

    data: list[str]
    kept: str
    days: int | None


class ProcessingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The record as a whole, in the order of Art. 30(1)."""

    controllers: list[Controller]
    purposes: list[PurposeLine]
    persons: list[str]
    categories: list[Category]
    recipients: list[str]
    sub_processors: str
    transfers: str
    retention: list[RetentionLine]
    measures: list[str]
    inventory: list[Entry]


def processing_record(
    inventory: Sequence[Entry], controllers: Sequence[Controller], *, raw_days: int
) -> ProcessingRecord:
    """The record of an installation that keeps raw values for ``raw_days``."""
    lines = [_with_days(entry, raw_days) for entry in inventory]
    return ProcessingRecord(
        controllers=list(controllers),
        purposes=[PurposeLine(name, *said) for name, said in PURPOSES.items()],
        persons=list(PERSONS),
        categories=[
            Category(kind, meaning, [name_of(line) for line in lines if line.kind == kind])
            for kind, meaning in KINDS.items()
        ],
        recipients=list(RECIPIENTS),
        sub_processors=SUB_PROCESSORS,
        transfers=TRANSFERS,
        retention=_retention(lines),
        measures=list(MEASURES),
        inventory=lines,
    )


def name_of(entry: Entry) -> str:
    """Where an entry is: ``sentinel.db event.raw``, or the file's name."""
    return f"{entry.database} {entry.table}.{entry.column}" if entry.column else entry.table


def _with_days(entry: Entry, raw_days: int) -> Entry:
    if entry.retention != "raw":
        return entry
    days = "1 day" if raw_days == 1 else f"{raw_days} days"
    return msgspec.structs.replace(entry, kept=f"{days} after the event (retention.raw_days)", days=raw_days)


def _retention(lines: Sequence[Entry]) -> list[RetentionLine]:
    """By rule, in the order in which they come; what is no person's is left to the inventory."""
    found: dict[tuple[str, int | None], list[str]] = {}
    for line in lines:
        if line.kind in (*PERSONAL, "staff"):
            # Raw values alone are kept otherwise than the rows they are in.
            where = name_of(line) if line.retention == "raw" or not line.column else f"{line.database} {line.table}"
            places = found.setdefault((line.kept, line.days), [])
            if where not in places:
                places.append(where)
    return [RetentionLine(places, kept, days) for (kept, days), places in found.items()]
