"""Scenario files: a story of many events, and what must be found on its way.

The format stands in docs/rules.md. A story is judged with all rules in force together, so that it shows what a person
would live through; the cases in a rule's own file run that rule alone.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sentinel.errors import FileError
from sentinel.events.assessment import DECISION_ORDER, LEVEL_ORDER
from sentinel.events.clock import DAY, HOUR, MINUTE, SECOND
from sentinel.toml_source import TomlFile

_SPAN: Final = re.compile(r"(?:\d{1,6}[smhd])+")
_PART: Final = re.compile(r"(\d+)([smhd])")
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
#: Events of one story; a typing error must not keep a machine busy for a day.
MAX_EVENTS: Final = 100_000

Decision = Literal["allow", "notify", "challenge", "block"]
Level = Literal["low", "medium", "high", "critical"]
MailKind = Literal[
    "new_sign_in", "credential_change", "suspicious_sign_in", "password_known", "attack", "summary", "campaign"
]
Count = Annotated[int, Meta(ge=0)]


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From ``at_least`` to ``at_most``, both included; a side left out is open."""

    at_least: str | float | None = None
    at_most: str | float | None = None


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The service says what an event was."""

    event: str
    verdict: Literal["legitimate", "compromised"]


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"as_": "as"}):
    """One step: events, and what is expected of all of them together.

    ``fires``: each held on at least one event of the step, in shadow or live. ``silent``: held on none. ``decision``,
    ``level`` and ``risk`` are about the hardest event; ``mails``, by kind or ``total``, about all so far in the story.
    """

    name: Annotated[str, Meta(min_length=1)]
    who: str | list[str] | None = None
    as_: str | list[str] = []
    in_turn: list[str] = []
    after: str | None = None
    at: str | None = None
    repeat: Annotated[int, Meta(ge=1, le=MAX_EVENTS)] = 1
    every: str | None = None
    event: dict[str, Any] = {}
    without: list[str] = []
    answer: Answer | None = None
    fires: list[str] = []
    silent: list[str] = []
    decision: Decision | Bounds | None = None
    level: Level | Bounds | None = None
    risk: float | Bounds | None = None
    mails: Count | dict[MailKind | Literal["total"], Count | Bounds] | None = None


class Never(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must not be found anywhere in the story."""

    fires: list[str] = []
    decision: list[Decision] = []
    level: list[Level] = []
    mails: list[MailKind] = []


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole story. ``people`` and ``templates`` are fields of events by name."""

    title: Annotated[str, Meta(min_length=1)]
    start: Annotated[datetime, Meta(tz=True)] = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
    people: dict[str, dict[str, Any]] = {}
    templates: dict[str, dict[str, Any]] = {}
    step: Annotated[list[Step], Meta(min_length=1)]
    never: Never = Never()


class ScenarioFile(msgspec.Struct, frozen=True):
    """A scenario and the file it stands in, for errors that say where."""

    scenario: Scenario
    source: TomlFile

    def error(self, message: str, *key: str | int) -> FileError:
        """An error about a key of the file."""
        return self.source.error(message, *key)


def is_scenario(source: TomlFile) -> bool:
    """Whether a TOML file is a story rather than a rule."""
    return "step" in source.data or "people" in source.data


def read_scenario(source: TomlFile) -> ScenarioFile:
    """Check a story; raises :class:`FileError` with file, line and key of the first thing that is wrong."""
    try:
        scenario = msgspec.convert(source.data, Scenario)
    except msgspec.ValidationError as error:
        raise _located(source, str(error)) from None
    file = ScenarioFile(scenario, source)
    names: set[str] = set()
    for number, step in enumerate(scenario.step):
        where = ("step", number)
        if step.name in names:
            raise file.error(f"two steps are called {step.name!r}", *where, "name")
        names.add(step.name)
        for key in ("after", "at", "every"):
            if (text := getattr(step, key)) is not None:
                try:
                    span(text)
                except ValueError as error:
                    raise file.error(str(error), *where, key) from None
        if step.who is None and not step.event and step.answer is None:
            raise file.error("a step has who, an event or an answer", *where, "name")
        if step.repeat > 1 and step.every is None:
            raise file.error("a step that repeats says how often: every", *where, "repeat")
        if step.at is not None and step.after is not None:
            raise file.error("either at (since the start) or after (since the step before)", *where, "at")
        for key, given, known, what in (
            ("who", listed(step.who), scenario.people, "person"),
            ("as", listed(step.as_), scenario.templates, "template"),
            ("in_turn", step.in_turn, scenario.templates, "template"),
        ):
            for name in given:
                if name not in known:
                    raise file.error(f"there is no {what} {name!r} in this file", *where, key)
        _check_bounds(file, step, where)
    return file


def _check_bounds(file: ScenarioFile, step: Step, where: tuple[str | int, ...]) -> None:
    for key, order in (("decision", DECISION_ORDER), ("level", LEVEL_ORDER)):
        bounds = getattr(step, key)
        if isinstance(bounds, Bounds):
            for side in (bounds.at_least, bounds.at_most):
                if side is not None and side not in order:
                    raise file.error(f"expected one of {', '.join(order)}, got {side!r}", *where, key)
    mails = step.mails.values() if isinstance(step.mails, dict) else ()
    for key, value in (("risk", step.risk), *(("mails", value) for value in mails)):
        if isinstance(value, Bounds) and any(isinstance(side, str) for side in (value.at_least, value.at_most)):
            raise file.error("expected numbers", *where, key)


def span(text: str) -> int:
    """A span as ``90s``, ``10m``, ``3h``, ``2d`` or ``1d12h``, in micros. Raises :class:`ValueError`."""
    if not _SPAN.fullmatch(text):
        raise ValueError(f"{text!r}: expected a span as 10m, 3h or 1d12h")
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def listed(value: str | list[str] | None) -> list[str]:
    """One name or several as a list."""
    return [value] if isinstance(value, str) else value or []


def _located(source: TomlFile, text: str) -> FileError:
    message, _, place = text.partition(" - at `$")
    key: list[str | int] = []
    for part in re.findall(r"\.(\w+)|\[(\d+)\]", place):
        key.append(part[0] or int(part[1]))
    if (unknown := re.search(r"unknown field `(\w+)`", message)) is not None:
        return source.error("unknown key", *key, unknown[1])
    if (missing := re.search(r"missing required field `(\w+)`", message)) is not None:
        return source.error("required", *key, missing[1])
    return source.error(message[:1].lower() + message[1:], *key)
