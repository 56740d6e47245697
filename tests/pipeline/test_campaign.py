"""Campaigns through the pipeline: by what they are kept, on disk, beside the account's own alert."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.events.assessment import Assessment, encode_assessment
from sentinel.pipeline.item import Outcome
from tests.builders import Story, at, rules
from tests.pipeline.installation import Installation, login

WRONG: dict[str, Any] = {"outcome": "failure", "reason": "bad_password", "device_id": None}


def tried(number: int, **fields: Any) -> dict[str, Any]:
    event = login(0, after=timedelta(seconds=number), **(WRONG | {"account": f"u-{number}"} | fields))
    return {name: value for name, value in event.items() if value is not None} | {"id": f"t-{number}"}


def assessments(outcomes: list[Outcome]) -> list[Assessment]:
    return [outcome.assessment for outcome in outcomes if outcome.assessment is not None]


@pytest.mark.parametrize("size", [1, 7, 256])
async def test_a_campaign_goes_on_over_batches_and_restarts(tmp_path: Path, size: int) -> None:
    inst = Installation(tmp_path)
    spray = [tried(number, ip=f"203.0.113.{number}") for number in range(40)]
    outcomes = await inst.run(spray[:25], size=size)
    await inst.reopen()
    outcomes += await inst.run(spray[25:], size=size)
    alerts = {each.alert for each in assessments(outcomes) if each.alert}
    assert len(alerts) == 1
    (row,) = await inst.store.alerts("default", kind="campaign")
    assert row.id in alerts
    assert row.account is None
    assert row.events == sum(each.alert is not None for each in assessments(outcomes)) > 20
    await inst.store.close()


async def test_campaigns_of_tenants_are_kept_apart(tmp_path: Path) -> None:
    inst = Installation(tmp_path)
    for tenant in ("one", "two"):
        await inst.run([inst.arrival(tried(number), tenant=tenant) for number in range(20)])
    assert len(await inst.store.alerts("one", kind="campaign")) == 1
    assert len(await inst.store.alerts("two", kind="campaign")) == 1
    await inst.store.close()


async def test_the_assessment_names_the_campaign_beside_the_accounts_alert(tmp_path: Path) -> None:
    inst = Installation(tmp_path)
    guesses = [tried(number, account="u-1") for number in range(25)]
    last = assessments(await inst.run(guesses))[-1]
    kinds = {row.id: row.kind for row in await inst.store.alerts("default")}
    assert last.alert is not None
    assert isinstance(last.campaign, str)
    assert (kinds[last.alert], kinds[last.campaign]) == ("attack", "campaign")
    (again,) = assessments(await inst.run([guesses[-1]]))
    assert again.campaign == last.campaign
    (alone,) = assessments(await inst.run([tried(30, account="u-2")]))
    assert alone.alert == last.campaign
    assert b'"campaign"' not in encode_assessment(alone)  # said once, as the alert
    await inst.store.close()


EITHER = """
title = "One network or one agent"
applies_to = ["login"]
when = '''event.attempt && (windows.network >= 3 || (device.agent_known && windows.agent >= 3)
          || (account.exists && windows.account >= 3))'''
risk = 60
audience = "operator"
alert = "campaign"
[windows.network]
count = "events"
where = "event.attempt"
by = ["network.prefix"]
over = "10m"
[windows.agent]
count = "events"
where = "event.attempt"
by = ["device.agent"]
over = "3d"
[windows.account]
count = "events"
where = "event.attempt"
by = ["account"]
over = "1h"
"""


@pytest.mark.parametrize(
    ("fields", "keys", "lasts"),
    [
        (lambda n: {"ip": f"203.0.113.{n}"}, ["network.prefix"], timedelta(minutes=10)),
        (lambda n: {"ip": f"2001:db8:{n}::1", "user_agent": "odd"}, ["device.agent"], timedelta(days=1)),
        (lambda n: {"ip": f"2001:db8:{n}::1", "account": "u-0"}, ["account"], None),
        (lambda n: {"ip": "203.0.113.9", "user_agent": "odd"}, ["network.prefix", "device.agent"], timedelta(days=1)),
    ],
)
def test_what_decided_says_whom_the_decision_is_about(
    tmp_path: Path, fields: Any, keys: list[str], lasts: timedelta | None
) -> None:
    """A decision about a source is good for the window that decided, a day at most; one about an account is none."""
    story = Story(rules(tmp_path, either=EITHER))
    for number in range(3):
        given = {"account": f"u-{number}", "outcome": "failure", "reason": "bad_password"} | fields(number)
        judged = story.judged(at(0, seconds=number), **given)
    assessment = judged.assessment
    (raised,) = judged.raised
    assert [context.partition("=")[0] for context in raised.alert.contexts] == keys
    assert assessment.scope == ("attempt" if lasts is None else "source")
    if lasts is not None:
        assert assessment.until == at(lasts.total_seconds() / 86400, seconds=2)


def test_no_keyed_value_of_a_campaign_is_shown(tmp_path: Path) -> None:
    story = Story(rules(tmp_path, either=EITHER))
    for number in range(3):
        judged = story.judged(at(0), account=f"u-{number}", ip="203.0.113.9", outcome="failure", reason="bad_password")
    (raised,) = judged.raised
    pseudonym = raised.alert.contexts[0].partition("=")[2]
    assert pseudonym
    assert pseudonym.encode() not in encode_assessment(judged.assessment)
    assert all(pseudonym not in repr(notice) for notice in judged.notices)
