"""How retention stands, as a daemon tells it: `/readyz`, `/metrics`, the audit log."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import time_machine
from prometheus_client.parser import text_string_to_metric_families

from sentinel.daemon.retention import Retention
from sentinel.errors import StoreError
from sentinel.events.clock import DAY, now
from sentinel.privacy.sure_clock import PATIENCE as LASTS
from tests.running import Client, InProcess, ago, login

Start = Callable[..., Awaitable[InProcess]]


async def settled(daemon: InProcess) -> Retention:
    """The daemon's retention, once the round of its start is over."""
    await daemon.daemon.retention.round()
    return daemon.daemon.retention


async def figures(client: Client) -> dict[str, float]:
    """The samples of retention; those with a label by its value."""
    text = (await client.get("/metrics")).text
    return {
        sample.labels.get("what", sample.name.removeprefix("sentinel_retention_")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("sentinel_retention_")
    }


async def test_the_age_of_the_oldest_raw_address_and_what_went(start: Start) -> None:
    daemon = await start("[retention]\nraw_days = 30\n")
    client, retention = await daemon.client(), await settled(daemon)
    assert (await daemon.stranger().get("/readyz")).body["oldest_raw_days"] is None
    await client.take([login("e-1"), login("e-2", ago(days=20)), login("e-3", ago(days=400))])
    assert 20 <= (await daemon.stranger().get("/readyz")).body["oldest_raw_days"] < 21
    await retention.round()
    shown = await figures(client)
    assert 20 * 86400 <= shown["oldest_raw_age_seconds"] < 21 * 86400
    assert (shown["overdue"], shown["clock_doubted"], shown["records"]) == (0, 0, 1)
    assert abs(shown["last_run_timestamp_seconds"] - now() / 1e6) < 3600
    assert "retention.run" in {entry.action for entry in daemon.daemon._audit.log.show()}


async def test_a_doubted_clock_is_a_warning_first_and_an_error_when_it_lasts(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = await start()
    client, retention = await daemon.client(), await settled(daemon)
    await client.take([login("e-1")])
    at = retention._ticks()
    monkeypatch.setattr(retention, "_ticks", lambda: at)
    with time_machine.travel(now() / 1e6 + 400 * 86400, tick=True):
        await retention.round()
        ready = await daemon.stranger().get("/readyz")
        assert ready.status == 200
        assert "nothing expires" in ready.body["warnings"]["retention"]
        assert (await figures(client))["clock_doubted"] == 1
    with time_machine.travel(now() / 1e6 + 401 * 86400, tick=True):
        monkeypatch.setattr(retention, "_ticks", lambda: at + LASTS)
        ready = await daemon.stranger().get("/readyz")
        assert (ready.status, list(ready.body["reasons"])) == (503, ["retention"])
        assert (await figures(client))["overdue"] == 1
        assert await daemon.daemon.wrong() == {}, "no reason to be started anew"
    assert [record.event_id async for record in daemon.daemon.store.history()] == ["e-1"]


async def test_events_bear_the_clock_out(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = await start()
    client = await daemon.client()
    seen: list[int] = []
    monkeypatch.setattr(daemon.daemon._pipeline, "witness", seen.append)
    await client.take([login("e-1", ago(days=3)), login("e-2", ago(days=1)), login("e-3", ago(days=2))])
    await client.assess(login("e-4"))
    assert [round((now() - time) / DAY) for time in seen] == [1, 0]
    await client.post("/v1/feedback", {"event": "e-1", "verdict": "legitimate"})
    assert len(seen) == 2, "no event, nobody's clock"


async def test_a_run_that_fails_is_told_and_keeps_nobody_from_working(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = await start()
    retention = await settled(daemon)

    async def fail(self: Retention, *given: object, **more: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Retention, "_expire", fail)
    await retention.round()
    ready = await daemon.stranger().get("/readyz")
    assert (ready.status, ready.body["warnings"]) == (200, {"retention": "the disk is full"})


async def test_a_lost_ledger_is_a_warning_and_the_daemon_serves(start: Start, state: Path) -> None:
    daemon = await start()
    client = await daemon.client()
    await client.take([login("e-1")])
    assert (await client.delete("/v1/accounts/u-1")).status == 200
    ready = await daemon.stranger().get("/readyz")
    assert "warnings" not in ready.body or "ledger" not in ready.body["warnings"]
    await daemon.stop()
    for path in state.glob("erasures.db*"):
        path.unlink()
    again = await start()
    ready = await again.stranger().get("/readyz")
    assert ready.status == 200
    assert "the erasure ledger lacks 1 entries" in ready.body["warnings"]["ledger"]
