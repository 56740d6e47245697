"""Nothing of marked events is found in a real store; with sealing switched off it is, which proves the search."""

from pathlib import Path

import pytest

from sentinel.privacy.scan.files import scan
from sentinel.privacy.scan.search import Needles
from sentinel.privacy.sealer import Sealer
from tests.privacy.scan import canary

EVENTS = 300


async def test_nothing_of_marked_events_lies_outside_sealed_data(tmp_path: Path) -> None:
    installation = await canary.fill(tmp_path, EVENTS)
    report = scan([tmp_path], Needles(canary.values(EVENTS)))
    assert [str(hit) for hit in report.hits] == []
    assert report.clean
    assert report.rows > EVENTS
    await installation.store.close()
    assert scan([tmp_path], Needles(canary.values(EVENTS))).clean


async def test_without_sealing_all_of_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sealer, "seal", lambda self, data, row: data)
    monkeypatch.setattr(Sealer, "open", lambda self, sealed, row: sealed)
    monkeypatch.setattr("sentinel.privacy.scan.report._TOLD", 1 << 20)
    installation = await canary.fill(tmp_path, EVENTS)
    values = canary.values(EVENTS)
    report = scan([tmp_path], Needles(values))
    assert {hit.value for hit in report.hits if hit.table} == set(range(1, len(values) + 1))
    assert {Path(hit.file).name for hit in report.hits} == {"store.db", "store.db-wal"}
    await installation.store.close()
