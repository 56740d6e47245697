"""The registry: promote and rollback, what is kept, what a crash leaves, who may read it."""

import json
import multiprocessing
import stat
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sentinel import files as files_module
from sentinel.errors import Conflict, FileError, SentinelError
from sentinel.models import registry as module
from sentinel.models.registry import Held, Registry
from sentinel.models.stored import decode
from tests.models.made import model_file

DAY = date(2026, 2, 1)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def trained(registry: Registry, version: str, kind: Any = "impostor", **changes: Any) -> None:
    registry.add(model_file(kind, version=version, **changes))


def promoted(registry: Registry, *versions: str) -> None:
    for version in versions:
        trained(registry, version)
        assert registry.promote("default", "impostor") == version


def files(registry: Registry) -> list[str]:
    return sorted(path.name for path in (registry.directory / "default").iterdir())


def day(number: int) -> str:
    return f"2026-02-{number:02}"


def test_nothing_is_there_before_a_model_is(registry: Registry) -> None:
    assert registry.tenants() == []
    assert registry.held("default", "impostor") == Held()
    assert registry.expire(DAY) == []
    for change in (registry.promote, registry.rollback):
        with pytest.raises(SentinelError):
            change("default", "impostor")
    assert registry.tenants() == []


def test_a_model_becomes_candidate_and_the_next_takes_its_place(registry: Registry) -> None:
    trained(registry, day(1))
    trained(registry, day(2))
    trained(registry, day(2), "novelty")
    assert registry.held("default", "impostor") == Held(candidate=day(2))
    assert registry.held("default", "novelty") == Held(candidate=day(2))
    assert files(registry) == [f"impostor-{day(2)}.json", f"novelty-{day(2)}.json", "state.json"]
    assert getattr(decode(registry.content("default", "impostor", day(2))), "version", None) == day(2)
    assert registry.tenants() == ["default"]


def test_the_last_three_before_are_kept(registry: Registry) -> None:
    promoted(registry, *map(day, range(1, 7)))
    assert registry.held("default", "impostor") == Held(in_force=day(6), kept=(day(5), day(4), day(3)))
    assert files(registry) == [*(f"impostor-{day(n)}.json" for n in range(3, 7)), "state.json"]


def test_rolling_back_goes_one_further_each_time_and_ends_at_the_baseline(registry: Registry) -> None:
    promoted(registry, day(1), day(2), day(3))
    assert registry.rollback("default", "impostor") == day(2)
    assert registry.held("default", "impostor") == Held(in_force=day(2), candidate=day(3), kept=(day(1),))
    assert registry.rollback("default", "impostor") == day(1)
    assert registry.rollback("default", "impostor") is None
    assert registry.held("default", "impostor") == Held(candidate=day(3))
    with pytest.raises(SentinelError, match="nothing before it"):
        registry.rollback("default", "impostor")
    assert files(registry) == [f"impostor-{day(3)}.json", "state.json"]


def test_promoting_takes_a_rollback_back(registry: Registry) -> None:
    promoted(registry, day(1), day(2))
    registry.rollback("default", "impostor")
    assert registry.promote("default", "impostor") == day(2)
    assert registry.held("default", "impostor") == Held(in_force=day(2), kept=(day(1),))


def test_a_version_is_used_once(registry: Registry) -> None:
    assert registry.next_version("default", "impostor", DAY) == "2026-02-01"
    trained(registry, "2026-02-01")
    assert registry.next_version("default", "impostor", DAY) == "2026-02-01.2"
    assert registry.next_version("default", "novelty", DAY) == "2026-02-01"
    with pytest.raises(Conflict, match="2026-02-01 already"):
        trained(registry, "2026-02-01", rows=5)
    with pytest.raises(Conflict, match="baseline"):
        registry.add(model_file(tenant=None, version="baseline-2026-02-01"))


def test_tenants_are_apart(registry: Registry) -> None:
    trained(registry, day(1))
    trained(registry, day(1), tenant="other")
    registry.promote("other", "impostor")
    assert registry.held("default", "impostor").in_force is None
    assert registry.tenants() == ["default", "other"]


@pytest.mark.parametrize("tenant", ["..", "a/b", "", ".hidden", "a" * 65])
def test_a_tenant_leads_nowhere_else(registry: Registry, tenant: str) -> None:
    with pytest.raises(FileError, match="name of a tenant"):
        registry.held(tenant, "impostor")
    with pytest.raises((FileError, ValueError)):
        registry.add(model_file(tenant=tenant))


def test_a_damaged_candidate_is_not_promoted(registry: Registry) -> None:
    trained(registry, day(1))
    path = registry.path("default", "impostor", day(1))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(SentinelError, match=r"stays a candidate.*damaged"):
        registry.promote("default", "impostor")
    assert registry.held("default", "impostor") == Held(candidate=day(1))


def test_only_the_owner_reads_them(registry: Registry) -> None:
    promoted(registry, day(1))
    for path in registry.directory.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE(registry.directory.stat().st_mode) == 0o700


def test_a_damaged_state_says_what_to_do(registry: Registry) -> None:
    trained(registry, day(1))
    state = registry.directory / "default/state.json"
    for text in ("{", '{"impostor": {"in_force": "../../x"}}', '{"surprise": {}}'):
        state.write_text(text)
        with pytest.raises(FileError, match="remove it to begin anew"):
            registry.held("default", "impostor")


@pytest.mark.parametrize("call", range(1, 4))
def test_a_crash_leaves_what_was_or_what_shall_be(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    promoted(registry, *map(day, range(1, 5)))
    before = registry.held("default", "impostor")
    trained(registry, day(5))
    calls = iter(range(1, 100))

    def crash(folder: Path) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt

    for each in (module, files_module):
        monkeypatch.setattr(each, "sync_folder", crash)

    def thrice() -> None:
        for _ in range(3):
            registry.rollback("default", "impostor")

    with pytest.raises(KeyboardInterrupt):
        thrice()
    monkeypatch.undo()
    held = registry.held("default", "impostor")
    assert held != before
    assert all(registry.path("default", "impostor", version).exists() for version in held.versions)
    # What it left over goes with the next change.
    (registry.directory / "default/.tmp-left").write_text("")
    registry.promote("default", "impostor")
    left = registry.held("default", "impostor").versions
    assert files(registry) == sorted([*(f"impostor-{version}.json" for version in left), "state.json"])


def _train(directory: Path, first: int) -> None:
    for number in range(first, first + 5):
        Registry(directory).add(model_file("impostor", version=f"2026-02-01.{number}"))
        with suppress(SentinelError):  # the other one promoted it already
            Registry(directory).promote("default", "impostor")


def test_two_who_change_it_take_turns(registry: Registry) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_train, args=(registry.directory, first)) for first in (10, 20)]
    for each in both:
        each.start()
    for each in both:
        each.join(30)
        assert each.exitcode == 0
    held = registry.held("default", "impostor")
    assert all(registry.path("default", "impostor", version).exists() for version in held.versions)
    json.loads((registry.directory / "default/state.json").read_text())


def test_what_learned_too_long_ago_is_removed(registry: Registry) -> None:
    promoted(registry, day(1))
    trained(registry, day(2), first_day=date(2026, 1, 10))
    trained(registry, day(3), "novelty", first_day=date(2026, 1, 1))
    assert registry.expire(date(2026, 12, 31)) == []
    assert registry.expire(date(2027, 1, 1)) == [
        ("default", "impostor", day(1)),
        ("default", "novelty", day(3)),
    ]
    assert registry.held("default", "impostor") == Held(candidate=day(2))
    assert files(registry) == [f"impostor-{day(2)}.json", "state.json"]
    assert registry.expire(date(2027, 1, 10)) == [("default", "impostor", day(2))]


def test_what_no_state_names_is_removed_too(registry: Registry) -> None:
    promoted(registry, day(1))
    trained(registry, day(1), tenant="other")
    trained(registry, day(1), tenant="third")
    folder = registry.directory / "default"
    (folder / ".draft").write_text("left by a crash")
    (folder / f"novelty-{day(1)}.json").write_text("likewise")
    (registry.directory / "other/state.json").write_text("{")
    (registry.directory / "no tenant").mkdir()
    assert registry.expire(date(2026, 3, 2)) == []
    assert files(registry) == [f"impostor-{day(1)}.json", "state.json"]
    removed = registry.expire(date(2027, 1, 1))
    assert removed == [(tenant, "impostor", day(1)) for tenant in ("default", "other", "third")]
    assert sorted(path.name for path in registry.directory.glob("*/*.json")) == ["state.json"] * 3
    assert registry.tenants() == ["default", "other", "third"]


def test_one_that_cannot_be_read_keeps_no_other(registry: Registry) -> None:
    trained(registry, day(1))
    trained(registry, day(1), tenant="other")
    path = registry.path("default", "impostor", day(1))
    path.unlink()
    path.mkdir()
    with pytest.raises(FileError, match="default"):
        registry.expire(date(2027, 1, 1))
    assert registry.held("other", "impostor") == Held()


def test_what_is_damaged_is_removed_in_time_too(registry: Registry) -> None:
    promoted(registry, day(1), day(2))
    for number in (1, 2):
        path = registry.path("default", "impostor", day(number))
        # The one still says when it learned.
        path.write_bytes(b"nonsense" if number == 1 else path.read_bytes().replace(b'"rows":1000', b'"rows":1001'))
    assert registry.expire(date(2026, 3, 2)) == []
    assert registry.expire(date(2026, 3, 3)) == [("default", "impostor", day(1))]
    assert registry.expire(date(2027, 1, 1)) == [("default", "impostor", day(2))]


@pytest.mark.parametrize("said", ["9999-12-31", "2026-03-01"])
def test_a_damaged_file_is_not_believed_to_have_learned_after_its_training(registry: Registry, said: str) -> None:
    promoted(registry, day(1))
    registry.path("default", "impostor", day(1)).write_text(f'{{"first_day": "{said}"}}')
    assert registry.expire(date(2026, 3, 2)) == []
    assert registry.expire(date(2026, 3, 3)) == [("default", "impostor", day(1))]


@pytest.mark.parametrize("version", ["2026-99-99", "baseline-2026-02-01"])
def test_files_of_odd_names_go_like_others(registry: Registry, version: str) -> None:
    promoted(registry, day(1))
    (registry.directory / f"default/novelty-{version}.json").write_text("{}")
    assert registry.expire(date(2026, 3, 3)) == [("default", "novelty", version)]


def test_what_it_makes_on_its_way_is_nobody_elses(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with pytest.raises(SentinelError):
        Registry(state / "models").promote("default", "impostor")
    for path in (state, state / "models", state / "models/default"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
