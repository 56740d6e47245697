"""Events, sightings and arrivals for tests, made as the edge makes them; nothing here is looked up."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sentinel.daemon.build import bare_lookups
from sentinel.enrich.sighting import Enricher
from sentinel.events.assessment import Assessment
from sentinel.events.event import Event, convert_event
from sentinel.events.sighting import Sighting
from sentinel.past.commons import CommonRow, Commons
from sentinel.past.profile import Profile, TrustPolicy
from sentinel.pipeline.answers import apply_answer
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Judged
from sentinel.pipeline.replay import Replay
from sentinel.privacy.keys import Secret
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.rules.load import RuleFile, load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.store.protocol import Record

TENANT = "default"
START = datetime(2026, 1, 1, 9, tzinfo=UTC)

#: Two silent tests that every rule needs; what a rule of a test is about is tested with real events.
_CASES = """
[[test]]
name  = "any login"
event = { time = 2026-01-01T09:00:00Z }
fires = true
[[test]]
name  = "another"
event = { time = 2026-01-01T09:00:00Z }
fires = false
"""


def at(days: float = 0, **more: float) -> str:
    """A time after :data:`START`, as an event has it."""
    return (START + timedelta(days=days, **more)).isoformat().replace("+00:00", "Z")


def event(time: str | None = None, **fields: Any) -> Event:
    """A successful login of ``u-1`` unless told otherwise."""
    given = {"id": "e-1", "time": time or at(), "account": "u-1"} | fields
    if given.get("type", "login") in ("login", "mfa_challenge"):
        given.setdefault("outcome", "success")
    return convert_event({name: value for name, value in given.items() if value is not None})


def make_enricher() -> Enricher:
    """The enricher of an installation of its own, without databases."""
    return Enricher(Pseudonymizer(Secret.ephemeral()), *bare_lookups())


@cache
def enricher() -> Enricher:
    """One installation for all tests that do not care."""
    return make_enricher()


def arrival(time: str | None = None, *, by: Enricher | None = None, **fields: Any) -> Arrival:
    return arrive(by or enricher(), TENANT, event(time, **fields))


def sighting(time: str | None = None, *, by: Enricher | None = None, **fields: Any) -> Sighting:
    return arrival(time, by=by, **fields).sighting


@cache
def packaged() -> tuple[RuleFile, ...]:
    return tuple(load_rules([packaged_rules()]))


def write_rule(folder: Path, name: str, text: str, *, cases: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text + (_CASES if cases else ""), encoding="utf-8")
    return path


def rule_text(when: str, *, risk: object = 50, applies_to: str = '["login"]', more: str = "") -> str:
    return f"title = 'a rule'\napplies_to = {applies_to}\nwhen = '''{when}'''\nrisk = {risk}\n{more}\n"


def rules(folder: Path, **texts: str) -> RuleSet:
    """A rule set of rule texts by id, see :func:`rule_text`."""
    for name, text in texts.items():
        write_rule(folder, name, text)
    return RuleSet(load_rules([folder]))


def common_rows(commons: Commons) -> list[CommonRow]:
    """All that is counted, as :class:`Commons` takes it."""
    return [
        CommonRow(number, name, commons.period, tuple(counts))
        for number, counted in enumerate(commons._levels)
        for name, counts in sorted(counted.items())
    ]


class Story:
    """What happens to accounts one event after another; ids are given in order: e-1, e-2, …"""

    def __init__(self, rules: RuleSet, *, by: Enricher | None = None, **settings: Any) -> None:
        self.replay = Replay(TenantSettings(rules=rules, **settings))
        self.by = by or enricher()
        self.seen: dict[str, tuple[Arrival, Judged]] = {}
        self._trusted: dict[str, bool] = {}

    def judged(self, time: str | None = None, **fields: Any) -> Judged:
        fields.setdefault("id", f"e-{len(self.seen) + 1}")
        come = arrival(time, by=self.by, **fields)
        judged = self.replay.judge(come)
        self.seen[fields["id"]] = come, judged
        self._trusted[fields["id"]] = judged.trusted
        return judged

    def __call__(self, time: str | None = None, **fields: Any) -> Assessment:
        return self.judged(time, **fields).assessment

    def answer(self, id: str, verdict: str) -> None:
        """The service says what event ``id`` was."""
        come, judged = self.seen[id]
        record = Record(
            key=come.sighting.key,
            tenant=TENANT,
            account=come.sighting.account,
            time=come.sighting.time,
            type=come.sighting.type,
            body=b"",
            sighting=b"",
            windows=b"",
            assessment=b"",
            trusted=self._trusted[id],
            alert=judged.assessment.alert,
        )
        self._trusted[id] = apply_answer(self.profile(), come.sighting, record, verdict)

    def profile(self, account: str = "u-1") -> Profile:
        return self.replay.profile(self.by.account_key(TENANT, account))

    def trusts(self, time: str, account: str = "u-1", **fields: Any) -> dict[str, bool]:
        """By kind of value, whether an event with ``fields`` would find it trusted."""
        from sentinel.past.profile import values_of

        seen = sighting(time, by=self.by, account=account, **fields)
        profile = self.profile(account)
        return {kind: profile.trusts(kind, key, seen.time, TrustPolicy()) for kind, key in values_of(seen)}

    def warming_up(self, time: str, account: str = "u-1") -> bool:
        return self.profile(account).warming_up(sighting(time).time, TrustPolicy())


def found(assessment: Assessment) -> set[str]:
    """Ids of the rules that held."""
    return {finding.rule for finding in assessment.findings}
