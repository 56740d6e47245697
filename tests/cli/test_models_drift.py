"""`sentinel models drift`, `models show` and `doctor` say how far logins moved."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sentinel.cli.main import cli
from tests.daemon.drifting import VERSION, counted, installed, promoted

MOVED = ("device_class_share", "score")


@pytest.fixture
def config(write_config: Callable[..., Path], state: Path) -> Path:
    promoted(state)
    return write_config()


def run(config: Path, *words: str) -> str:
    done = CliRunner().invoke(cli, ["--config", str(config), *words], standalone_mode=False)
    assert done.exception is None, done.output
    return done.output


def checks(config: Path) -> list[dict[str, Any]]:
    return [each for each in json.loads(run(config, "doctor", "--json")) if each["name"] == "drift"]


def test_the_table_has_each_day_and_the_week(config: Path) -> None:
    installed(config, counted(30), *[counted(300)] * 4, *[counted(300, MOVED)] * 3)
    text = run(config, "models", "drift")
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["impostor", VERSION]
    assert [line[1:] for line in lines if "few" in line] == [["30", "too", "few"]]
    days = [line for line in lines if line and line[0].startswith("20")]
    assert len(days) == 8
    assert days[-1][1] == "300"
    assert float(days[-1][2]) > 1
    assert days[-1][3] == "device_class_share"
    assert float(days[1][2]) == 0
    (week,) = [line for line in lines if line[:2] == ["seven", "days"]]
    assert week[2] == "2100"
    assert "logins are not like those it learned from" in text


def test_as_data(config: Path) -> None:
    installed(config, *[counted(300)] * 4, *[counted(300, MOVED)] * 3)
    (found,) = [each for each in json.loads(run(config, "models", "drift", "--json")) if each["kind"] == "impostor"]
    assert (found["tenant"], found["version"]) == ("default", VERSION)
    assert set(found["shifted"]) == set(MOVED)
    assert [each["logins"] for each in found["days"]] == [300] * 7
    assert found["week"]["logins"] == 2100
    assert found["days"][-1]["psi"]["score"] > 1
    assert "network_novelty" in found["days"][0]["psi"]


def test_show_has_a_line_where_there_is_any(config: Path) -> None:
    assert "\ndrift " not in run(config, "models", "show", "impostor")
    installed(config, *[counted(300)] * 4, *[counted(300, MOVED)] * 3)
    text = run(config, "models", "show", "impostor")
    (line,) = [line for line in text.splitlines() if line.startswith("drift ")]
    assert "2100 logins of the last seven days looked at; shifted: " in line
    told = json.loads(run(config, "models", "show", "impostor", "--json"))
    assert set(told["drift"][0]["shifted"]) == set(MOVED)


def test_before_anything_was_stored(config: Path) -> None:
    assert "too little to tell drift" in run(config, "models", "drift")


def test_doctor_warns_of_what_moved_and_of_nothing_else(config: Path) -> None:
    installed(config, *[counted(300)] * 7)
    assert {each["state"] for each in checks(config)} == {"good"}
    installed(config, *[counted(300)] * 4, *[counted(300, MOVED)] * 3)
    (warned,) = [each for each in checks(config) if each["state"] == "warn"]
    assert f"tenant default: impostor {VERSION}: logins are not like those it learned from" in warned["detail"]
    assert "(device_class_share)" in warned["detail"]
    assert "`sentinel train`" in warned["detail"]
