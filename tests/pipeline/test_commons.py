"""Counts of everybody: part of the batch, the same however events are cut, and only of logins that are trusted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.errors import StoreError
from sentinel.models.scorer import ModelScorer
from sentinel.past.commons import KEPT, PERIOD, Commons
from sentinel.past.profile import TrustPolicy
from sentinel.past.seen import shortened
from sentinel.pipeline.explain import Explanation, explain_arrival, explain_record
from sentinel.pipeline.replay import Replay
from sentinel.pipeline.request import Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.ledger import Ledger
from tests.builders import common_rows, rule_text, rules
from tests.pipeline.installation import AWAY, HOME, START, Installation, content, encoded, login

NOW = int(START.timestamp() * 1_000_000)


@pytest.fixture
async def inst(tmp_path: Path) -> AsyncIterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    await installation.store.close()


def scored(folder: Path) -> Installation:
    """Each finding says what the likelihood was; nothing is trained."""
    shown = rules(folder / "rules", likely=rule_text("model.likelihood > -100.0", risk=5))
    return Installation(folder / "state", rules=shown, scorer=ModelScorer())


async def stored(inst: Installation, tenant: str = "default") -> Commons:
    """What is on the disk."""
    return Commons(inst.vault.commons_key(tenant), (await inst.store.commons()).get(tenant, ()))


async def numbers(inst: Installation, tenant: str = "default") -> dict[str, int]:
    counts = await stored(inst, tenant)
    return {
        "accounts": counts.number("account", ""),
        "FR": counts.number("country", "FR"),
        "JP": counts.number("country", "JP"),
    }


async def test_an_account_counts_once_a_period_and_two_are_two(inst: Installation) -> None:
    await inst.run([login(number) for number in range(5)])
    assert await numbers(inst) == {"accounts": 1, "FR": 1, "JP": 0}
    await inst.run([login(6, account="u-2"), login(7, account="u-2")])
    assert await numbers(inst) == {"accounts": 2, "FR": 2, "JP": 0}
    await inst.run([login(24 * PERIOD, account="u-2")])
    assert await numbers(inst) == {"accounts": 3, "FR": 3, "JP": 0}
    await inst.run([login(24 * PERIOD * KEPT, account="u-2")])
    assert await numbers(inst) == {"accounts": 2, "FR": 2, "JP": 0}


NOT_COUNTED: dict[str, dict[str, Any]] = {
    "a failure": {"outcome": "failure", "reason": "bad_password"},
    "one refused": {"outcome": "blocked"},
    "one that waits": {"outcome": "pending"},
    "no such account": {"outcome": "failure", "reason": "unknown_account", "account": "u-9"},
    "another type": {"type": "session_seen", "outcome": None},
    "by an admin": {"actor": "admin"},
    "flagged": AWAY,
}


@pytest.mark.parametrize("kind", NOT_COUNTED)
async def test_what_does_not_join_the_trusted_past_does_not_count(inst: Installation, kind: str) -> None:
    """Or an attack would make its own network and tools common."""
    await inst.run([login(number) for number in range(4)])
    before = await stored(inst)
    event = login(30, ip="198.51.100.77", user_agent="Sample/1.0") | NOT_COUNTED[kind]
    await inst.one({name: value for name, value in event.items() if value is not None})
    assert common_rows(await stored(inst)) == common_rows(before)


async def test_events_of_restricted_accounts_do_not_count(inst: Installation, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "erasures.db", inst.vault.root.derive("ledger"))
    rights = Rights(inst.store, inst.vault, ledger, lambda work: work())
    await inst.run([login(0, account="u-2")])
    await rights.exercise(Request(what="restrict", tenant="default", account="u-1", time=NOW, by="operator"))
    await inst.run([login(number) for number in range(1, 5)])
    assert await numbers(inst) == {"accounts": 1, "FR": 1, "JP": 0}
    ledger.close()


async def test_what_is_counted_stays_when_an_account_is_erased_and_what_it_was_seen_with_goes(
    inst: Installation, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "erasures.db", inst.vault.root.derive("ledger"))
    rights = Rights(inst.store, inst.vault, ledger, lambda work: work())
    await inst.run([login(0), login(1, account="u-2")])
    profile = await inst.profile()
    assert profile is not None
    assert profile.seen
    before = common_rows(await stored(inst))
    await rights.exercise(Request(what="erase", tenant="default", account="u-1", time=NOW, by="operator"))
    assert await inst.profile() is None
    assert common_rows(await stored(inst)) == before
    ledger.close()


async def test_tenants_are_counted_apart_under_other_names(inst: Installation) -> None:
    await inst.run(
        [inst.arrival(login(0)), inst.arrival(login(0), tenant="shop"), inst.arrival(login(1, account="u-2"))]
    )
    assert (await numbers(inst))["accounts"] == 2
    assert (await numbers(inst, "shop"))["accounts"] == 1
    names = {tenant: {row.name for row in rows} for tenant, rows in (await inst.store.commons()).items()}
    assert set(names) == {"default", "shop"}
    assert not names["default"] & names["shop"]


async def test_names_of_the_table_are_keyed(inst: Installation) -> None:
    await inst.run([login(0)])
    key = shortened(inst.arrival(login(0)).sighting.address or "")
    assert (await stored(inst)).number("address", key) == 1
    other = Commons(b"another key", (await inst.store.commons())["default"])
    assert (other.number("address", key), other.number("country", "FR"), other.number("account", "")) == (0, 0, 0)
    # They are all there, under names that it does not know.
    assert common_rows(other) == common_rows(await stored(inst))


async def test_hours_that_are_not_learned_are_not_counted(tmp_path: Path) -> None:
    inst = Installation(tmp_path, trust=TrustPolicy(hours=False))
    await inst.run([login(number) for number in range(5)])
    counts = await stored(inst)
    assert counts.number("account", "") == 1
    assert sum(counts.number("hour", str(hour)) for hour in range(24)) == 0
    await inst.store.close()


# All or nothing


async def test_counts_of_a_batch_that_is_not_stored_are_lost(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await inst.run([login(0)])
    with monkeypatch.context() as broken:

        async def full(changes: Any) -> None:
            raise StoreError("the disk is full")

        broken.setattr(inst.store, "commit", full)
        with pytest.raises(StoreError):
            await inst.run([login(1, account="u-2")])
    assert await numbers(inst) == {"accounts": 1, "FR": 1, "JP": 0}
    await inst.run([login(1, account="u-2")])
    assert await numbers(inst) == {"accounts": 2, "FR": 2, "JP": 0}


async def test_a_restart_goes_on_with_what_was_counted(inst: Installation) -> None:
    for tenant in ("default", "shop"):
        await inst.run([inst.arrival(login(0), tenant=tenant)])
        await inst.reopen()
        again = [login(1), login(2, account="u-2")]
        await inst.run([inst.arrival(event, tenant=tenant) for event in again])
        assert await numbers(inst, tenant) == {"accounts": 2, "FR": 2, "JP": 0}


async def test_a_batch_that_is_lost_while_the_next_is_judged(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one being judged goes on with the counts it began with, and is lost as well."""
    await inst.run([login(0)])
    going, commit = asyncio.Event(), inst.store.commit

    async def full(changes: Any) -> None:
        await going.wait()
        raise StoreError("the disk is full")

    monkeypatch.setattr(inst.store, "commit", full)
    first = await inst.pipeline.judge([inst.arrival(login(1, account="u-2"))])
    losing = asyncio.create_task(inst.pipeline.commit(first))
    # Long enough to give way in between.
    judging = asyncio.create_task(
        inst.pipeline.judge([inst.arrival(login(2, id=f"f-{number}", account=f"v-{number}")) for number in range(200)])
    )
    await asyncio.sleep(0)
    going.set()
    second = await judging
    monkeypatch.setattr(inst.store, "commit", commit)
    for lost in (losing, inst.pipeline.commit(second)):
        with pytest.raises(StoreError, match="the disk is full"):
            await lost
    await inst.run([login(1, account="u-2")])
    assert await numbers(inst) == {"accounts": 2, "FR": 2, "JP": 0}


# The same however events are cut


def stream() -> list[dict[str, Any]]:
    """Thirty people over eight months, at home and on journeys."""
    events = []
    for number in range(240):
        account, day = number % 30, number
        fields = AWAY if number % 11 == 7 else HOME | {"ip": f"192.0.2.{account}"} if number % 5 else {}
        agent = f"Sample/{account % 4}.{number // 100}"
        events.append(login(24 * day, account=f"u-{account}", user_agent=agent, **fields))
    return events


@pytest.mark.parametrize(("size", "reopen"), [(1, False), (7, True), (50, False)])
async def test_counts_and_what_models_make_of_them_are_the_same_in_batches_of_any_size(
    tmp_path: Path, size: int, reopen: bool
) -> None:
    whole, cut = scored(tmp_path / "whole"), scored(tmp_path / "cut")
    expected = await whole.run(stream(), size=1000)
    outcomes = []
    for at in range(0, 240, size):
        outcomes += await cut.run(stream()[at : at + size])
        if reopen:
            await cut.reopen()
    assert encoded(outcomes) == encoded(expected)
    assert len({str(each.assessment.findings) for each in outcomes if each.assessment}) > 50
    await whole.store.close()
    await cut.store.close()
    assert content(cut.path)["commons"] == content(whole.path)["commons"]


async def test_a_replay_counts_alike(tmp_path: Path) -> None:
    inst = scored(tmp_path)
    outcomes = await inst.run(stream())
    replay = Replay(inst._settings)
    for event, outcome in zip(stream(), outcomes, strict=True):
        for tenant in ("default", "shop"):  # each by itself
            judged = replay.judge(inst.arrival(event, tenant=tenant))
            assert outcome.assessment is not None
            assert [f.evidence for f in judged.assessment.findings] == [f.evidence for f in outcome.assessment.findings]
    counts = await stored(inst)
    everybody = [each.number("account", "") for each in (replay.commons["default"], replay.commons["shop"], counts)]
    assert len(set(everybody)) == 1
    await inst.store.close()


# Explained


def fact(explanation: Explanation, name: str) -> Any:
    return next(each.value for each in explanation.facts if each.name == name)


async def test_explain_shows_what_models_say(tmp_path: Path) -> None:
    inst = scored(tmp_path)
    await inst.run([login(number, account=f"v-{number}") for number in range(20)])
    # The last one brings nothing that was not counted before.
    outcomes = await inst.run([login(number) for number in (20, 21, 22, 44)])
    last = outcomes[-1].assessment
    assert last is not None
    said = last.findings[0].evidence["model.likelihood"]
    commons = await stored(inst)
    record = await inst.store.record(inst.enricher.event_key("default", "e-44"))
    assert record is not None
    explained = await explain_record(inst.store, record, inst._settings, "e-44", "u-1", commons)
    assert fact(explained, "model.likelihood") == said
    assert fact(await explain_record(inst.store, record, inst._settings, "e-44", "u-1"), "model.likelihood") != said
    assert "common for everybody now" in explained.notes[-1]
    # What is only asked is held against the past without itself.
    asked = inst.asked(login(68, id="asked"))
    pasted = await explain_arrival(inst.store, asked, inst._settings, await stored(inst))
    assert fact(pasted, "model.likelihood") == pasted.assessment.findings[0].evidence["model.likelihood"]
    strange = inst.asked(login(68, id="asked", **AWAY))
    pasted = await explain_arrival(inst.store, strange, inst._settings, await stored(inst))
    assert fact(pasted, "model.likelihood") == pasted.assessment.findings[0].evidence["model.likelihood"]
    assert common_rows(await stored(inst)) == common_rows(commons)
    await inst.store.close()


async def test_without_models_explain_says_nothing_of_them(inst: Installation) -> None:
    await inst.run([login(number) for number in range(4)])
    record = await inst.store.record(inst.enricher.event_key("default", "e-3"))
    assert record is not None
    explained = await explain_record(inst.store, record, inst._settings, "e-3", "u-1", await stored(inst))
    assert fact(explained, "model.likelihood") is None
    assert explained.notes == []


async def test_one_event_of_a_wrong_clock_does_not_let_everybodys_counts_go(inst: Installation) -> None:
    await inst.run([inst.arrival(login(number), received=START) for number in range(4)])
    await inst.one(inst.arrival(login(24 * 365 * 100, account="u-2"), received=START))
    assert await numbers(inst) == {"accounts": 1, "FR": 1, "JP": 0}
    await inst.one(inst.arrival(login(5, account="u-3"), received=START))
    assert await numbers(inst) == {"accounts": 2, "FR": 2, "JP": 0}


async def test_an_app_with_a_bar_in_its_name_is_judged(tmp_path: Path) -> None:
    inst = scored(tmp_path)
    odd = {"user_agent": "Sample|App/1.0 CFNetwork/1.0 Darwin/20.0"}
    outcomes = await inst.run([login(number, **odd) for number in range(3)])
    assert all(each.assessment is not None for each in outcomes)
    await inst.store.close()
