"""Verdicts for a whole alert, account or campaign: which events are answered for, once, whatever happens between."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.daemon.verdicts import carry_out_all
from sentinel.errors import Overloaded
from sentinel.pipeline.item import Item, Outcome
from sentinel.pipeline.verdicts import carry_out
from sentinel.store.protocol import AskedVerdict
from tests.builders import rule_text, rules
from tests.pipeline.installation import Installation, login

NOW = 1_800_000_000_000_000
BAD = {"outcome": "failure", "reason": "bad_password"}


@pytest.fixture
async def inst(tmp_path: Path) -> Any:
    """Everything is a campaign, and every login suspicious."""
    campaign = 'audience = "operator"\nalert = "campaign"'
    found = rules(tmp_path / "rules", ops=rule_text("true", more=campaign), own=rule_text('event.outcome == "success"'))
    inst = Installation(tmp_path, rules=found)
    yield inst
    await inst.store.close()


def soon(number: int, **fields: Any) -> dict[str, Any]:
    """A login so many seconds after the start."""
    return login(0, **{"id": f"e-{number}", "after": timedelta(seconds=number), **fields})


async def campaign_of(inst: Installation) -> str:
    (row,) = await inst.store.alerts("default", kind="campaign")
    return row.id


async def asked(inst: Installation, about: Any, target: str, verdict: Any) -> AskedVerdict:
    id = await inst.store.ask_verdict(
        AskedVerdict(tenant="default", about=about, target=target, verdict=verdict, time=NOW)
    )
    (found,) = await inst.store.asked_verdicts(id)
    return found


async def decide(inst: Installation, about: Any, target: str, verdict: Any) -> int:
    given = await asked(inst, about, target, verdict)
    return await carry_out(given, inst.store, inst.pipeline.process, now=NOW + 1)


async def compromised(inst: Installation, *accounts: str) -> list[str]:
    profiles = [(name, await inst.profile(name)) for name in accounts]
    return [name for name, profile in profiles if profile is not None and profile.compromised]


async def answers(inst: Installation) -> int:
    return len([record async for record in inst.store.history() if record.type == "feedback"])


async def test_an_attack_compromised_only_where_it_got_in(inst: Installation) -> None:
    await inst.run(
        [
            soon(1, account="u-tried", **BAD),
            soon(2, account="u-in"),
            soon(3, account="u-password", outcome="failure", reason="mfa_failed", password_ok=True),
            soon(4, account="u-nobody", outcome="failure", reason="unknown_account"),
        ]
    )
    assert await decide(inst, "alert", await campaign_of(inst), "compromised") == 2
    accounts = ("u-tried", "u-in", "u-password", "u-nobody")
    assert await compromised(inst, *accounts) == ["u-in", "u-password"]
    assert {row.state for row in await inst.store.alerts("default", kind="campaign")} == {"compromised"}


async def test_a_campaign_that_was_none_is_answered_for_whole(inst: Installation) -> None:
    await inst.run([soon(1, account="u-1", **BAD), soon(2, account="u-2"), soon(3, account="u-3", **BAD)])
    assert await decide(inst, "alert", await campaign_of(inst), "legitimate") == 3
    assert await answers(inst) == 3
    # Its next event joins it without reopening it.
    await inst.one(soon(4, account="u-4", **BAD))
    (row,) = await inst.store.alerts("default", kind="campaign")
    assert (row.state, row.events) == ("legitimate", 4)


async def test_all_open_alerts_of_an_account(inst: Installation) -> None:
    await inst.run([login(1, account="u-1"), login(30, account="u-1", device_id="x"), login(2, account="u-2")])
    key = inst.handle("u-1")
    first, second = await inst.store.alerts("default", account=key)
    assert await decide(inst, "alert", first.id, "legitimate") == 1
    assert await decide(inst, "account", key, "compromised") == 1
    states = {row.id: row.state for row in await inst.store.alerts("default")}
    assert (states[first.id], states[second.id]) == ("legitimate", "compromised")
    other = await inst.store.alerts("default", account=inst.handle("u-2"))
    assert [row.state for row in other] == ["open"]


async def test_begun_again_after_a_failure_nothing_is_done_twice(inst: Installation) -> None:
    await inst.run([soon(number, account=f"u-{number}") for number in range(300)])
    given = await asked(inst, "alert", await campaign_of(inst), "legitimate")
    calls = 0

    async def busy(items: Sequence[Item]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Overloaded("too many wait")
        return await inst.pipeline.process(items)

    with pytest.raises(Overloaded):
        await carry_out(given, inst.store, busy, now=NOW)
    assert await inst.store.asked_verdicts() == [given]
    assert 0 < await answers(inst) < 300
    assert await carry_out(given, inst.store, inst.pipeline.process, now=NOW) == 300
    assert await answers(inst) == 300
    assert await inst.store.asked_verdicts() == []


async def test_an_event_that_is_gone_is_no_obstacle(inst: Installation) -> None:
    assert await decide(inst, "event", "gone", "legitimate") == 0
    assert await decide(inst, "alert", "gone", "legitimate") == 0
    assert await inst.store.asked_verdicts() == []


async def test_an_event_whose_raw_values_are_gone_is_answered_for(inst: Installation) -> None:
    await inst.one(login(1, account="u-1"))
    key = inst.enricher.event_key("default", "e-1")
    await inst.vault.destroy_days(raw_through=100_000, records_through=0)
    given = await asked(inst, "event", key, "compromised")
    assert await carry_out(given, inst.store, inst.pipeline.process, now=NOW) == 1
    assert await compromised(inst, "u-1") == ["u-1"]


async def test_one_that_cannot_be_carried_out_keeps_none_of_the_others_waiting(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await inst.run([soon(1, account="u-1"), soon(2, account="u-2")])
    keys = [inst.enricher.event_key("default", f"e-{number}") for number in (1, 2)]
    asked_for = [await asked(inst, "event", key, "compromised") for key in keys]
    find = inst.store.record

    async def broken(key: str) -> Any:
        if key == keys[0]:
            raise ZeroDivisionError
        return await find(key)

    monkeypatch.setattr(inst.store, "record", broken)
    assert not await carry_out_all(inst.store, inst.pipeline.process)
    assert [waiting.id for waiting in await inst.store.asked_verdicts()] == [asked_for[0].id]
    assert await compromised(inst, "u-1", "u-2") == ["u-2"]
    monkeypatch.undo()
    assert await carry_out_all(inst.store, inst.pipeline.process)
    assert await inst.store.asked_verdicts() == []
