"""``kill -9`` at any moment: what was acknowledged is there, once, and nothing is there by halves."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.crash_rig import COUNT, stream
from tests.pipeline.installation import Installation, digest

ROUNDS = 20


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each round left behind."""
    folder = tmp_path_factory.mktemp("crashed")
    command = [sys.executable, "-m", "tests.pipeline.crash_rig", str(folder), str(ROUNDS), "3"]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def prefixes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The digest of a store after so many events of an undisturbed run."""

    async def run(folder: Path) -> list[str]:
        inst = Installation(folder)
        digests = [digest(inst.path)]
        for event in stream():
            await inst.one(event)
            digests.append(digest(inst.path))
        await inst.store.close()
        return digests

    return asyncio.run(run(tmp_path_factory.mktemp("clean")))


def test_the_rig_crashes_where_it_should(rounds: list[dict[str, Any]]) -> None:
    assert len(rounds) > ROUNDS // 2
    assert len({each["rows"] for each in rounds}) > ROUNDS // 4
    assert rounds[-1]["rows"] == COUNT


def test_what_was_acknowledged_is_there_once(rounds: list[dict[str, Any]], tmp_path: Path) -> None:
    inst = Installation(tmp_path)
    acknowledged: set[str] = set()
    for each in rounds:
        acknowledged |= set(each["ids"])
        assert set(each["keys"].values()) <= {1}
        assert {inst.enricher.event_key("default", id) for id in acknowledged} <= set(each["keys"])
    assert len(acknowledged) == COUNT
    asyncio.run(inst.store.close())


def test_windows_profiles_alerts_and_mails_are_those_of_an_undisturbed_run(
    rounds: list[dict[str, Any]], prefixes: list[str]
) -> None:
    assert len(set(prefixes)) == COUNT + 1
    for each in rounds:
        assert each["digest"] == prefixes[each["rows"]]
