"""Figures: what is counted, by which labels."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentinel.daemon.figures import CountedPipeline, Figures
from sentinel.errors import StoreError
from sentinel.pipeline.item import Item
from tests.pipeline.installation import AWAY, Installation, login


def samples(figures: Figures, **more: Any) -> dict[tuple[Any, ...], float]:
    """Every sample by name and label values in the order of label names."""
    state: dict[str, Any] = {"waiting": 0, "mails": {}, "ready": True} | more
    text = figures.text(**state).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Counted:
    """An installation whose pipeline counts."""

    def __init__(self, folder: Path) -> None:
        self.inst = Installation(folder)
        self.requests: Counter[tuple[str, int]] = Counter()
        self.figures = Figures(lambda: self.requests)
        self.woken = 0
        self.inst.pipeline = CountedPipeline(self.inst.store, self.inst.vault, lambda tenant: self.inst._settings)
        self.inst.pipeline.figures = self.figures
        self.inst.pipeline.wake = self._wake

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def counted(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


async def test_events_decisions_findings_duplicates_and_conflicts(counted: Counted) -> None:
    usual = [login(n) for n in range(4)]
    await counted.inst.run(usual)
    assert counted.woken == 0
    failure = login(5, outcome="failure", reason="bad_password")
    await counted.inst.run([login(4, **AWAY), usual[0], login(1, service="other"), failure])
    assert counted.woken == 1
    found = samples(counted.figures)
    assert found["sentinel_events_total", "success", "login"] == 5
    assert found["sentinel_events_total", "failure", "login"] == 1
    assert found[("sentinel_duplicates_total",)] == 1
    assert found[("sentinel_conflicts_total",)] == 1
    assert found["sentinel_decisions_total", "allow", "low"] == 5
    assert found["sentinel_findings_total", "new_country", "live"] == 1
    assert found[("sentinel_batch_seconds_count",)] == 2
    assert found[("sentinel_batch_failures_total",)] == 0


async def test_a_batch_that_was_not_stored(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(changes: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(counted.inst.store, "commit", full)
    with pytest.raises(StoreError):
        await counted.inst.one(login(0))
    assert isinstance(counted.inst.pipeline, CountedPipeline)
    assert counted.inst.pipeline.failure == "the disk is full"
    monkeypatch.undo()
    found = samples(counted.figures)
    assert found[("sentinel_batch_failures_total",)] == 1
    assert ("sentinel_events_total", "success", "login") not in found
    await counted.inst.one(login(0))
    assert counted.inst.pipeline.failure == ""
    assert samples(counted.figures)["sentinel_events_total", "success", "login"] == 1


async def test_states_as_they_are_when_asked(counted: Counted) -> None:
    counted.requests["/v1/events", 202] += 3
    found = samples(counted.figures, waiting=7, mails={"pending": 2, "sent": 5}, ready=False)
    assert found[("sentinel_waiting_events",)] == 7
    assert found[("sentinel_ready",)] == 0
    assert found["sentinel_mails", "pending"] == 2
    assert found["sentinel_http_requests_total", "/v1/events", "202"] == 3
    assert samples(counted.figures, mails={"pending": 0})["sentinel_mails", "pending"] == 0


async def test_two_daemons_in_one_process_do_not_share_figures(counted: Counted) -> None:
    await counted.inst.one(login(0))
    assert ("sentinel_events_total", "success", "login") not in samples(Figures(Counter))


async def test_an_empty_batch_is_no_event(counted: Counted) -> None:
    nothing: Sequence[Item] = []
    assert await counted.inst.pipeline.process(nothing) == []
    assert samples(counted.figures)[("sentinel_duplicates_total",)] == 0
