"""The words in which each schema declares what it keeps of people, beside its tables.

What is declared here is printed by `sentinel privacy inventory`, held against the real schemas by tests, and the list
from which export and erasure are tested. Nothing here reads a database.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from sentinel.privacy.answer_token import FORMER_DAYS, LINK_DAYS

#: What a value is, seen by data protection; :data:`KINDS` says what each means.
Kind = Literal["raw", "content", "pseudonymous", "staff", "key", "aggregate", "operational"]
#: What it is kept for; :data:`PURPOSES` says what each means and on which legal basis.
Purpose = Literal["alerts", "detection", "rights", "accountability", "figures", "operation"]
#: Under which keys it is sealed; :data:`SEALS` says what each means.
Seal = Literal["none", "account x raw day", "account x record day", "account", "installation", "keyring"]
#: What the erasure of an account does to it; :data:`ERASURES` says what each means.
Erased = Literal["row", "row and key", "key", "nameless", "counted", "emptied", "proof", "no person"]

KINDS: Final[Mapping[Kind, str]] = {
    "raw": "Raw personal data: addresses, user agents, ids of devices and sessions, as they were sent.",
    "content": "Personal data of an account that was told, derived or judged: attributes, sightings, profiles, alerts.",
    "pseudonymous": "Keyed names, and what stands beside them in the clear: personal data for who holds the keys.",
    "staff": "Names of the operator's own people and of its applications, as they acted.",
    "key": "Key material, and what tells keys apart.",
    "aggregate": "Counts that are nobody's.",
    "operational": "What makes the software work; it says nothing of a person.",
}
PURPOSES: Final[Mapping[Purpose, tuple[str, str]]] = {
    "alerts": (
        "Tell people of sign-ins that are unlike them and of changes of their account.",
        "Art. 6(1)(f) with recital 49 (security of networks and information)",
    ),
    "detection": (
        "Recognise that somebody else uses an account, or attacks many, and say what to do about it.",
        "Art. 6(1)(f) with recitals 47 and 49 (fraud; security of networks and information)",
    ),
    "rights": (
        "Answer the rights of people: access, rectification, erasure, restriction, objection.",
        "Art. 6(1)(c) with Art. 12 and 15 to 22",
    ),
    "accountability": (
        "Show who looked at or changed personal data, and that nobody altered that record.",
        "Art. 6(1)(c) with Art. 5(2) and 32",
    ),
    "figures": (
        "Tell the operator how much the service and the rules are used, without a row that belongs to somebody.",
        "Art. 6(1)(f); the figures themselves are anonymous (recital 26)",
    ),
    "operation": (
        "Keep the software and its keys working and safe.",
        "Art. 6(1)(c) with Art. 32 (security of processing)",
    ),
}
SEALS: Final[Mapping[Seal, str]] = {
    "none": "In the clear.",
    "account x raw day": "AES-256-GCM under HKDF of the account's key and the day's raw key; either gone, it is lost.",
    "account x record day": "AES-256-GCM under HKDF of the account's key and the day's record key; likewise.",
    "account": "AES-256-GCM under HKDF of the account's key; what is no account's, of a key of the installation.",
    "installation": "AES-256-GCM under a key of the installation for one purpose; of windows and figures, for one day.",
    "keyring": "AES-256-GCM under the key-encryption key, or that one under a master key.",
}
ERASURES: Final[Mapping[Erased, str]] = {
    "row": "The row is deleted.",
    "row and key": "The account's key is destroyed first, then the row is deleted.",
    "key": "The account's key is destroyed: no row id leads here any more, and nothing sealed under it opens.",
    "nameless": "Stays; what stood for the account in it belongs to nobody once the key is gone.",
    "counted": "Stays until it expires: a count of accounts, in which nothing stands for one of them.",
    "emptied": "The value is emptied.",
    "proof": "Stays as proof of the erasure; it names nobody.",
    "no person": "Says nothing of a person.",
}


class Keep(msgspec.Struct, frozen=True):
    """How long something is kept: a name, ``days`` where it is a number of them (for ``raw`` the longest; the operator
    may set fewer), and how that reads."""

    name: str
    words: str
    days: int | None = None


#: Longest that records, alerts and values in profiles are kept.
RECORD_DAYS: Final = 365
#: Longest that a mail is kept once it is done with.
MAIL_DAYS: Final = 30
#: Longest that is kept what targets of hooks were told.
HOOK_DAYS: Final = 30

RAW: Final = Keep("raw", "retention.raw_days after the event, at most 365 days", 365)
RECORD: Final = Keep("record", f"{RECORD_DAYS} days after the event", RECORD_DAYS)
PROFILE: Final = Keep(
    "profile", f"each value {RECORD_DAYS} days after it was last seen; empty, the row goes", RECORD_DAYS
)
WINDOW: Final = Keep("window", "as long as the longest window that can see the entry")
ACCOUNT: Final = Keep("account", "as long as the account is known; a former e-mail address for 30 days")
MAIL: Final = Keep("mail", f"the text until it is sent or given up; the row {MAIL_DAYS} days after that", MAIL_DAYS)
HOOK: Final = Keep("hook", f"what it says until it is delivered; the row {HOOK_DAYS} days after it happened", HOOK_DAYS)
#: Longest that a link in a mail works, and is kept.
ANSWER_DAYS: Final = FORMER_DAYS
ANSWER: Final = Keep(
    "answer", f"{LINK_DAYS} days; at a former address after a change of credentials {ANSWER_DAYS} days", ANSWER_DAYS
)
DAY_AFTER: Final = Keep("day", "a day after it was carried out", 1)
INSTALLATION: Final = Keep("installation", "as long as the installation")


class Held(msgspec.Struct, frozen=True):
    """A struct that is packed into a sealed column, and where the export has each of its fields.

    A field is at ``at`` under its own name unless ``paths`` says otherwise (from the top of ``data.json``);
    ``left_out`` says why others are not exported.
    """

    struct: type[msgspec.Struct]
    at: str
    paths: Mapping[str, str] = {}
    left_out: Mapping[str, str] = {}

    def exported(self) -> dict[str, str]:
        """Field → path in the export."""
        return {
            name: self.paths.get(name, f"{self.at}.{name}" if self.at else name)
            for name in self.struct.__struct_fields__
            if name not in self.left_out
        }


class Column(msgspec.Struct, frozen=True):
    """One column. ``meaning`` is a plain sentence. What is ``None`` is as for the table.

    ``exported`` are paths in ``data.json``; where there are none, ``left_out`` says why. ``holds`` are the structs
    in a sealed column, whose fields stand for its paths.
    """

    name: str
    meaning: str
    kind: Kind
    sealed: Seal = "none"
    exported: tuple[str, ...] | None = None
    left_out: str | None = None
    purpose: Purpose | None = None
    keep: Keep | None = None
    erased: Erased | None = None
    holds: tuple[Held, ...] = ()


class Table(msgspec.Struct, frozen=True):
    """A table, or a file that is no database (its only column has an empty name)."""

    name: str
    meaning: str
    purpose: Purpose
    keep: Keep
    erased: Erased
    left_out: str  #: why columns that name no path are not exported
    columns: tuple[Column, ...]


class Database(msgspec.Struct, frozen=True):
    """A database file and its tables; or, under the name ``files``, all that is no database."""

    name: str
    meaning: str
    tables: tuple[Table, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the inventory, with everything filled in. ``kept`` reads, ``days`` is a number where there is one;
    ``exported`` are paths in ``data.json``, else ``left_out`` says why there are none."""

    database: str
    table: str
    column: str
    meaning: str
    kind: Kind
    purpose: Purpose
    basis: str
    retention: str
    kept: str
    days: int | None
    sealed: Seal
    exported: list[str]
    left_out: str
    erased: Erased


def entries(database: Database) -> Iterator[Entry]:
    """Every column of a database as a line."""
    for table in database.tables:
        for column in table.columns:
            keep = column.keep or table.keep
            purpose = column.purpose or table.purpose
            paths = list(column.exported or ())
            paths += [path for held in column.holds for path in held.exported().values()]
            yield Entry(
                database=database.name,
                table=table.name,
                column=column.name,
                meaning=column.meaning,
                kind=column.kind,
                purpose=purpose,
                basis=PURPOSES[purpose][1],
                retention=keep.name,
                kept=keep.words,
                days=keep.days,
                sealed=column.sealed,
                exported=sorted(dict.fromkeys(paths)),
                left_out="" if paths else (column.left_out or table.left_out),
                erased=column.erased or table.erased,
            )


def file(
    name: str,
    meaning: str,
    kind: Kind,
    purpose: Purpose,
    keep: Keep,
    erased: Erased,
    left_out: str,
    sealed: Seal = "none",
) -> Table:
    """A file that is no database; ``name`` may have ``*`` in it."""
    return Table(name, meaning, purpose, keep, erased, left_out, (Column("", meaning, kind, sealed),))


def holds_of(database: Database) -> list[tuple[str, Held]]:
    """What is packed into the sealed columns of a database, with ``table.column`` in front."""
    return [
        (f"{table.name}.{column.name}", held)
        for table in database.tables
        for column in table.columns
        for held in column.holds
    ]


def as_columns(database: Database) -> dict[str, list[str]]:
    """Table → names of its columns, as declared."""
    return {table.name: [column.name for column in table.columns] for table in database.tables}
