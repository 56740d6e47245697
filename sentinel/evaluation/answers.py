"""The answers in stored history: who said what of which event."""

import msgspec

from sentinel.store.protocol import Store


class Answers(msgspec.Struct, frozen=True):
    """How many stored events were answered, and how."""

    legitimate: int
    compromised: int


async def verdicts_of(store: Store, tenant: str) -> dict[str, str]:
    """Key of each record that was answered → the last answer."""
    answers = store.history(type="feedback")
    return {each.body.decode(): each.assessment.decode() async for each in answers if each.tenant == tenant}


def count_answers(verdicts: dict[str, str]) -> Answers:
    """How many of each answer.

    >>> count_answers({"a": "legitimate", "b": "compromised", "c": "legitimate"})
    Answers(legitimate=2, compromised=1)
    """
    given = list(verdicts.values())
    return Answers(given.count("legitimate"), given.count("compromised"))
