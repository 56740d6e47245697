"""Scored logins for tests of tables."""

from collections.abc import Iterable

from sentinel.evaluation.compared import Compared, compared
from sentinel.evaluation.rows import LEGITIMATE, NAMES, Rows, Scored


def row(label: str, risk: float | None, reference: float | None = 1.0, *, account: str = "u", earlier: int = 1,
        type: str = "login", time: int = 0, **scores: float | None) -> Scored:  # fmt: skip
    """A row with a risk of the rules and a score of the reference; others by name."""
    held = {"rules": risk, "reference": reference} | scores
    return Scored(account, time, type, earlier, label, tuple([held.get(name) for name in NAMES]))


def people(*risks: float, account: str = "u", reference: float = 1.0) -> list[Scored]:
    """Logins of one account, one after the other."""
    return [row("legitimate", risk, reference, account=account, earlier=n) for n, risk in enumerate(risks)]


def over(rows: Iterable[Scored]) -> Compared:
    """What is compared of them."""
    return compared(Rows(rows))


def score_of(row: Scored, name: str) -> float | None:
    """One score of a row by name."""
    return row.scores[NAMES.index(name)]


def legitimate(row: Scored) -> bool:
    """It was the person."""
    return row.label == LEGITIMATE
