"""Drift as it is told: on `/metrics`, and in words to operators."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentinel.daemon.drift import drift_of, findings, summary
from sentinel.daemon.models import today
from sentinel.events.clock import DAY, HOUR, MINUTE, now
from sentinel.models.drift import SCORE
from sentinel.models.in_force import Shelf
from sentinel.models.registry import Registry
from sentinel.store.protocol import Changes
from tests.daemon.drifting import VERSION, counted, promoted, put
from tests.running import Client, InProcess

Start = Callable[..., Awaitable[InProcess]]
MOVED = ("device_class_share", "network_share", "idle", SCORE, "age")


async def samples(client: Client, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by their labels, tenant first."""
    text = (await client.get("/metrics")).text
    return {
        tuple(sample.labels[label] for label in ("tenant", "model", "feature") if label in sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


async def test_metrics_have_yesterday_and_what_shifted(start: Start, state: Path) -> None:
    promoted(state)
    daemon = await start()
    await put(daemon.daemon.store, daemon.daemon.vault, [counted(300)] * 5 + [counted(300, MOVED)] * 3)
    client = await daemon.client()
    psi = await samples(client, "sentinel_model_drift")
    assert psi["default", "impostor", "idle"] == pytest.approx(4.594, abs=0.001)
    assert psi["default", "impostor", "usual_distance"] == 0
    assert psi["default", "impostor", "score"] > 1
    assert {key[1] for key in psi} == {"impostor"}
    assert (await samples(client, "sentinel_model_drift_logins"))["default", "impostor"] == 300
    assert (await samples(client, "sentinel_model_drift_shifted"))["default", "impostor"] == len(MOVED) - 1


async def test_a_few_logins_are_counted_and_not_told(start: Start, state: Path) -> None:
    promoted(state)
    daemon = await start()
    await put(daemon.daemon.store, daemon.daemon.vault, [counted(48, MOVED)])
    client = await daemon.client()
    assert await samples(client, "sentinel_model_drift") == {}
    assert await samples(client, "sentinel_model_drift_logins") == {("default", "impostor"): 48}


async def test_figures_are_made_anew_after_a_while_for_other_models_and_on_another_day(
    start: Start, state: Path
) -> None:
    promoted(state)
    daemon = await start()
    figures, at = daemon.daemon.drift, now() // DAY * DAY + HOUR
    figures._clock = lambda: at
    store, vault = daemon.daemon.store, daemon.daemon.vault
    await put(store, vault, [counted(300)])
    asked = []
    read = store.drift

    async def counting(tenant: str, *, since: int) -> dict[int, bytes]:
        asked.append(tenant)
        return await read(tenant, since=since)

    store.drift = counting  # type: ignore[method-assign]
    for moment in (at, at + MINUTE, at + 9 * MINUTE, at + 11 * MINUTE, at + DAY, at + DAY + MINUTE):
        at = moment
        await figures.refresh()
    assert asked == ["default"] * 3
    promoted(state, "novelty")
    daemon.daemon.models.use(daemon.daemon.models.prepare())
    await figures.refresh()
    assert asked == ["default"] * 4


async def test_what_cannot_be_read_costs_these_figures_only(
    start: Start, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    promoted(state)
    daemon = await start()
    await daemon.daemon.store.commit(Changes(drift={(now() // DAY - 1, "default"): b"\x00"}))
    client = await daemon.client()
    assert "sentinel_model_info" in (await client.get("/metrics")).text
    assert await samples(client, "sentinel_model_drift_logins") == {}
    assert "drift of tenant default" in caplog.text


async def test_in_words(start: Start, state: Path) -> None:
    promoted(state)
    daemon = await start()
    store, vault = daemon.daemon.store, daemon.daemon.vault

    async def said(*days: tuple[int, tuple[str, ...]]) -> list[tuple[bool, str]]:
        await put(store, vault, [counted(logins, shifted) for logins, shifted in days])
        standings = [each for each in Shelf(Registry(state / "models")).look("default", today()) if each.file]
        drifts = await drift_of(store, vault, "default", standings, now=now())
        found = findings("default", drifts)
        assert ("No model saw other" in summary(found)) != any(each.shifted for each in found)
        return [(each.shifted, each.text) for each in found if f"impostor {VERSION}" in each.text]

    begins = f"tenant default: impostor {VERSION}"
    assert await said() == [(False, f"{begins}: too little to tell drift, 0 logins looked at on 0 of seven days")]
    quiet = (300, ())
    assert await said(*[quiet] * 8) == [
        (False, f"{begins}: logins are like those it learned from, 2100 looked at in seven days")
    ]
    ((shifted, text),) = await said(*[quiet] * 5, *[(300, MOVED)] * 3)
    assert shifted
    assert text.startswith(f"{begins}: logins are not like those it learned from: ")
    for words in ("(network_share) 4.59", "and 1 more", "run `sentinel train`", "models drift"):
        assert words in text
    assert "(age)" not in text


async def test_nobody_is_warned_of_the_baseline(start: Start, state: Path) -> None:
    """It learned from made-up traffic: whoever uses it has other logins, and may have too few to train."""
    promoted(state)
    daemon = await start()
    store, vault = daemon.daemon.store, daemon.daemon.vault
    await put(store, vault, [counted(300, MOVED)] * 7)
    (standing,) = [each for each in daemon.daemon.models.standings if each.kind == "impostor"]
    drifts = await drift_of(store, vault, "default", [standing], now=now())
    base = msgspec.structs.replace(drifts[0], standing=msgspec.structs.replace(standing, baseline=True))
    (found,) = findings("default", [base])
    assert not found.shifted
    assert "learned from made-up traffic; yours is other in:" in found.text
    without = msgspec.structs.replace(base, report=None)
    assert "has nothing to tell drift by" in findings("default", [without])[0].text
