"""Every packaged rule passes the tests in its file, and fails them when they say otherwise."""

import re

import msgspec
import pytest

from sentinel.facts import FACTS
from sentinel.pipeline.ruletest import run_cases
from sentinel.rules.load import RuleFile
from sentinel.rules.rule import RuleTest
from tests.builders import enricher, packaged

RULES = {file.compiled.rule.id: file for file in packaged()}


def with_cases(file: RuleFile, cases: list[RuleTest]) -> RuleFile:
    compiled = file.compiled
    return RuleFile(
        msgspec.structs.replace(compiled, rule=msgspec.structs.replace(compiled.rule, test=cases)),
        file.sources,
    )


@pytest.mark.parametrize("id", RULES)
def test_its_cases_go_as_the_file_says(id: str) -> None:
    assert [result for result in run_cases(RULES[id], enricher()) if result.problem] == []


@pytest.mark.parametrize("id", RULES)
def test_each_case_can_fail(id: str) -> None:
    file = RULES[id]
    cases = file.compiled.rule.test
    flipped = [msgspec.structs.replace(case, fires=not case.fires) for case in cases]
    results = run_cases(with_cases(file, flipped), enricher())
    assert [result.problem for result in results] == [
        "expected to stay silent, fired" if case.fires else "expected to fire, stayed silent" for case in cases
    ]


@pytest.mark.parametrize("id", RULES)
def test_its_name_and_words_are_there(id: str) -> None:
    rule = RULES[id].compiled.rule
    assert rule.runbook
    assert rule.falsepositives
    assert len({case.name for case in rule.test}) == len(rule.test)
    assert len(rule.test) >= 2
    assert rule.tags
    assert all(re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) for tag in rule.tags)
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    if rule.audience == "operator":
        assert rule.alert == "campaign"


@pytest.mark.parametrize("id", RULES)
def test_its_parameters_are_read(id: str) -> None:
    rule = RULES[id].compiled.rule
    texts = [rule.when, str(rule.risk), *(window.where or "" for window in rule.windows.values())]
    for name in rule.params:
        assert any(f"params.{name}" in text for text in texts), f"params.{name} is set and never read"
    for name in rule.windows:
        assert any(f"windows.{name}" in text for text in texts), f"windows.{name} is kept and never read"


def test_a_wrong_risk_and_a_wrong_event_are_told() -> None:
    file = next(file for file in RULES.values() if any(case.risk for case in file.compiled.rule.test))
    case = next(case for case in file.compiled.rule.test if case.risk)
    wrong_risk = msgspec.structs.replace(case, risk=1.5)
    wrong_event = msgspec.structs.replace(case, event=case.event | {"outcom": "x"})
    wrong_given = msgspec.structs.replace(case, given=[{"outcome": "success"}])
    problems = [
        result.problem for result in run_cases(with_cases(file, [wrong_risk, wrong_event, wrong_given]), enricher())
    ]
    assert problems[0] == f"expected risk 1.5, got {case.risk:g}"
    assert problems[1].startswith("event: outcom: unknown field")
    assert problems[2].startswith("given[0]: time: required")


def test_cases_run_a_rule_alone_and_live_whatever_its_status() -> None:
    file = RULES["new_device"]
    off = msgspec.structs.replace(file.compiled.rule, status="off")
    results = run_cases(RuleFile(msgspec.structs.replace(file.compiled, rule=off), file.sources), enricher())
    assert not any(result.problem for result in results)


def test_no_rule_shows_what_it_must_not() -> None:
    """Evidence leaves keyed facts out; a rule that reads only those would show nothing at all."""
    for id, file in RULES.items():
        read = [name for name in file.compiled.reads if not FACTS[name].keyed]
        assert read or file.compiled.windows, id
