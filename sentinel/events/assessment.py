"""What is said about an event: findings, and the assessment they add up to (CONTRACT §2)."""

from typing import Any, Final

import msgspec

#: Lowest risk of each level (CONTRACT §2).
LEVELS: Final = (("critical", 85.0), ("high", 60.0), ("medium", 30.0), ("low", 0.0))
LEVEL_ORDER: Final = {"low": 0, "medium": 1, "high": 2, "critical": 3}
#: Decisions from the mildest to the hardest.
DECISION_ORDER: Final = {"allow": 0, "notify": 1, "challenge": 2, "block": 3}


def level_of(risk: float) -> str:
    """The level of a risk of 0 to 100.

    >>> level_of(29.99), level_of(30), level_of(85)
    ('low', 'medium', 'critical')
    """
    for name, lowest in LEVELS:
        if risk >= lowest:
            return name
    raise ValueError(f"risk is 0 to 100, got {risk}")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that held. ``risk`` is 0 to 100, ``share`` its part of the total (all live ones are 1)."""

    rule: str
    title: str
    status: str
    group: str
    risk: float
    share: float = 0.0
    evidence: dict[str, Any] = {}


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What would help now: methods that would prove something, sessions to end, a change to hold back."""

    methods: list[str] = []
    end_sessions: bool = False
    hold_change: bool = False


class Unjudged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that could not be judged, and the facts that were missing or the reason."""

    rule: str
    missing: list[str] = []
    reason: str | None = None


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one event, in the contract's order of keys."""

    event: str
    account: str | None
    time: str
    risk: float | None
    level: str | None
    decision: str
    scope: str = "attempt"
    until: str | msgspec.UnsetType = msgspec.UNSET
    act: Act = Act()
    findings: list[Finding] = []
    alert: str | None = None
    warming_up: bool = False
    unjudged: list[Unjudged] = []
    ruleset: str = ""
    models: dict[str, str] = {}
    would: str | msgspec.UnsetType = msgspec.UNSET
    restricted: bool | msgspec.UnsetType = msgspec.UNSET
    duplicate: bool | msgspec.UnsetType = msgspec.UNSET
    campaign: str | msgspec.UnsetType = msgspec.UNSET  #: where ``alert`` names the account's: the operators' one


encode_assessment: Final = msgspec.json.Encoder().encode
