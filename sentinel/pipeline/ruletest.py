"""Running the tests in rule files: each case with its rule alone, so that no other can change its outcome."""

from datetime import datetime
from typing import Any, Final

import msgspec

from sentinel.enrich.sighting import Enricher
from sentinel.errors import FieldError
from sentinel.events.event import Event, convert_event
from sentinel.models.scorer import baseline_scorer
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.replay import Replay
from sentinel.rules.compiled import CompiledRule
from sentinel.rules.load import RuleFile
from sentinel.rules.rule import RuleTest
from sentinel.rules.ruleset import RuleSet

_ACCOUNT: Final = "someone"
_TENANT: Final = "default"


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one case went: ``problem`` is empty when it went as the file says."""

    rule: str
    name: str
    problem: str = ""


def run_cases(file: RuleFile, enricher: Enricher) -> list[CaseResult]:
    """Run every case of a rule. The enricher needs no databases: a case brings its place and network."""
    rule = file.compiled
    return [
        CaseResult(rule=rule.rule.id, name=test.name, problem=_run(file, test, enricher)) for test in rule.rule.test
    ]


def _run(file: RuleFile, test: RuleTest, enricher: Enricher) -> str:
    rule = file.compiled.rule
    live = msgspec.structs.replace(rule, status="live")
    compiled: CompiledRule = msgspec.structs.replace(file.compiled, rule=live)
    replay = Replay(TenantSettings(rules=RuleSet([RuleFile(compiled, file.sources)]), scorer=baseline_scorer()))
    finding = None
    for number, given in enumerate([*test.given, test.event]):
        where = "event" if number == len(test.given) else f"given[{number}]"
        try:
            event = _event(given, number)
        except FieldError as error:
            return f"{where}: {error}"
        judged = replay.judge(arrive(enricher, _TENANT, event))
        finding = next((found for found in judged.assessment.findings if found.rule == rule.id), None)
    if (finding is not None) is not test.fires:
        return "expected to fire, stayed silent" if test.fires else "expected to stay silent, fired"
    if finding is not None and test.risk is not None and finding.risk != test.risk:
        return f"expected risk {test.risk:g}, got {finding.risk:g}"
    return ""


def _event(given: dict[str, Any], number: int) -> Event:
    data = {"id": f"case-{number}", "account": _ACCOUNT} | given
    data.setdefault("outcome", "success")
    for key in ("time", "account_created"):
        if isinstance(data.get(key), datetime):
            data[key] = data[key].isoformat().replace("+00:00", "Z")
    return convert_event(data)
