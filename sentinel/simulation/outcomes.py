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

    ``found``: an alert was raised that names the attack, or a try challenged; ``tries`` until then. ``right``: how
    often they had all it takes to get in or what they want; ``lost``: not challenged then, before the attack was found,
    ``lost_after``: nor after. ``mailed``: the person heard of it. ``risk``: the highest, ``rules``: those that held.
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
    risk: float = 0.0
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
        episode.risk = max(episode.risk, assessment.risk or 0.0)
        episode.rules.update(finding.rule for finding in assessment.findings if finding.status == "live")
        was_found = episode.found
        # One who got the password right and was stopped as a stranger does not give the others away.
        telling = any(raised.alert.kind in _TELLING for raised in judged.raised)
        episode.found |= telling or (stopped and step == "try")
        if not was_found:
            episode.tries += 1
        if step == "goal" and event.ended == "success":
            episode.right += 1
            episode.lost += not stopped and not was_found
            episode.lost_after += not stopped and was_found

    def missed(self, kind: str) -> Counter[str]:
        """Of those never challenged: which rules held all the same (ids joined by " + "), and how often."""
        return Counter(" + ".join(sorted(each.rules)) or "(none)" for each in self.of(kind) if each.stopped is None)

    def of(self, kind: str) -> list[Episode]:
        """Attacks of one kind."""
        return [episode for episode in self.episodes.values() if episode.kind == kind]

    def challenged(self, kind: str) -> float:
        """Per cent of the attackers of a kind who were challenged before they had what they wanted."""
        found = self.of(kind)
        return round(100 * sum(each.stopped is not None for each in found) / len(found), 1) if found else 0.0
