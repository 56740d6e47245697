"""A rule as its file says it (CONTRACT §3), checked but not yet compiled."""

import re
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sentinel.events.clock import DAY, HOUR, MINUTE, SECOND
from sentinel.events.event import Type

RULE_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SPAN: Final = re.compile(r"([1-9]\d{0,5})(s|m|h|d)")
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}

Status = Literal["live", "shadow", "off"]
AlertKind = Literal[
    "new_sign_in",
    "credential_change",
    "suspicious_sign_in",
    "password_known",
    "attack",
    "summary",
    "campaign",
]


Param = bool | int | float | str | list[str]


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sliding window. ``over`` is a span as ``30s``, ``10m``, ``3h`` or ``7d``.

    Either ``count = "events"`` or ``distinct`` names the fact whose distinct values are counted. ``by`` are
    the facts it is kept by, ``where`` a condition an event must meet to be counted (default: every event).
    """

    count: Literal["events"] | None = None
    distinct: str | None = None
    where: str | None = None
    by: Annotated[list[str], Meta(min_length=1, max_length=4)]
    over: str

    @property
    def span(self) -> int:
        """``over`` in micros. Raises :class:`ValueError` when it is not a span of at most 30 days."""
        match = _SPAN.fullmatch(self.over)
        if match is None or int(match[1]) * _UNITS[match[2]] > 30 * DAY:
            raise ValueError("expected a number and s, m, h or d, at most 30d, as 10m")
        return int(match[1]) * _UNITS[match[2]]


class RuleTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case in the rule's file: after ``given``, does the rule fire on ``event``?

    Events are as in CONTRACT §1; left out, ``account`` is one same account, ``outcome`` is ``success``, and
    ``id`` is made up.
    """

    name: Annotated[str, Meta(min_length=1)]
    given: list[dict[str, Any]] = []
    event: dict[str, Any]
    fires: bool
    risk: float | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. ``id`` is its file's stem. What each key means stands in CONTRACT §3 and docs/rules.md."""

    id: str = ""
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    status: Status = "live"
    applies_to: Annotated[list[Type], Meta(min_length=1)]
    when: Annotated[str, Meta(min_length=1)]
    risk: int | float | str
    group: str | None = None
    audience: Literal["account", "operator", "none"] = "account"
    alert: AlertKind | None = None
    message: str | None = None
    tags: list[str] = []
    runbook: str = ""
    falsepositives: list[str] = []
    params: dict[str, Param] = {}
    windows: dict[str, Window] = {}
    test: list[RuleTest] = []

    @property
    def evidence_group(self) -> str:
        """Correlated rules share a group; only the strongest of a group counts."""
        return self.group or self.id
