"""What another account did is held against that account's own past, over a real store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.events.assessment import Assessment
from sentinel.pipeline.explain import explain_arrival, explain_record
from sentinel.pipeline.item import TenantSettings
from sentinel.store.protocol import Wanted
from tests.builders import found
from tests.pipeline.installation import AWAY, RULES, Installation, login

DESK: dict[str, Any] = {"device_id": "desk", "network": {"asn": 64510}}


@pytest.fixture
async def inst(tmp_path: Path) -> AsyncIterator[Installation]:
    installation = Installation(tmp_path)
    await installation.run(
        [login(number, id=f"desk-{number}", account="helpdesk", **DESK) for number in range(3)]
        + [login(number) for number in range(3)]
    )
    yield installation
    await installation.store.close()


def removal(id: str, **where: Any) -> dict[str, Any]:
    return login(5, id=id, type="mfa_removed", actor="admin", actor_account="helpdesk", mfa={"method": "totp"}, **where)


async def judged(inst: Installation, event: dict[str, Any]) -> Assessment:
    assessment = (await inst.one(event)).assessment
    assert assessment is not None
    return assessment


async def test_the_past_of_the_account_that_acted_is_recalled_after_a_restart(inst: Installation) -> None:
    await inst.reopen()
    assert (await judged(inst, removal("own", **DESK))).decision == "allow"
    await inst.reopen()
    strange = await judged(inst, removal("strange", **AWAY))
    assert (strange.decision, found(strange)) == ("challenge", {"credential_changed", "second_factor_removed"})


async def test_in_one_batch_with_the_logins_of_that_account(tmp_path: Path) -> None:
    inst = Installation(tmp_path)
    events = [login(number, id=f"desk-{number}", account="helpdesk", **DESK) for number in range(3)]
    outcomes = await inst.run([*events, removal("strange", **AWAY), removal("own", **DESK)])
    decisions = [outcome.assessment.decision for outcome in outcomes if outcome.assessment]
    assert decisions[-2:] == ["challenge", "allow"]
    await inst.store.close()


async def test_the_person_and_the_account_that_acted_stay_as_they_were(inst: Installation) -> None:
    keys = {name: inst.handle(name) for name in ("u-1", "helpdesk")}
    before = {name: await inst.store.profile(key) for name, key in keys.items()}
    values = {name: set(profile.values["device"]) for name, profile in before.items() if profile}
    await inst.one(removal("strange", **AWAY))
    after = {name: await inst.store.profile(key) for name, key in keys.items()}
    assert {name: set(profile.values["device"]) for name, profile in after.items() if profile} == values


async def test_explain_shows_what_was_compared_with(inst: Installation) -> None:
    settings = TenantSettings(rules=RULES)
    come = inst.arrival(removal("strange", **AWAY))
    pasted = await explain_arrival(inst.store, inst.asked(removal("strange", **AWAY)), settings)
    await inst.one(come)
    record = (await inst.store.recall(Wanted(records={come.sighting.key}))).records[come.sighting.key]
    stored = await explain_record(inst.store, record, settings, "strange", "u-1")
    for explanation in (pasted, stored):
        facts = {fact.name: fact.value for fact in explanation.facts}
        assert (facts["actor.known"], facts["actor.trusted"]) == (True, False)
        assert found(explanation.assessment) == {"credential_changed", "second_factor_removed"}
