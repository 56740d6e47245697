"""What each column of ``keyring.db`` and ``erasures.db`` holds: declared here, beside their schemas in
:mod:`sentinel.privacy.keyring` and :mod:`sentinel.privacy.ledger`."""

from typing import Final

from sentinel.privacy.inventory import INSTALLATION, RAW, RECORD, Column, Database, Keep, Table
from sentinel.privacy.keyring import KEYRING_NAME
from sentinel.privacy.ledger import BACKUP_DAYS, LEDGER_NAME

_KEY: Final = "a key opens the data; it is no data about the person"
_ACCOUNT: Final = Keep("account key", "until the account is erased")
_LEDGER: Final = Keep("ledger", f"what names rows {BACKUP_DAYS} days; receipt and times as long as the installation")

# fmt: off
KEYRING: Final = Database(
    KEYRING_NAME,
    "The keyring: a key for each account and each day; never inside a data backup.",
    (
        Table("slot", "The key-encryption key, once for each master key that opens it.", "operation", INSTALLATION,
              "no person", _KEY, (
            Column("fingerprint", "Which master key it is for.", "key"),
            Column("key", "The key-encryption key, sealed under the master key.", "key", "keyring"),
        )),
        Table("value", "Small secrets and states, the root secret among them.", "operation", INSTALLATION, "no person",
              _KEY, (
            Column("name", "What the value is.", "operational"),
            Column("sealed", "The value.", "key", "keyring"),
        )),
        Table("account", "One account's key.", "operation", _ACCOUNT, "row", _KEY, (
            Column("number", "Counts accounts; never used twice.", "pseudonymous"),
            Column("lookup", "The installation's pseudonym of tenant and account id.", "pseudonymous"),
            Column("handle", "Keyed name of the account in memory, profiles and windows.", "pseudonymous"),
            Column("key", "The account's key.", "key", "keyring"),
        )),
        Table("merged", "Accounts that went into others.", "rights", _ACCOUNT, "row", _KEY, (
            Column("number", "The account that went.", "pseudonymous"),
            Column("head", "The account that it is now.", "pseudonymous"),
            Column("note", "When, by whom and why, for whoever finishes it.", "content", "account",
                   left_out="the same stands among the rights in the profile"),
        )),
        Table("standing", "Restrictions, objections and decisions, which a restored backup may know nothing of.",
              "rights", _ACCOUNT, "row", "the same stands among the rights in the profile", (
            Column("number", "The account that asked.", "pseudonymous"),
            Column("sealed", "What was asked for and what came of it.", "content", "account",
                   left_out="the same stands among the rights in the profile"),
        )),
        Table("day", "The keys of one UTC day.", "operation", RECORD, "no person", _KEY, (
            Column("day", "The UTC day.", "operational"),
            Column("raw", "The key of raw values; emptied when they are due.", "key", "keyring", keep=RAW),
            Column("record", "The key of what was judged.", "key", "keyring"),
        )),
        Table("sqlite_sequence", "SQLite's own: the highest number that was given.", "operation", INSTALLATION,
              "no person", _KEY, (
            Column("name", "The table.", "operational"),
            Column("seq", "How many accounts there ever were.", "aggregate"),
        )),
    ),
)
# fmt: on

# fmt: off
LEDGER: Final = Database(
    LEDGER_NAME,
    "The erasure ledger, beside the keyring: what was erased, so that no backup brings it back.",
    (
        Table("erasure", "One erasure.", "rights", _LEDGER, "proof", "nobody is left whose export it could stand in", (
            Column("receipt", "Chance alone; whoever asked for the erasure has it as a proof.", "operational"),
            Column("time", "When it began.", "operational"),
            Column("sealed", "Handle of the destroyed key, and what its row ids were made of.", "pseudonymous",
                   "installation"),
            Column("done", "When nothing was left.", "operational"),
        )),
    ),
)
# fmt: on
