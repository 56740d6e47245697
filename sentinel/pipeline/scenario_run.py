"""Telling a story to the rules, step by step, and saying where they judge otherwise than the story expects."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from sentinel.enrich.sighting import Enricher
from sentinel.errors import FieldError
from sentinel.events.assessment import DECISION_ORDER, LEVEL_ORDER, Assessment, Finding
from sentinel.events.clock import MINUTE, SECOND, to_micros, to_text
from sentinel.events.event import convert_event
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.replay import Replay
from sentinel.pipeline.scenario import MAX_EVENTS, Bounds, ScenarioFile, Step, listed, span

_TENANT: Final = "default"
_Order = Mapping[str, int]


class ScenarioResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a story went; no ``problems`` when as expected. Each says step, place, what was expected and what found."""

    file: str
    title: str
    steps: int
    events: int
    problems: list[str]


def run_scenario(file: ScenarioFile, settings: TenantSettings, enricher: Enricher) -> ScenarioResult:
    """Judge the whole story with ``settings``. The enricher needs no databases: events bring their place and network.

    Raises :class:`FileError` when an event of the story is wrong.
    """
    story = _Story(file, settings, enricher)
    for number in range(len(file.scenario.step)):
        story.tell(number)
    return ScenarioResult(
        file=file.source.path,
        title=file.scenario.title,
        steps=len(file.scenario.step),
        events=story.events,
        problems=story.problems,
    )


class _Story:
    def __init__(self, file: ScenarioFile, settings: TenantSettings, enricher: Enricher) -> None:
        self.file, self.enricher = file, enricher
        self.problems: list[str] = []
        self.events = 0
        self._replay = Replay(settings)
        self._known = {each.compiled.rule.id for each in settings.rules.files}
        self._start = self._clock = to_micros(file.scenario.start)
        self._mails: Counter[str] = Counter()
        never = file.scenario.never
        for rule in never.fires:
            if rule not in self._known:
                raise file.error(f"there is no rule {rule!r}; `sentinel rules list` shows them", "never", "fires")

    def tell(self, number: int) -> None:
        """Judge one step and compare."""
        step = self.file.scenario.step[number]
        for key in ("fires", "silent"):
            for rule in getattr(step, key):
                if rule not in self._known:
                    message = f"there is no rule {rule!r}; `sentinel rules list` shows them"
                    raise self.file.error(message, "step", number, key)
        assessments = []
        mails = Counter(self._mails)
        for event in self._happenings(number, step):
            assessments.append(self._judge(number, event))
        if step.answer is not None:
            key = self.enricher.event_key(_TENANT, step.answer.event)
            if not self._replay.answer(key, step.answer.verdict):
                raise self.file.error(
                    f"no event {step.answer.event!r} happened before; give it an id", "step", number, "answer", "event"
                )
        for problem in [*_expected(step, assessments, self._mails), *self._forbidden(assessments, self._mails - mails)]:
            line, _ = self.file.source.position("step", number)
            self.problems.append(f"line {line}, step {step.name!r}: {problem}")

    def _happenings(self, number: int, step: Step) -> Iterator[dict[str, Any]]:
        people: list[str | None] = [*listed(step.who)] or [None]
        if step.who is None and not step.event:
            return
        if step.at is not None:
            begin = self._start + span(step.at)
        elif step.after is not None:
            begin = self._clock + span(step.after)
        else:
            begin = self._clock + (MINUTE if number else 0)
        every = span(step.every) if step.every is not None else 0
        for turn in range(step.repeat):
            for place, person in enumerate(people):
                self._clock = begin + turn * every + place * SECOND
                yield self._fields(number, step, turn, person)

    def _fields(self, number: int, step: Step, turn: int, person: str | None) -> dict[str, Any]:
        scenario = self.file.scenario
        fields: dict[str, Any] = {"outcome": "success", "id": f"step-{number}-{turn}-{person or ''}"}
        if person is not None:
            fields |= {"account": person} | scenario.people[person]
        templates = [*listed(step.as_), *([step.in_turn[turn % len(step.in_turn)]] if step.in_turn else [])]
        for template in templates:
            fields |= scenario.templates[template]
        fields |= step.event
        for name in step.without:
            fields.pop(name, None)
        return {"time": to_text(self._clock)} | {name: _numbered(value, turn) for name, value in fields.items()}

    def _judge(self, number: int, fields: dict[str, Any]) -> Assessment:
        self.events += 1
        if self.events > MAX_EVENTS:
            raise self.file.error(f"a story has at most {MAX_EVENTS:,} events", "step", number, "repeat")
        try:
            event = convert_event(fields)
        except FieldError as error:
            raise self.file.error(f"an event of this step is wrong: {error}", "step", number) from None
        judged = self._replay.judge(arrive(self.enricher, _TENANT, event))
        self._mails.update(notice.kind for notice in judged.notices)
        return judged.assessment

    def _forbidden(self, assessments: list[Assessment], mails: Counter[str]) -> Iterator[str]:
        never = self.file.scenario.never
        found = {finding.rule for assessment in assessments for finding in assessment.findings}
        for rule in never.fires:
            if rule in found:
                yield f"never expected: {rule} fired; found {_told(_hardest(assessments))}"
        for decision in never.decision:
            if any(_decision(assessment) == decision for assessment in assessments):
                yield f"never expected: decision {decision}; found {_told(_hardest(assessments))}"
        for level in never.level:
            if any(assessment.level == level for assessment in assessments):
                yield f"never expected: level {level}; found {_told(_hardest(assessments))}"
        for kind in never.mails:
            if mails[kind]:
                yield f"never expected: a mail of kind {kind}; found {_told(_hardest(assessments))}"


def _expected(step: Step, assessments: list[Assessment], mails: Counter[str]) -> Iterator[str]:
    found = {finding.rule for assessment in assessments for finding in assessment.findings}
    hardest = _hardest(assessments)
    for rule in step.fires:
        if rule not in found:
            missing = sorted({name for a in assessments for u in a.unjudged if u.rule == rule for name in u.missing})
            because = f" ({rule} was not judged: {', '.join(missing)} unknown)" if missing else ""
            yield f"expected {rule} to fire; found {_told(hardest)}{because}"
    for rule in step.silent:
        if rule in found:
            first = next(a for a in assessments if any(finding.rule == rule for finding in a.findings))
            yield f"expected {rule} to stay silent; it fired at {first.time}: {_told(first)}"
    if not assessments and (step.decision, step.level, step.risk) != (None, None, None):
        yield "a step without events has no decision, level or risk"
    elif hardest is not None:
        decision = max((_decision(each) for each in assessments), key=DECISION_ORDER.__getitem__)
        yield from _compared("decision", step.decision, decision, hardest, DECISION_ORDER)
        yield from _compared("level", step.level, hardest.level, hardest, LEVEL_ORDER)
        yield from _compared("risk", step.risk, hardest.risk, hardest, None)
    if step.mails is not None:
        wanted = step.mails if isinstance(step.mails, dict) else {"total": step.mails}
        for kind, number in wanted.items():
            sent = mails.total() if kind == "total" else mails[kind]
            if not _fits(number, sent, None):
                so_far = ", ".join(f"{count} {each}" for each, count in sorted(mails.items())) or "none"
                what = "mails" if kind == "total" else f"mails of kind {kind}"
                yield f"expected {_words(number)} {what} so far; found {so_far}"


def _compared(what: str, wanted: Any, got: Any, hardest: Assessment, order: _Order | None) -> Iterator[str]:
    if wanted is not None and not _fits(wanted, got, order):
        yield f"expected {what} {_words(wanted)}, got {_number(got)}; found {_told(hardest)}"


def _fits(wanted: Any, got: Any, order: _Order | None) -> bool:
    def rank(value: Any) -> Any:
        return order[value] if order is not None else value

    if not isinstance(wanted, Bounds):
        return bool(wanted == got)
    low, high = wanted.at_least, wanted.at_most
    return (low is None or rank(low) <= rank(got)) and (high is None or rank(got) <= rank(high))


def _words(wanted: Any) -> str:
    if not isinstance(wanted, Bounds):
        return _number(wanted)
    sides = (("at least", wanted.at_least), ("at most", wanted.at_most))
    return " and ".join(f"{name} {_number(side)}" for name, side in sides if side is not None)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _hardest(assessments: list[Assessment]) -> Assessment | None:
    return max(assessments, key=lambda each: each.risk or 0.0, default=None)


def _decision(assessment: Assessment) -> str:
    """What it would have been: in observe mode a story tells the rules' wish all the same."""
    return assessment.decision if assessment.would is msgspec.UNSET else assessment.would


def _told(assessment: Assessment | None) -> str:
    if assessment is None:
        return "no events"
    findings = ", ".join(_finding(finding) for finding in assessment.findings) or "nothing"
    return f"{findings} (risk {assessment.risk or 0:g}, {_decision(assessment)})"


def _finding(finding: Finding) -> str:
    return f"{finding.rule} {finding.risk:g}{' in shadow' if finding.status == 'shadow' else ''}"


def _numbered(value: Any, turn: int) -> Any:
    """``value`` with ``{n}`` in texts replaced by the number of the repetition, and times as events have them."""
    if isinstance(value, str):
        return value.replace("{n}", str(turn))
    if isinstance(value, dict):
        return {name: _numbered(part, turn) for name, part in value.items()}
    if isinstance(value, list):
        return [_numbered(part, turn) for part in value]
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
