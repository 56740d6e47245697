"""`sentinel usage`: what operators see of figures that are stored."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sentinel.cli.main import main
from sentinel.events.clock import now, utc_day
from sentinel.store.protocol import Changes, UsageDay
from sentinel.store.sqlite.store import SqliteStore
from tests.store.named import NamedVault

Run = Callable[..., str]


def figures(ago: int, dimension: str, numbers: dict[str, int], tenant: str = "default") -> UsageDay:
    return UsageDay(
        day=utc_day(now()) - ago, tenant=tenant, dimension=dimension, epsilon=0.5, scale=2.0, least=20, numbers=numbers
    )  # fmt: skip


def date(ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()


@pytest.fixture
def usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command over a store that holds figures of three days."""
    config = tmp_path / "sentinel.toml"
    config.write_text(f'state = "{tmp_path}"\n')

    async def fill() -> None:
        store = SqliteStore(tmp_path / "sentinel.db", NamedVault())
        told = [
            figures(40, "countries", {"IT": 99}),
            figures(2, "countries", {"FR": 1200, "DE": 31}),
            figures(1, "countries", {"FR": 1400}),
            figures(1, "logins", {"success": 1500}),
            figures(1, "countries", {"JP": 77}, "shop"),
        ]
        calls = {(utc_day(now()), "default", "[web]"): 5, (utc_day(now()) - 1, "default", "[web]"): 8}
        await store.commit(Changes(usage=told, calls=calls))
        await store.close()

    def run(*words: str, filled: bool = True) -> str:
        if filled:
            asyncio.run(fill())
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(config), "usage", *words])
        assert ended.value.code == 0
        return capsys.readouterr().out

    return run


def test_the_table_tells_values_by_size_and_how_exact_they_are(usage: Run) -> None:
    lines = [line.split() for line in usage().splitlines()]
    assert lines[1][:4] == ["logins", "on", date(1) + ";", "±6,"]
    assert lines[2] == ["success", "1,500", "1,500", "1"]
    assert lines[3][-4:] == ["below", "20", "not", "told"]
    assert lines[4:6] == [["FR", "1,400", "1,300", "2"], ["DE", "-", "31", "1"]]
    assert lines[6] == ["API", "calls", "on", date(0) + ";", "exact"]
    assert lines[7:] == [["[web]", "5", "6", "2"]]


def test_json_has_every_day_with_its_noise(usage: Run) -> None:
    told = json.loads(usage("--json", "--since", "2d"))
    assert [day["day"] for day in told["days"]] == [date(2), date(1)]
    assert told["days"][0]["countries"] == {
        "epsilon": 0.5, "noise": 2.0, "least": 20, "accounts": {"DE": 31, "FR": 1200},
    }  # fmt: skip
    assert told["calls"] == [
        {"day": date(1), "key": "[web]", "calls": 8}, {"day": date(0), "key": "[web]", "calls": 5},
    ]  # fmt: skip


def test_a_tenant_and_a_longer_time(usage: Run) -> None:
    assert "JP" in usage("--tenant", "shop")
    assert "IT" in usage("--since", date(40), filled=False)


def test_without_a_store_nothing_was_counted(usage: Run) -> None:
    assert "nothing was counted" in usage(filled=False)
