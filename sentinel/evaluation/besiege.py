"""Which logins of stored history are attacked, and when: a sample that is bounded, seeded, and judged in event time."""

from heapq import heappop, heappush
from math import inf
from random import Random
from typing import Final

from sentinel.enrich.sighting import Enricher
from sentinel.evaluation.aside import Aside
from sentinel.evaluation.attackers import SINGLE, Login, Scene
from sentinel.evaluation.contexts import Contexts
from sentinel.evaluation.informed import KIND as INFORMED
from sentinel.evaluation.informed import informed
from sentinel.evaluation.rows import Scores
from sentinel.evaluation.scores import Scoring
from sentinel.pipeline.item import Arrival
from sentinel.pipeline.replay import Replay

#: Logins attacked, each by every kind. With 300 a share caught is known to 3 to 6 %.
NUMBER: Final = 300


class Siege:
    """Puts attackers onto a sample of logins. Nothing that they do reaches ``replay`` or what ``scoring`` learned."""

    def __init__(
        self,
        replay: Replay,
        scoring: Scoring,
        contexts: Contexts,
        enricher: Enricher,
        *,
        number: int = NUMBER,
        seed: int = 1,
        records: int = 0,
        since: int = 0,
    ) -> None:
        """``number`` logins out of ``records`` records, of those at or after ``since`` (micros)."""
        self._replay, self._scoring = replay, scoring
        roll = Random(f"{seed}/besiege")  # noqa: S311  # repeatable, nothing secret
        self._roll = roll
        self._scene = Scene(contexts, enricher, roll)
        self._wanted, self._records, self._since = number, records, since
        self._passed = self._eligible = self._begun = 0
        self._due: list[tuple[int, int, str, Login]] = []
        self._order = 0

    def before(self, arrival: Arrival, *, legitimate: bool) -> None:
        """An event is about to be judged: let those come who are due, and maybe begin with this login."""
        self.passed()
        time = arrival.sighting.time
        self._come(time)
        if legitimate and self._suits(arrival):
            self._eligible += 1
            if time >= self._since and self._scoring.counts(arrival) and self._roll.random() < self._chance():
                self._begin(arrival)

    def passed(self) -> None:
        """One record less is to come."""
        self._passed += 1

    def end(self) -> None:
        """History is over; those who are still due come now."""
        self._come(inf)

    def _come(self, time: float) -> None:
        """Let those come who are due by a time (micros)."""
        while self._due and self._due[0][0] <= time:
            self._strike()

    def _suits(self, arrival: Arrival) -> bool:
        sighting = arrival.sighting
        return (
            sighting.type == "login"
            and sighting.outcome == "success"
            and sighting.judged
            and sighting.account is not None
            and self._scoring.earlier(sighting.account) > 0
        )

    def _chance(self) -> float:
        """So that about as many are left to choose from as are to be chosen, to the end of the records."""
        left = max(self._records - self._passed, 0) * self._eligible / self._passed
        return (self._wanted - self._begun) / max(left, 1.0)

    def _begin(self, arrival: Arrival) -> None:
        self._begun += 1
        login = Login(arrival, self._begun)
        for kind, (_, least, most) in SINGLE.items():
            if kind == "stolen_session" and arrival.sighting.session is None:
                continue
            self._order += 1
            at = arrival.sighting.time + self._roll.randint(least, most)
            heappush(self._due, (at, self._order, kind, login))
        self._order += 1
        heappush(self._due, (arrival.sighting.time, self._order, INFORMED, login))
        self._come(arrival.sighting.time)

    def _strike(self) -> None:
        at, _, kind, login = heappop(self._due)
        aside = Aside(self._replay)
        if kind == INFORMED:
            found = informed(aside, self._scene, login, at, self._score)
        else:
            attempt = SINGLE[kind][0](aside, self._scene, login, at)
            found = (attempt, self._score(aside, attempt)) if attempt is not None else None
        if found is not None:
            self._scoring.add(found[0], kind, found[1])
        elif kind == INFORMED:
            self._scoring.run.unplaced += 1

    def _score(self, aside: Aside, attempt: Arrival) -> Scores:
        return self._scoring.aside(aside, self._scoring.bare(attempt))
