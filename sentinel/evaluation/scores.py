"""Every score of every login, in the order of events: judged as the daemon would, then by models and the reference.

Scores never see labels, nor anything later than the event. Answers between the events (``"type": "feedback"``) are
applied when they come, as the daemon would. Nobody else answers, unless a service is asked for that does.
"""

from array import array
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from sentinel.evaluation.reference import Reference, values_of
from sentinel.evaluation.rows import LEGITIMATE, Rows, Scored, Scores
from sentinel.events.alert import KINDS
from sentinel.events.assessment import Assessment
from sentinel.events.sighting import Sighting
from sentinel.facts import Look
from sentinel.facts.look import Scorer
from sentinel.pipeline.holdout import Part
from sentinel.pipeline.item import Arrival
from sentinel.pipeline.replay import Replay
from sentinel.scoring import combine

#: What a comparison on equal terms may leave out: field of the event → what a sighting is without it.
WITHOUT: Final[dict[str, dict[str, None]]] = {
    "device_id": {"device_key": None},
    "rtt_ms": {"rtt_ms": None},
    "client": {"ja4": None, "language": None},
    "session_id": {"session": None},
}
#: What the rules that read models are called.
_MODEL_RULES: Final = "model_"
#: Models that have nothing to say.
_SILENT: Final = (None, None, None)
_LESS: Final = 0.009

Models = tuple[float | None, float | None, float | None]  #: impostor, likelihood, novelty


class Run(msgspec.Struct, kw_only=True):
    """What was scored, and what legitimate people met."""

    rows: Rows = msgspec.field(default_factory=Rows)
    events: int = 0
    repeated: int = 0  #: an event id that came before: counted once
    unplaced: int = 0  #: logins put under attack of which some kinds could not be made (see ``attackers.py``)
    first: int = 0  #: time of the earliest event (micros)
    last: int = 0  #: of the latest
    #: Times (micros) of what is only counted: attackers' tries that failed, by which nobody is let in …
    failed: "array[int]" = msgspec.field(default_factory=lambda: array("q"))
    #: … mails to people about legitimate events …
    mails: "array[int]" = msgspec.field(default_factory=lambda: array("q"))
    #: … and legitimate events that succeeded, other than logins, at the challenge threshold or above.
    other_challenges: "array[int]" = msgspec.field(default_factory=lambda: array("q"))

    def since(self, time: int) -> "Run":
        """What came at or after ``time`` (micros); everything before it only built the past."""

        def late(times: "array[int]") -> "array[int]":
            return array("q", [at for at in times if at >= time])

        return replace(
            self, rows=self.rows.since(time), failed=late(self.failed), mails=late(self.mails),
            other_challenges=late(self.other_challenges),
        )  # fmt: skip


class Scoring:
    """Scores events one by one, over a past that ``replay`` keeps.

    ``answered`` plays the service of an installation that challenges: whoever is challenged and is the person proves it
    at once, and an attacker does not. So labels tell what happens next, as they would there; never the score itself.
    ``part`` is what counts; ``without`` names fields (:data:`WITHOUT`) that no event has.
    """

    def __init__(
        self,
        replay: Replay,
        scorer: Scorer | None = None,
        *,
        answered: bool = False,
        part: Part | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self.run = Run()
        self._replay = replay
        self._scorer = scorer
        self._answered = answered
        self._part = part or Part()
        self._dropped = {name: value for field in without for name, value in WITHOUT[field].items()}
        self._reference = Reference()
        self._numbers: dict[str, int] = {}
        self._earlier = array("I")  #: by those numbers
        self._taken: set[tuple[str, str | None]] = set()

    def arrival(self, arrival: Arrival, kind: str) -> None:
        """Score an event and learn it. ``kind`` is ``legitimate`` or the kind of attack."""
        arrival = self.bare(arrival)
        sighting, run = arrival.sighting, self.run
        run.events += 1
        run.first = min(run.first or sighting.time, sighting.time)
        run.last = max(run.last, sighting.time)
        again = self._replay.concluded(sighting) is not None
        wanted = self._wanted(sighting, kind)
        asked = sighting.judged and sighting.account is not None and not again
        models = self.models(self._replay, arrival) if asked else _SILENT
        judged = self._replay.judge(arrival)
        counts = self._part.holds(arrival.account or "", self.earlier(sighting.account))
        risks = _risks(judged.assessment, models[0], asked=self._asked(self._replay, arrival))
        thresholds = self._replay.settings_of(arrival).of(sighting).thresholds
        challenged = sighting.judged and max(risk or 0.0 for risk in risks) >= thresholds.challenge
        if kind == LEGITIMATE:
            if counts:
                to_people = [each for each in judged.notices if each.account is not None and each.kind in KINDS]
                run.mails.extend([sighting.time] * len(to_people))
            if counts and challenged and sighting.type != "login":
                run.other_challenges.append(sighting.time)
        elif not sighting.judged and sighting.attempt:
            run.failed.append(sighting.time)
        if wanted:
            if not again and counts:  # a login that concludes a pending one is the same login
                self.add(arrival, kind, (*risks, *models, self.reference(sighting)))
            self._learn(sighting, kind, again=again)
        if challenged and self._answered and sighting.outcome == "success":
            self._replay.answer(sighting.key, LEGITIMATE if kind == LEGITIMATE else "compromised")

    def bare(self, arrival: Arrival) -> Arrival:
        """The event without the fields that no event shall have."""
        if not self._dropped:
            return arrival
        return replace(arrival, sighting=replace(arrival.sighting, **self._dropped))

    def aside(self, aside: Replay, arrival: Arrival) -> Scores:
        """The scores of an event that nothing here remembers; ``aside`` judges it, and may."""
        models = self.models(aside, arrival)
        assessment = aside.judge(arrival).assessment
        return (
            *_risks(assessment, models[0], asked=self._asked(aside, arrival)),
            *models,
            self.reference(arrival.sighting),
        )

    def add(self, arrival: Arrival, kind: str, scores: Scores) -> None:
        """Keep the scores of a login, or of an attacker's session, in the order of :data:`NAMES`."""
        sighting = arrival.sighting
        assert sighting.account is not None
        earlier = self.earlier(sighting.account)
        self.run.rows.append(Scored(sighting.account, sighting.time, sighting.type, earlier, kind, scores))

    def counts(self, arrival: Arrival) -> bool:
        """Whether the account is among those that count, by now."""
        return self._part.holds(arrival.account or "", self.earlier(arrival.sighting.account))

    def earlier(self, account: str | None) -> int:
        """Legitimate logins of an account so far."""
        number = self._numbers.get(account) if account is not None else None
        return self._earlier[number] if number is not None else 0

    def models(self, replay: Replay, arrival: Arrival) -> Models:
        """What the models say, before ``replay`` judges the event."""
        if self._scorer is None:
            return _SILENT
        settings = replay.settings_of(arrival).of(arrival.sighting)
        commons = replay.commons_of(arrival.tenant)
        profile = replay.profile(arrival.sighting.account)
        look = Look(arrival.sighting, profile, settings.trust, settings.origins, commons=commons)
        return self._scorer.impostor(look), self._scorer.likelihood(look), self._scorer.novelty(look)

    def _asked(self, replay: Replay, arrival: Arrival) -> bool:
        settings = replay.settings_of(arrival).of(arrival.sighting)
        rule = settings.rules.rule(_MODEL_RULES + "impostor")
        return settings.scorer is not None and rule is not None and rule.rule.status == "live"

    def reference(self, sighting: Sighting) -> float | None:
        """What the published model says."""
        assert sighting.account is not None
        return self._reference.score(sighting.account, values_of(sighting))

    def close(self) -> None:
        """Let temporary files go."""
        self._reference.close()

    def _wanted(self, sighting: Sighting, kind: str) -> bool:
        if not sighting.judged or sighting.account is None:
            return False
        if sighting.type == "login":
            return True
        if sighting.type != "session_seen" or kind == LEGITIMATE:
            return False
        session = (kind, sighting.session)
        first = session not in self._taken
        self._taken.add(session)
        return first

    def _learn(self, sighting: Sighting, kind: str, *, again: bool) -> None:
        account = sighting.account
        assert account is not None
        if kind == LEGITIMATE and not again:
            number = self._numbers.setdefault(account, len(self._numbers))
            if number == len(self._earlier):
                self._earlier.append(0)
            self._earlier[number] += 1
        if sighting.type == "login" and sighting.outcome == "success":
            self._reference.learn(account, values_of(sighting))


def _risks(assessment: Assessment, impostor: float | None, *, asked: bool) -> tuple[float | None, float]:
    """The risk as the daemon has it, where there is an impostor score, and that of the rules alone.

    ``asked``: a rule asks the model, as the packaged ones do, but only about some logins, and many have one risk:
    among those the impostor score decides, by less than the hundredth that a risk is told to. Else it is put beside
    the rules.
    """
    rules = judged = assessment.risk or 0.0
    if any(finding.rule.startswith(_MODEL_RULES) for finding in assessment.findings):
        live = [finding for finding in assessment.findings if finding.status == "live"]
        own = [(finding.group, finding.risk) for finding in live if not finding.rule.startswith(_MODEL_RULES)]
        rules = combine(own)[0]
    if impostor is None:
        return None, rules
    return (judged + _LESS * impostor if asked else 100 * (1 - (1 - rules / 100) * (1 - impostor))), rules
