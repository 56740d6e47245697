"""Reading entries back, for people."""

import sqlite3
from typing import Any, Final

from sentinel.audit.entry import Logged
from sentinel.audit.tables import FIELDS

#: Conditions that are None do not count.
_ASKED: Final = f"""SELECT {FIELDS} FROM entry WHERE
    (:account IS NULL OR account = :account) AND (:action IS NULL OR action = :action)
    AND (:actor IS NULL OR actor = :actor) AND (:tenant IS NULL OR tenant = :tenant)
    AND (:since IS NULL OR time >= :since) AND (:before IS NULL OR seq < :before)
    ORDER BY seq DESC LIMIT :limit"""  # noqa: S608  # a constant


def read(database: sqlite3.Connection, asked: dict[str, Any]) -> list[Logged]:
    """The newest entries that meet the conditions, newest last."""
    return [_logged(row) for row in reversed(database.execute(_ASKED, asked).fetchall())]


def _logged(row: tuple[Any, ...]) -> Logged:
    seq, time, tenant, actor, role, action, purpose, account, sealed = row
    return Logged(
        seq=seq,
        time=time,
        tenant=_plain(tenant),
        actor=_plain(actor) or "",
        role=_plain(role) or "",
        action=_plain(action) or "",
        purpose=_plain(purpose) or "",
        account=_plain(account),
        sealed=sealed,
    )


def _plain(found: Any) -> str | None:
    """Printable, whatever the file holds: a tampered entry must not speak to the terminal."""
    if found is None:
        return None
    text = str(found)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
