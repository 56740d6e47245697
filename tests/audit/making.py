"""Audit logs for the tests."""

import sqlite3
from pathlib import Path
from typing import Any

from sentinel.audit.entry import Entry
from sentinel.audit.log import AuditLog
from sentinel.audit.verify import Report
from sentinel.events.clock import SECOND

KEY = b"k" * 32
#: The time of entry 0, in micros.
BEGIN = 1_700_000_000 * SECOND


def entry(number: int = 0, **more: Any) -> Entry:
    """Some entry, a second younger than that of the number before."""
    fields: dict[str, Any] = {
        "time": BEGIN + number * SECOND,
        "actor": f"web-{number % 3}",
        "role": "service",
        "action": "account.risk" if number % 2 else "account.show",
        "purpose": f"ticket {number}" if number % 4 else "",
        "tenant": "shop" if number % 5 else None,
        "account": f"row-{number % 7}" if number % 6 else None,
        "sealed": bytes([number % 256]) * (number % 9) if number % 3 else None,
    }
    return Entry(**fields | more)


def log(folder: Path, key: bytes = KEY, **more: Any) -> AuditLog:
    """The log in this folder."""
    return AuditLog(folder / "audit.db", key, **more)


def tamper(folder: Path, *statements: str) -> None:
    """Change the file as somebody without the key could."""
    database = sqlite3.connect(folder / "audit.db", isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


def whole(entries: int, start: int = 0, after_head: int = 0) -> Report:
    """The report about a log that holds."""
    return Report(entries=entries, start=start, last=start + entries, after_head=after_head, fault=None)


class Kept:
    """A head in memory."""

    def __init__(self) -> None:
        self.head: bytes | None = None
        #: How many more heads are kept before the writer is killed; the entries go on, as if written by another.
        self.left = 1_000_000

    def get(self) -> bytes | None:
        return self.head

    def put(self, head: bytes) -> None:
        """Lost once none is left, as when the writer is killed before it."""
        if self.left > 0:
            self.head = head
            self.left -= 1
