"""Every score of every login of labelled events, in their order: judged as the daemon would, then by the reference.

Scores never see labels, nor anything later than the event. Answers between the events (``"type": "feedback"``) are
applied when they come, as the daemon would. Nobody else answers, unless a service is asked for that does.
"""

from typing import Final

import msgspec

from sentinel.enrich.sighting import Enricher
from sentinel.errors import SourceError
from sentinel.evaluation.reference import Reference, values_of
from sentinel.events.event import Event, Feedback
from sentinel.events.sighting import Sighting
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.replay import Replay

#: The scores, in the order of :attr:`Scored.scores`: the combined risk of the rules, 0 to 100; the published model.
NAMES: Final = ("rules", "reference")
LEGITIMATE: Final = "legitimate"
#: What an attack is called whose label names no kind.
ANY_ATTACK: Final = "attack"


class Scored(msgspec.Struct, frozen=True, array_like=True):
    """A login that succeeded, is pending or had the right password; of attackers also a session when first seen.

    ``account`` is a pseudonym, ``time`` micros. ``earlier``: legitimate logins of the account before it.
    ``label``: ``legitimate``, or the kind of attack. ``scores``: one for each of :data:`NAMES`, higher is riskier,
    ``None`` where a score has nothing to go by.
    """

    account: str
    time: int
    type: str
    earlier: int
    label: str
    scores: tuple[float | None, ...]

    @property
    def legitimate(self) -> bool:
        """It was the person."""
        return self.label == LEGITIMATE


class Run(msgspec.Struct, kw_only=True):
    """What was scored, and what legitimate people met."""

    rows: list[Scored] = []
    events: int = 0
    repeated: int = 0  #: an event id that came before: counted once
    failed: int = 0  #: attackers' tries that failed: they are counted by rules, but nobody is let in
    mails: int = 0  #: to people, about legitimate events
    other_challenges: int = (
        0  #: legitimate events that succeeded, other than logins, at the challenge threshold or above
    )


class Scoring:
    """Scores events one by one, over a past that ``replay`` keeps.

    ``answered`` plays the service of an installation that challenges: whoever is challenged and is the person proves it
    at once, and an attacker does not. So labels tell what happens next, as they would there; never the score itself.
    """

    def __init__(self, replay: Replay, *, answered: bool = False) -> None:
        self.run = Run()
        self._replay = replay
        self._answered = answered
        self._reference = Reference()
        self._earlier: dict[str, int] = {}
        self._taken: set[tuple[str, str | None]] = set()

    def arrival(self, arrival: Arrival, kind: str) -> None:
        """Score an event and learn it. ``kind`` is ``legitimate`` or the kind of attack."""
        sighting, run = arrival.sighting, self.run
        if sighting.key in self._replay.answerable:
            run.repeated += 1
            return
        run.events += 1
        again = self._replay.concluded(sighting) is not None
        judged = self._replay.judge(arrival)
        risk = judged.assessment.risk or 0.0
        thresholds = self._replay.settings_of(arrival).of(sighting).thresholds
        challenged = sighting.judged and risk >= thresholds.challenge
        if kind == LEGITIMATE:
            run.mails += sum(notice.account is not None for notice in judged.notices)
            run.other_challenges += challenged and sighting.type != "login"
        elif not sighting.judged:
            run.failed += sighting.attempt
        if self._wanted(sighting, kind):
            self._score(sighting, kind, risk, again=again)
        if challenged and self._answered and sighting.outcome == "success":
            self._replay.answer(sighting.key, LEGITIMATE if kind == LEGITIMATE else "compromised")

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

    def _score(self, sighting: Sighting, kind: str, risk: float, *, again: bool) -> None:
        account, values = sighting.account, values_of(sighting)
        assert account is not None
        if not again:  # a login that concludes a pending one is the same login
            earlier = self._earlier.get(account, 0)
            scores = (risk, self._reference.score(account, values))
            self.run.rows.append(Scored(account, sighting.time, sighting.type, earlier, kind, scores))
            if kind == LEGITIMATE:
                self._earlier[account] = earlier + 1
        if sighting.type == "login" and sighting.outcome == "success":
            self._reference.learn(account, values)


class Labelled:
    """Scores the labelled events of files. All in memory: the past of every account, and every event for its answer."""

    def __init__(self, settings: TenantSettings, enricher: Enricher, tenant: str, *, answered: bool = False) -> None:
        self._replay = Replay(settings)
        self._scoring = Scoring(self._replay, answered=answered)
        self._enricher = enricher
        self._tenant = tenant

    @property
    def run(self) -> Run:
        """What was scored so far."""
        return self._scoring.run

    def answer(self, feedback: Feedback) -> bool:
        """An answer between the events; false when its event was not there before it."""
        return self._replay.answer(self._enricher.event_key(self._tenant, feedback.event), feedback.verdict)

    def event(self, event: Event) -> None:
        """Score an event and learn it. Raises :class:`SourceError` when it has no label."""
        if event.label is None:
            raise SourceError(
                "label: missing; only labelled events can be evaluated: legitimate, attack or attack:KIND on every "
                "line. `sentinel simulate --attackers all` makes such a file; the public data set has labels "
                "(--from rba)"
            )
        self._scoring.arrival(arrive(self._enricher, self._tenant, event), kind_of(event.label))


def kind_of(label: str) -> str:
    """``legitimate``, or the kind of attack.

    >>> kind_of("attack:vpn"), kind_of("attack"), kind_of("legitimate")
    ('vpn', 'attack', 'legitimate')
    """
    return label.removeprefix("attack:")
