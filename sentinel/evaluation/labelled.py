"""Scoring the labelled events of files, in bounded memory."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sentinel.enrich.sighting import Enricher
from sentinel.errors import SourceError
from sentinel.evaluation.scores import Run, Scoring
from sentinel.events.event import Event, Feedback
from sentinel.events.sighting import Sighting
from sentinel.facts.look import Scorer
from sentinel.past.windows import Track
from sentinel.pipeline.answers import apply_answer
from sentinel.pipeline.backtest import ENTRIES, PROFILES, BoundedReplay
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.holdout import Part
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Judged
from sentinel.pipeline.replay import record_of
from sentinel.store.protocol import Record, TrackKey
from sentinel.store.sqlite.spill import Spill

#: Judged events kept in memory for their answers, 1.5 kB each; the others lie in a temporary file.
ANSWERABLE: Final = 50_000
_SWEEP: Final = 20_000


class FileReplay(BoundedReplay):
    """A replay of a file: any event of it may come again or be answered, so all of them are kept, few in memory."""

    def __init__(self, settings: TenantSettings) -> None:
        super().__init__(lambda tenant: settings, frozenset(), PROFILES, ENTRIES)
        self._all: Spill[str, tuple[Sighting, Record]] = Spill(ANSWERABLE, _encode, _decode)

    def knows(self, key: str) -> bool:
        """Whether an event was judged here."""
        return self._all.get(key) is not None

    def answer(self, key: str, verdict: str) -> bool:
        """See :class:`Replay`."""
        kept = self._all.get(key)
        if kept is None:
            return False
        sighting, record = kept
        if sighting.known_account:
            record.trusted = apply_answer(self.profile(sighting.account), sighting, record, verdict)
            self._all.put(key, kept)
        return True

    def keep(self, arrival: Arrival, judged: Judged, tracks: dict[TrackKey, Track]) -> None:
        """See :class:`Replay`."""
        super().keep(arrival, judged, tracks)
        self._all.put(arrival.sighting.key, (arrival.sighting, record_of(arrival, judged)))

    def close(self) -> None:
        """Let the temporary files go."""
        super().close()
        self._all.close()


class Labelled:
    """Scores the labelled events of files. What is kept in memory does not grow with the accounts or the events, but
    for some numbers of each: 70 bytes a login, 200 an account, 150 a distinct address or agent."""

    def __init__(
        self,
        settings: TenantSettings,
        enricher: Enricher,
        tenant: str,
        scorer: Scorer | None = None,
        *,
        answered: bool = False,
        part: Part | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self._replay = FileReplay(settings)
        self._scoring = Scoring(self._replay, scorer, answered=answered, part=part, without=without)
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
        arrival = arrive(self._enricher, self._tenant, event)
        if self._replay.knows(arrival.sighting.key):
            self.run.repeated += 1
            return
        self._scoring.arrival(arrival, kind_of(event.label))
        if self.run.events % _SWEEP == 0:
            self._replay.sweep()

    def close(self) -> None:
        """Let temporary files go."""
        self._replay.close()
        self._scoring.close()


def kind_of(label: str) -> str:
    """``legitimate``, or the kind of attack.

    >>> kind_of("attack:vpn"), kind_of("attack"), kind_of("legitimate")
    ('vpn', 'attack', 'legitimate')
    """
    return label.removeprefix("attack:")


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[Sighting, Record]).decode
