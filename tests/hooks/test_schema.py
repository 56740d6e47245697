"""The schemas in the docs are schemas, and what is told fits them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from msgspec import to_builtins

from sentinel.events.hook import (
    HOOK_TYPES,
    AccountCleared,
    AlertSent,
    AnswerGiven,
    AssessmentRaised,
    CampaignDetected,
    HookEvent,
)
from sentinel.hooks.webhooks import body_of

PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text()
SCHEMAS: dict[str, Any] = {
    found["title"]: found for found in map(json.loads, re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
}
SAMPLES = {
    "assessment.raised": AssessmentRaised(
        event="e-1", account=None, risk=70.5, level="high", decision="challenge", rules=["new_device"]
    ),
    "campaign.detected": CampaignDetected(campaign="a-1", risk=60, level="high", rules=["password_spray"], events=17),
    "alert.sent": AlertSent(alert="a-1", kind="attack", level="high", decision="block", rules=[]),
    "answer.given": AnswerGiven(event="e-1", account="u-1", verdict="compromised", by="person"),
    "account.cleared": AccountCleared(account="u-1", event="e-1", by="operator"),
}


def body(type: str) -> Any:
    data = to_builtins(SAMPLES[type])
    return json.loads(body_of(HookEvent(type=type, tenant="d", account=None, time=0, about="e", data=data)))


def test_every_type_has_its_schema_and_nothing_else_has() -> None:
    assert tuple(SCHEMAS) == HOOK_TYPES
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("type", HOOK_TYPES)
def test_what_is_told_fits_its_schema_and_no_other(type: str) -> None:
    for name, schema in SCHEMAS.items():
        assert Draft202012Validator(schema).is_valid(body(type)) == (name == type)


@pytest.mark.parametrize("type", HOOK_TYPES)
def test_a_body_that_lacks_something_does_not_fit(type: str) -> None:
    for field in SCHEMAS[type]["properties"]["data"]["required"]:
        lacking = body(type)
        del lacking["data"][field]
        with pytest.raises(ValidationError):
            Draft202012Validator(SCHEMAS[type]).validate(lacking)
