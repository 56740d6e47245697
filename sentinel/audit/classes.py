"""What each column of ``audit.db`` holds: declared here, beside :mod:`sentinel.audit.tables`."""

from typing import Final

from sentinel.audit.log import KEEP_DAYS
from sentinel.privacy.inventory import INSTALLATION, Column, Database, Keep, Table

_KEPT: Final = Keep("audit", f"{KEEP_DAYS} days", KEEP_DAYS)
_STAFF: Final = "who of the controller's people looked is not told; the role is"
_PROOF: Final = "it proves that the log is whole, and says nothing of a person"

# fmt: off
AUDIT: Final = Database(
    "audit.db",
    "The audit log: looks at and changes to personal data.",
    (
        Table("entry", "One look or change.", "accountability", _KEPT, "key", _PROOF, (
            Column("seq", "Counts entries.", "operational"),
            Column("time", "When.", "pseudonymous", exported=("looks.time",)),
            Column("tenant", "The application.", "operational", exported=("tenant",)),
            Column("actor", "Name of the API key or the operating system's name of who ran the command.", "staff",
                   left_out=_STAFF, erased="no person"),
            Column("role", "Service, operator, person or system.", "pseudonymous", exported=("looks.role",)),
            Column("action", "What was done.", "pseudonymous", exported=("looks.action",)),
            Column("purpose", "Why, in the words of who did it, who must not name anybody there.", "staff",
                   exported=("looks.purpose",)),
            Column("account", "Row id of the account for this log, keyed by its own key.", "pseudonymous",
                   left_out="keyed names say nothing to the person"),
            Column("sealed", "Details, where there are any.", "content", "account",
                   left_out="details are for who reviews; action and purpose are exported"),
            Column("link", "Keyed hash of the entry and of the link before it.", "operational"),
        )),
        Table("start", "Where the log begins, once old entries were dropped.", "accountability", INSTALLATION,
              "no person", _PROOF, (
            Column("id", "Always 1.", "operational"),
            Column("seq", "Number of the last entry dropped.", "operational"),
            Column("link", "Its link.", "operational"),
            Column("seal", "Keyed hash of both.", "operational"),
        )),
    ),
)
# fmt: on
