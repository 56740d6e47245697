"""The answers in stored history: who said what of which event."""

import msgspec


class Answers(msgspec.Struct, frozen=True):
    """How many stored events were answered, and how."""

    legitimate: int
    compromised: int


def count_answers(verdicts: dict[str, str]) -> Answers:
    """How many of each answer.

    >>> count_answers({"a": "legitimate", "b": "compromised", "c": "legitimate"})
    Answers(legitimate=2, compromised=1)
    """
    given = list(verdicts.values())
    return Answers(given.count("legitimate"), given.count("compromised"))
