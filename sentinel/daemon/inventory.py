"""The inventory of an installation: what every part declares, and the files that are no databases.

Memory is not in it: of the machine that runs, everything can be read by whoever is root there (docs/privacy.md).
"""

from fnmatch import fnmatchcase
from typing import Final

from sentinel.audit.classes import AUDIT
from sentinel.models.stored import LIFE_DAYS
from sentinel.privacy.classes import KEYRING, LEDGER
from sentinel.privacy.inventory import (
    INSTALLATION,
    Database,
    Entry,
    Keep,
    entries,
    file,
)
from sentinel.privacy.keys import KEY_NAME
from sentinel.privacy.ledger import BACKUP_DAYS
from sentinel.store.sqlite.classes import STORE

_BACKUP: Final = Keep("backup", f"{BACKUP_DAYS} days; older ones are not restored", BACKUP_DAYS)
_COMMAND: Final = Keep("command", "as long as the command runs")
_MODEL: Final = Keep("model", f"{LIFE_DAYS} days from the first day it learned from", LIFE_DAYS)
_JOURNAL: Final = Keep("journal", "as the operator's journal keeps it")
_KEY: Final = "a key is no data about the person"
_NOBODY: Final = "it is nobody's"
_COPY: Final = "what it is made from is exported"

# fmt: off
FILES: Final = Database(
    "files",
    "What lies beside the databases. Write-ahead logs (-wal, -shm) and indices hold what their tables hold.",
    (
        file(KEY_NAME, "The master key, or a systemd credential in its place: it opens the keyring.", "key",
             "operation", INSTALLATION, "no person", _KEY),
        file("backup.keys*", "The keys of keyring backups, one each, under the master key.", "key",
             "operation", _BACKUP, "no person", _KEY, "keyring"),
        file("backups/data-*", "Backup of store and audit log, sealed as they are; no key is in it.", "content",
             "operation", _BACKUP, "key", _COPY, "account"),
        file("backups/keyring-*", "Backup of the keyring, sealed under a key of its own.", "key",
             "operation", _BACKUP, "key", _KEY, "keyring"),
        file("audit.head", "Number and link of the newest audit entry, with a keyed seal.", "operational",
             "accountability", INSTALLATION, "no person", _NOBODY),
        file("restore.json", "Names of files, while a restore puts them in place.", "operational",
             "operation", _COMMAND, "no person", _NOBODY),
        file("*.restoring", "Drafts of what a restore puts in place; what a kill leaves of it goes at the next start.",
             "content", "operation", _COMMAND, "key", _COPY, "account"),
        file("*.gone", "A key file that another took the place of, until it is overwritten; at the latest at a start.",
             "key", "operation", _COMMAND, "key", _KEY, "keyring"),
        file("*.draft", "A key file that is being written; what a kill leaves of it goes at the next start.",
             "key", "operation", _COMMAND, "key", _KEY, "keyring"),
        file("*.lock", "Which process writes: its number and its command.", "operational",
             "operation", INSTALLATION, "no person", _NOBODY),
        file("geo", "Databases of places and networks, as they were fetched.", "operational",
             "operation", INSTALLATION, "no person", _NOBODY),
        file("siem", "How far each export to a SIEM is: numbers of records, and six bytes of a hash of their keys.",
             "operational", "operation", INSTALLATION, "no person", _NOBODY),
        file("models", "Models fitted on stored history: numbers learned from many accounts.", "aggregate",
             "detection", _MODEL, "no person", _NOBODY),
        file("sentinel.toml", "Configuration, rules, lists: operators' addresses, networks allowed or muted.", "staff",
             "operation", INSTALLATION, "no person", "the operator's own; sentinel only reads it"),
        file("the journal", "The log. It names alerts by their id, an unkeyed hash of account, kind and event.",
             "pseudonymous", "operation", _JOURNAL, "nameless", "alerts are exported"),
        file("temporary files", "What rules backtest cannot hold in memory, and copies that privacy scan walks.",
             "content", "operation", _COMMAND, "no person", _COPY),
    ),
)
# fmt: on
DATABASES: Final = (STORE, KEYRING, LEDGER, AUDIT, FILES)


def inventory() -> list[Entry]:
    """Everything that is kept, line by line."""
    return [entry for database in DATABASES for entry in entries(database)]


def is_declared(name: str) -> bool:
    """Whether a file or folder of the state directory, by its name, has its line."""
    plain = name.removesuffix("-wal").removesuffix("-shm")
    return any(database.name == plain for database in DATABASES) or any(
        fnmatchcase(name, table.name.split("/")[0]) for table in FILES.tables
    )
