"""What attackers met: where each was stopped, when each campaign was found, and which accounts were lost."""

from collections import Counter
from typing import Final

import msgspec

from sentinel.events.event import Event
from sentinel.pipeline.judge import Judged
from sentinel.simulation.attacks import INTRUDERS

_STOPPED: Final = frozenset({"challenge", "block"})
#: Alerts that name an attack for what it is; a notice of a new device does not.
_TELLING: Final = frozenset({"campaign", "attack", "password_known"})


class Episode(msgspec.Struct, kw_only=True):
    """One attack. ``stopped``: the step at which it was first challenged (``in``, ``try``, ``goal``).

    ``found``: an alert was raised that names the attack, or a challenge made; ``tries`` until then. ``right``: how
    often they had all it takes to get in or what they want; ``lost``: not challenged then, before the attack was found,
    ``lost_after``: nor after. ``mailed``: the person heard of it.
    """

    kind: str
    steps: int = 0
    stopped: str | None = None
    found: bool = False
    tries: int = 0
    right: int = 0
    lost: int = 0
    lost_after: int = 0
    mailed: bool = False
    rules: Counter[str] = msgspec.field(default_factory=Counter)


class Outcomes(msgspec.Struct, kw_only=True):
    """All attacks by name."""

    episodes: dict[str, Episode] = {}

    @staticmethod
    def is_intruder(name: str) -> bool:
        """Whether the attack is on one account whose password or session is known."""
        return name.rpartition("-")[0] in INTRUDERS

    def note(self, event: Event, judged: Judged, name: str, step: str) -> None:
        """An attacker's event."""
        assessment = judged.assessment
        episode = self.episodes.setdefault(name, Episode(kind=name.rpartition("-")[0]))
        stopped = assessment.decision in _STOPPED
        episode.steps += 1
        episode.mailed |= any(notice.account is not None for notice in judged.notices)
        if stopped and episode.stopped is None:
            episode.stopped = step
            episode.rules.update(finding.rule for finding in assessment.findings)
        was_found = episode.found
        episode.found |= stopped or any(raised.alert.kind in _TELLING for raised in judged.raised)
        if not was_found:
            episode.tries += 1
        if step == "goal" and event.ended == "success":
            episode.right += 1
            episode.lost += not stopped and not was_found
            episode.lost_after += not stopped and was_found

    def of(self, kind: str) -> list[Episode]:
        """Attacks of one kind."""
        return [episode for episode in self.episodes.values() if episode.kind == kind]

    def challenged(self, kind: str) -> float:
        """Per cent of the attackers of a kind who were challenged before they had what they wanted."""
        found = self.of(kind)
        return round(100 * sum(each.stopped is not None for each in found) / len(found), 1) if found else 0.0
