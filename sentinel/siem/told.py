"""What a SIEM may be told of: nouns without a raw address, a user agent, or a keyed value of the store."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from sentinel.events.assessment import Assessment, Finding
from sentinel.events.sighting import Sighting
from sentinel.store.protocol import AlertRow

#: What happened to an alert: raised, another event joined it, answered.
Activity = Literal["create", "update", "close"]

_TAG: Final = "attack."


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One judged event. ``event`` is the service's id of it; ``account`` is what the export calls the account, if
    anything; ``address`` a prefix-preserving pseudonym, if one was asked for."""

    event: str
    tenant: str
    account: str | None
    address: str | None
    sighting: Sighting
    assessment: Assessment

    @property
    def held(self) -> list[Finding]:
        """The findings that count, the strongest first."""
        return sorted((each for each in self.assessment.findings if each.status == "live"), key=lambda each: -each.risk)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An alert or a campaign as it stands, and what happened to it. ``seen`` is the event that brought it up; none when
    it was closed."""

    alert: AlertRow
    activity: Activity
    account: str | None = None
    seen: Seen | None = None


class RuleFacts(msgspec.Struct, frozen=True):
    """What is told of a rule: its title, and ATT&CK techniques as ``T1110.003``."""

    title: str
    techniques: tuple[str, ...] = ()


class Rulebook:
    """Rules by id; what is not there any more is told by its id alone."""

    def __init__(self, rules: Mapping[str, tuple[str, list[str]]]) -> None:
        """``rules``: id → title and tags."""
        self._facts = {
            id: RuleFacts(title, tuple(tag.removeprefix(_TAG).upper() for tag in tags if tag.startswith(f"{_TAG}t")))
            for id, (title, tags) in rules.items()
        }

    def title(self, rule: str) -> str:
        """The title of a rule."""
        facts = self._facts.get(rule)
        return facts.title if facts is not None else rule

    def techniques(self, rules: list[str]) -> list[str]:
        """The techniques of some rules, each once."""
        found = (self._facts[rule].techniques for rule in rules if rule in self._facts)
        return list(dict.fromkeys(technique for each in found for technique in each))


def technique_page(technique: str) -> str:
    """Where ATT&CK describes a technique.

    >>> technique_page("T1110.003")
    'https://attack.mitre.org/techniques/T1110/003/'
    """
    return f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"


def summary(seen: Seen) -> str:
    """An event in one line: what happened, and the strongest finding."""
    return f"{seen.sighting.type}: {seen.sighting.outcome}" + (f"; {seen.held[0].title}" if seen.held else "")


def judgement(seen: Seen) -> dict[str, Any]:
    """The assessment beside what the schemas have names for; shared by both."""
    said = seen.assessment
    found: dict[str, Any] = {
        "decision": said.decision,
        "scope": said.scope,
        "warming_up": said.warming_up,
        "ruleset": said.ruleset,
        "findings": [
            {
                "rule": each.rule, "title": each.title, "status": each.status, "group": each.group, "risk": each.risk,
                "share": each.share, "evidence": each.evidence,
            }
            for each in said.findings
        ],
    }  # fmt: skip
    if said.would is not msgspec.UNSET:
        found["would"] = said.would
    if said.models:
        found["models"] = said.models
    if said.unjudged:
        found["unjudged"] = [each.rule for each in said.unjudged]
    if seen.sighting.auth_method is not None:
        found["auth_method"] = seen.sighting.auth_method
    if seen.sighting.actor != "self":
        found["actor"] = seen.sighting.actor
    return found
