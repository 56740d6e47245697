"""What normal people met: challenges, mails that were owed to them, and mails that were not."""

from collections import Counter
from typing import Any, Final

import msgspec

from sentinel.events.event import CREDENTIAL_CHANGES, Event
from sentinel.pipeline.judge import Judged

_STOPPED: Final = frozenset({"challenge", "block"})
_EXAMPLES: Final = 5
_SHOWN: Final = 10.0  #: findings below this risk decide nothing


class Example(msgspec.Struct, frozen=True):
    """An event that was challenged or told of without being owed, and what the rules read."""

    event: str
    account: str
    time: str
    risk: float | None
    evidence: dict[str, dict[str, Any]]


class Friction(msgspec.Struct, kw_only=True):
    """Counts over the measured time, of legitimate events only.

    A mail is *owed* when it is the first about a device or country that is truly new to the person, or about a change
    of credentials; every other mail to a person is one of the ``others``. ``…_by`` tell which findings together
    (ids joined by " + ") caused what was not owed.
    """

    logins: int = 0  #: successful ones
    challenges: int = 0  #: on what succeeded
    challenged_tries: int = 0  #: on failed tries of the person's own
    owed_new: int = 0
    owed_changes: int = 0
    others: int = 0
    operator_alerts: int = 0
    new: int = 0  #: devices and countries that were truly new, after warming up
    changes: int = 0  #: changes of credentials
    challenges_by: Counter[str] = msgspec.field(default_factory=Counter)
    tries_by: Counter[str] = msgspec.field(default_factory=Counter)
    others_by: Counter[str] = msgspec.field(default_factory=Counter)
    operator_by: Counter[str] = msgspec.field(default_factory=Counter)
    examples: dict[str, list[Example]] = msgspec.field(default_factory=dict)  #: a few of each cause
    fired: Counter[str] = msgspec.field(default_factory=Counter)  #: findings of each rule, whatever came of them
    known: set[tuple[str, str]] = msgspec.field(default_factory=set)
    told: set[tuple[str, str]] = msgspec.field(default_factory=set)

    @property
    def challenges_per_1000(self) -> float:
        """Challenges on what succeeded, per 1,000 successful logins."""
        return self._per_1000(self.challenges)

    @property
    def mails_per_1000(self) -> float:
        """All mails to people, per 1,000 successful logins."""
        return self._per_1000(self.owed_new + self.owed_changes + self.others)

    @property
    def others_per_1000(self) -> float:
        """Mails that were not owed, per 1,000 successful logins."""
        return self._per_1000(self.others)

    def _per_1000(self, number: int) -> float:
        return round(1000 * number / self.logins, 2) if self.logins else 0.0

    def before(self, event: Event, judged: Judged, new: list[str]) -> None:
        """An event of the time before: only what was told then is remembered."""
        account = event.account or ""
        keys = {(account, key) for key in new}
        self.known |= keys
        if any(notice.account is not None for notice in judged.notices):
            self.told |= keys

    def note(self, event: Event, judged: Judged, new: list[str]) -> None:
        """A legitimate event of the measured time; ``new``: what of it is new to the person."""
        assessment, account = judged.assessment, event.account or ""
        for finding in assessment.findings:
            if finding.status == "live":
                self.fired[finding.rule] += 1
        why = " + ".join(sorted(each.rule for each in assessment.findings if each.risk >= _SHOWN)) or "(none)"
        succeeded = event.ended == "success"
        self.logins += event.type == "login" and succeeded
        self.changes += event.type in CREDENTIAL_CHANGES
        if assessment.decision in _STOPPED:
            if succeeded:
                self.challenges += 1
                self.challenges_by[why] += 1
            else:
                self.challenged_tries += 1
                self.tries_by[why] += 1
            self._example(f"challenge: {why}", judged)
        keys = {(account, key) for key in new}
        if not assessment.warming_up:
            self.new += len(keys - self.known)
        self.known |= keys
        for notice in judged.notices:
            if notice.account is None:
                self.operator_alerts += 1
                self.operator_by[why] += 1
                self._example(f"operator: {why}", judged)
            elif event.type in CREDENTIAL_CHANGES and notice.kind == "credential_change":
                self.owed_changes += 1
            elif keys - self.told:
                self.owed_new += 1
                self.told |= keys
            else:
                self.others += 1
                self.others_by[why] += 1
                self._example(f"mail: {why}", judged)

    def _example(self, cause: str, judged: Judged) -> None:
        held = self.examples.setdefault(cause, [])
        if len(held) < _EXAMPLES:
            assessment = judged.assessment
            evidence = {finding.rule: finding.evidence for finding in assessment.findings}
            example = Example(assessment.event, assessment.account or "", assessment.time, assessment.risk, evidence)
            held.append(example)
