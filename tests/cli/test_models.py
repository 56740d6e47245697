"""`sentinel models` as it is typed."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel.models.registry import Registry
from sentinel.models.stored import ModelFile
from tests.models.made import fitting
from tests.running import Command


@pytest.fixture
def registry(sentinel: Command) -> Registry:
    return Registry(sentinel.state / "models")


def good(sentinel: Command, *words: object) -> str:
    done = sentinel("models", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bad(sentinel: Command, code: int, said: str, *words: object) -> None:
    done = sentinel("models", *words)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert said in done.stderr


def in_force(sentinel: Command, *words: object) -> dict[str, str]:
    listed = json.loads(good(sentinel, "list", "--json", *words))
    return {each["kind"]: each["version"] for each in listed if each["status"] == "in force" and not each["baseline"]}


def trained(registry: Registry, *versions: str) -> list[ModelFile]:
    files = [fitting(version=version) for version in versions]
    for file in files:
        registry.add(file)
    return files


def test_promote_and_roll_back(sentinel: Command, registry: Registry) -> None:
    bad(sentinel, 1, "no impostor candidate", "promote", "impostor")
    for version in ("2026-02-01", "2026-02-02"):
        trained(registry, version)
        assert good(sentinel, "promote", "impostor") == f"impostor {version} is in force for tenant default\n"
    assert in_force(sentinel) == {"impostor": "2026-02-02"}
    assert json.loads(good(sentinel, "rollback", "impostor", "--json")) == {
        "tenant": "default",
        "kind": "impostor",
        "in_force": "2026-02-01",
    }
    assert in_force(sentinel) == {"impostor": "2026-02-01"}
    assert good(sentinel, "rollback", "impostor") == "the impostor baseline is in force for tenant default\n"
    assert in_force(sentinel) == {}
    bad(sentinel, 1, "nothing before it", "rollback", "impostor")
    good(sentinel, "promote", "impostor")
    assert in_force(sentinel) == {"impostor": "2026-02-02"}


def test_tenants_are_apart(sentinel: Command, registry: Registry) -> None:
    registry.add(fitting(tenant="shop"))
    good(sentinel, "promote", "impostor", "--tenant", "shop")
    assert list(in_force(sentinel, "--tenant", "shop")) == ["impostor"]
    assert in_force(sentinel, "--tenant", "default") == {}
    assert {each["tenant"] for each in json.loads(good(sentinel, "list", "--json"))} == {"default", "shop"}
    bad(sentinel, 2, "'../shop' is not known", "list", "--tenant", "../shop")
    # Another command knows whom there are models of, too.
    assert sentinel("usage", "--tenant", "shop").returncode == 0


def test_what_this_release_cannot_use_is_not_promoted(sentinel: Command, registry: Registry) -> None:
    registry.add(fitting(recipe="sha256:" + "1" * 64))
    bad(sentinel, 1, "stays a candidate: it was made by another recipe", "promote", "impostor")
    assert re.search(r"candidate .*made by another recipe", good(sentinel, "list"))


def test_show_tells_figures_and_the_card(sentinel: Command, registry: Registry) -> None:
    (file,) = trained(registry, "2026-02-01")
    shown = json.loads(good(sentinel, "show", "impostor", "--version", "2026-02-01", "--json"))
    assert shown["status"] == "candidate"
    assert shown["figures"] == {"log_loss": 0.1}
    assert shown["ends"] == (file.first_day + timedelta(days=365)).isoformat()
    assert (shown["trees"], shown["nodes"]) == (1, 3)
    good(sentinel, "promote", "impostor")
    text = good(sentinel, "show", "impostor")
    assert re.search(r"^version +2026-02-01$", text, re.MULTILINE)
    assert re.search(r"^ +log_loss +0.1$", text, re.MULTILINE)
    assert "## What it cannot see" in text
    bad(sentinel, 1, "no impostor model 2020-01-01", "show", "impostor", "--version", "2020-01-01")
    bad(sentinel, 2, "likelihood", "show", "likelihood")


def test_doctor_names_one_that_abstains(sentinel: Command, registry: Registry) -> None:
    trained(registry, "2026-02-01")
    good(sentinel, "promote", "impostor")
    path: Path = registry.path("default", "impostor", "2026-02-01")
    path.write_bytes(path.read_bytes()[:-5])
    checks = [each for each in json.loads(sentinel("doctor", "--json").stdout) if each["name"] == "models"]
    assert "baseline-" in good(sentinel, "show", "impostor")  # what stands in for it
    (warned,) = [each for each in checks if each["state"] == "warn"]
    assert "impostor 2026-02-01 of tenant default: abstains: the file is damaged" in warned["detail"]
    assert len(checks) == 3
