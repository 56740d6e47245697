"""Judging simulated traffic as the daemon would, and counting what people and attackers met.

The service is simulated as well: who is challenged proves who they are, and the service says so (`legitimate`);
an attacker who is challenged fails, stops there, and the service says so (`compromised`); a person whose account was
taken over finds out after three days. Mails are not answered by anybody: that is the worst case for folding.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

from sentinel.enrich.countries import load_countries
from sentinel.enrich.databases import open_database, unpack
from sentinel.enrich.network import NetworkReader
from sentinel.enrich.operators import load_operators
from sentinel.enrich.place import PlaceReader
from sentinel.enrich.sighting import Enricher
from sentinel.events.clock import DAY
from sentinel.events.event import Event
from sentinel.events.sighting import Sighting
from sentinel.pipeline.answers import apply_answer
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.judge import Judged
from sentinel.pipeline.replay import Replay
from sentinel.privacy.keys import KEY_BYTES, Secret
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.simulation.friction import Friction
from sentinel.simulation.mails import Mails
from sentinel.simulation.outcomes import Outcomes
from sentinel.store.protocol import Record

_TENANT: Final = "default"
_STOPPED: Final = frozenset({"challenge", "block"})
#: A person finds out about a take-over after so long.
_FOUND_OUT: Final = 3 * DAY


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a run showed."""

    events: int
    friction: Friction
    outcomes: Outcomes
    mails: Mails


class _Due(msgspec.Struct, frozen=True):
    """An answer of the service that is due: what it concerns and what it says."""

    sighting: Sighting
    judged: Judged
    verdict: str


def enricher(state: Path) -> Enricher:
    """An enricher over the packaged databases; its key is no secret: nothing simulated is a person's."""
    places = PlaceReader(open_database("city", unpack("city", state)), load_countries())
    networks = NetworkReader(open_database("asn", unpack("asn", state)), load_operators())
    return Enricher(Pseudonymizer(Secret(bytes(KEY_BYTES))), places, networks)


def measure(
    events: Iterable[dict[str, Any]],
    settings: TenantSettings,
    enriched: Enricher,
    measured_from: int,
    progress: Callable[[int], None] = lambda time: None,
) -> Figures:
    """Judge all of ``events``; count those at or after ``measured_from`` (micros). ``progress`` hears the time."""
    return _Run(settings, enriched, measured_from, progress).all(events)


class _Run:
    def __init__(
        self, settings: TenantSettings, enriched: Enricher, measured_from: int, progress: Callable[[int], None]
    ) -> None:
        self._replay = Replay(settings)
        self._enricher = enriched
        self._from = measured_from
        self._progress = progress
        self._friction, self._outcomes, self._mails = Friction(), Outcomes(), Mails()
        self._due: list[tuple[int, int, _Due]] = []
        self._order = count()
        self._over: set[str] = set()

    def all(self, events: Iterable[dict[str, Any]]) -> Figures:
        """Judge and count everything."""
        number = 0
        for number, told in enumerate(events, start=1):
            extra = told.get("extra") or {}
            episode = extra.get("episode")
            if episode is not None and episode in self._over:
                continue
            event = msgspec.convert(told, Event)
            arrival = arrive(self._enricher, _TENANT, event)
            time = arrival.sighting.time
            self._answers(time)
            judged = self._replay.judge(arrival)
            stopped = judged.assessment.decision in _STOPPED
            if time >= self._from:
                self._mails.note(time, judged)
            if episode is not None:
                self._attacker(event, arrival.sighting, judged, extra)
            else:
                if time >= self._from:
                    self._friction.note(event, judged, extra.get("new", []))
                else:
                    self._friction.before(event, judged, extra.get("new", []))
                if stopped and event.ended == "success":
                    self._answer(time, arrival.sighting, judged, "legitimate")
            if number % 1000 == 0:
                self._progress(time)
        self._mails.logins = self._friction.logins
        return Figures(events=number, friction=self._friction, outcomes=self._outcomes, mails=self._mails)

    def _attacker(self, event: Event, sighting: Sighting, judged: Judged, extra: dict[str, Any]) -> None:
        self._outcomes.note(event, judged, extra["episode"], extra["step"])
        if event.ended != "success":
            return
        stopped = judged.assessment.decision in _STOPPED
        if stopped and self._outcomes.is_intruder(extra["episode"]):
            self._over.add(extra["episode"])
        self._answer(sighting.time + (0 if stopped else _FOUND_OUT), sighting, judged, "compromised")

    def _answer(self, time: int, sighting: Sighting, judged: Judged, verdict: str) -> None:
        heappush(self._due, (time, next(self._order), _Due(sighting, judged, verdict)))

    def _answers(self, now: int) -> None:
        while self._due and self._due[0][0] <= now:
            _, _, due = heappop(self._due)
            sighting = due.sighting
            record = Record(
                key=sighting.key,
                tenant=_TENANT,
                account=sighting.account,
                time=sighting.time,
                type=sighting.type,
                body=b"",
                sighting=b"",
                windows=b"",
                assessment=b"",
                trusted=due.judged.trusted,
                alert=due.judged.assessment.alert,
            )
            apply_answer(self._replay.profile(sighting.account), sighting, record, due.verdict)
