"""Facts: named, typed, documented values that rules read. A new fact is one function in one file here."""

from sentinel.facts import account, actor, credential, device, event, factor, hour, model, network, place, session
from sentinel.facts.look import Look
from sentinel.facts.registry import FACTS, Fact, FactValue

__all__ = [
    "FACTS",
    "Fact",
    "FactValue",
    "Look",
    "account",
    "actor",
    "credential",
    "device",
    "event",
    "factor",
    "hour",
    "model",
    "network",
    "place",
    "session",
]
