"""Somebody who has the file of an audit log but not its key."""

import sqlite3
from random import Random
from typing import Any

from sentinel.audit.chain import Chain, Start

ENTRIES = 300
#: Entries that were pruned before: the log begins at number 21.
PRUNED = 20
FIRST, LAST = PRUNED + 1, PRUNED + ENTRIES
COLUMNS = ("seq", "time", "tenant", "actor", "role", "action", "purpose", "account", "sealed", "link")

Database = sqlite3.Connection
Row = tuple[Any, ...]


class Forger:
    """Makes single changes. Each method makes one and returns the kinds of fault that describe it well."""

    def __init__(self, database: Database, head: bytes, random: Random) -> None:
        self.database = database
        self.genuine = head
        self.head: bytes | None = head
        self.random = random

    def flip(self) -> set[str]:
        """One bit of one column of one entry; where there is nothing, something."""
        row, column = self.row(), self.random.randrange(1, len(COLUMNS))
        self.set(row[0], COLUMNS[column], self.flipped(row[column]))
        return {"changed"}

    def number(self) -> set[str]:
        """One bit of the number of an entry."""
        seq = self.row()[0]
        new = self.flipped(seq)
        while FIRST <= new <= LAST:  # taken: SQLite would refuse it
            new = self.flipped(seq)
        self.set(seq, "seq", new)
        return {"missing", "put in", "tail cut"}

    def text(self) -> set[str]:
        """Another value in a field."""
        row = self.row()
        column, value = self.random.choice(
            [("actor", "nobody"), ("purpose", "harmless"), ("action", "audit.show"), ("account", "row-x"), ("time", 5)]
        )
        assert row[COLUMNS.index(column)] != value
        self.set(row[0], column, value)
        return {"changed"}

    def shift_between_fields(self) -> set[str]:
        """The end of one field becomes the beginning of the next."""
        row = self.row()
        actor, role = row[3], row[4]
        self.set(row[0], "actor", actor[:-1])
        self.set(row[0], "role", actor[-1] + role)
        return {"changed"}

    def delete(self) -> set[str]:
        """One entry or some in a row, not the last."""
        first = self.random.randint(FIRST, LAST - 1)
        last = min(LAST - 1, first + self.random.choice([0, 0, 0, 1, 5]))
        self.database.execute("DELETE FROM entry WHERE seq BETWEEN ? AND ?", (first, last))
        return {"missing"}

    def delete_and_renumber(self) -> set[str]:
        """As above, with the gap closed."""
        seq = self.random.randint(FIRST, LAST - 2)
        self.database.execute("DELETE FROM entry WHERE seq = ?", (seq,))
        self.renumber(seq, -1)
        return {"missing"}

    def cut(self) -> set[str]:
        """The newest entries."""
        self.database.execute("DELETE FROM entry WHERE seq > ?", (self.random.randint(PRUNED, LAST - 1),))
        return {"tail cut"}

    def forge(self) -> set[str]:
        """A new entry with a made-up link: behind the last, before the first, or between with the rest renumbered."""
        seq = self.random.choice([LAST + 1, self.random.randint(-5, PRUNED), self.random.randint(FIRST, LAST)])
        if FIRST <= seq <= LAST:
            self.renumber(seq - 1, 1)
        forged = (seq, *self.row()[1:-1], self.random.randbytes(32))
        self.insert(forged)
        return {"put in"}

    def forge_with_another_key(self) -> set[str]:
        """An entry that fits in all but the key, behind the last or in place of another."""
        seq = self.random.choice([LAST + 1, self.random.randint(FIRST, LAST)])
        before = self.at(seq - 1)[-1] if seq > FIRST else self.start().link
        fields = (seq, *self.row()[1:-1])
        self.database.execute("DELETE FROM entry WHERE seq = ?", (seq,))
        self.insert((*fields, Chain(b"x" * 32).link(fields, before)))
        return {"put in", "changed"}

    def swap(self) -> set[str]:
        """Two entries change places, with their links."""
        one, two = self.two()
        self.insert((one[0], *two[1:]), replace=True)
        self.insert((two[0], *one[1:]), replace=True)
        return {"reordered"}

    def swap_fields(self) -> set[str]:
        """Two entries change places, the links stay."""
        one, two = self.two()
        while one[1:-1] == two[1:-1]:
            one, two = self.two()
        self.insert((one[0], *two[1:-1], one[-1]), replace=True)
        self.insert((two[0], *one[1:-1], two[-1]), replace=True)
        # Of neighbours neither is there to vouch for the other.
        return {"changed"} if two[0] > one[0] + 1 else {"put in"}

    def repeat(self) -> set[str]:
        """An entry a second time: at the end, or over another."""
        one, two = self.two()
        seq = self.random.choice([LAST + 1, two[0]])
        self.insert((seq, *one[1:]), replace=True)
        return {"reordered", "put in"}

    def repeat_the_end(self) -> set[str]:
        """The last entries a second time."""
        number = self.random.randint(1, 10)
        for row in [self.at(LAST - number + 1 + step) for step in range(number)]:
            self.insert((row[0] + number, *row[1:]))
        return {"reordered", "put in"}

    def start_bit(self) -> set[str]:
        """One bit of the start."""
        column = self.random.choice(["seq", "link", "seal"])
        (old,) = self.database.execute(f"SELECT {column} FROM start").fetchone()
        self.database.execute(f"UPDATE start SET {column} = ?", (self.flipped(old),))
        return {"start moved"}

    def move_start(self) -> set[str]:
        """The oldest entries go, and the start names the last of them."""
        seq = self.random.randint(FIRST, LAST)
        self.database.execute("UPDATE start SET seq = ?, link = ?", (seq, self.at(seq)[-1]))
        self.database.execute("DELETE FROM entry WHERE seq <= ?", (seq,))
        if self.random.random() < 0.5:
            self.database.execute("UPDATE start SET seal = ?", (self.random.randbytes(32),))
        return {"start moved"}

    def drop_start(self) -> set[str]:
        """There is no start."""
        self.database.execute("DELETE FROM start")
        return {"start moved"}

    def head_bit(self) -> set[str]:
        """One bit of the head."""
        self.head = self.flipped(self.genuine)
        return {"head"}

    def other_head(self) -> set[str]:
        """No head, half of it, or another."""
        size = len(self.genuine)
        half = self.genuine[: self.random.randrange(size)]
        self.head = self.random.choice([None, half, self.genuine + b"x", self.random.randbytes(size)])
        return {"head"}

    def other_tables(self) -> set[str]:
        """Something that would hide or alter entries."""
        self.database.execute(
            self.random.choice(
                [
                    "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE seq = new.seq; END",
                    "CREATE INDEX i ON entry (account)",
                    "ALTER TABLE entry ADD COLUMN more TEXT",
                    "CREATE VIEW v AS SELECT 1",
                    "PRAGMA user_version = 0",
                ]
            )
        )
        return {"changed"}

    def at(self, seq: int) -> Row:
        """An entry."""
        row: Row = self.database.execute(f"SELECT {', '.join(COLUMNS)} FROM entry WHERE seq = ?", (seq,)).fetchone()
        return row

    def row(self) -> Row:
        """Any entry."""
        return self.at(self.random.randint(FIRST, LAST))

    def two(self) -> tuple[Row, Row]:
        """Two entries, neighbours half the time, whose fields may be the same."""
        one = self.random.randint(FIRST, LAST - 1)
        other = one + 1 if self.random.random() < 0.5 else self.random.randint(one + 1, LAST)
        return self.at(one), self.at(other)

    def start(self) -> Start:
        """The start."""
        return Start(*self.database.execute("SELECT seq, link FROM start").fetchone())

    def set(self, seq: int, column: str, value: Any) -> None:
        """Text comes as bytes where it need not be UTF-8 any more."""
        text = isinstance(value, bytes) and column not in ("sealed", "link")
        place = "CAST(? AS TEXT)" if text else "?"
        self.database.execute(f"UPDATE entry SET {column} = {place} WHERE seq = ?", (value, seq))

    def insert(self, row: Row, *, replace: bool = False) -> None:
        """Write a row as it is."""
        verb = "REPLACE" if replace else "INSERT"
        self.database.execute(f"{verb} INTO entry VALUES ({', '.join('?' * len(row))})", row)

    def renumber(self, after: int, by: int) -> None:
        """Move the entries behind a number; over negative numbers, since each must be free when it is taken."""
        self.database.execute("UPDATE entry SET seq = -seq WHERE seq > ?", (after,))
        self.database.execute("UPDATE entry SET seq = -seq + ? WHERE seq < ?", (by, -after))

    def flipped(self, value: Any) -> Any:
        """The value with one bit changed; text as bytes."""
        if value is None:
            return b"x"
        if isinstance(value, int):
            changed = value ^ (1 << self.random.randrange(64))
            return (changed + 2**63) % 2**64 - 2**63  # signed
        data = bytearray(value.encode() if isinstance(value, str) else value)
        if not data:
            return b"x"
        data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        return bytes(data)


WAYS: dict[str, int] = {
    "flip": 30,
    "number": 4,
    "text": 6,
    "shift_between_fields": 4,
    "delete": 8,
    "delete_and_renumber": 4,
    "cut": 6,
    "forge": 8,
    "forge_with_another_key": 4,
    "swap": 6,
    "swap_fields": 4,
    "repeat": 5,
    "repeat_the_end": 3,
    "start_bit": 5,
    "move_start": 4,
    "drop_start": 1,
    "head_bit": 5,
    "other_head": 3,
    "other_tables": 2,
}
