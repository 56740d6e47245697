"""A restored backup knows of restrictions, objections and decisions since it was made, before it serves."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sentinel.daemon.restore import restore_data, restore_keyring
from sentinel.daemon.state import open_ledger, open_store, open_vault
from sentinel.errors import StoreError
from sentinel.events.clock import DAY, MINUTE
from sentinel.past.profile import Profile
from sentinel.pipeline.request import Answer, Request
from sentinel.pipeline.rights import Rights
from sentinel.pipeline.standing import Standings
from tests.backup.installation import NOW, Installation


def exercise(inst: Installation, *asked: tuple[str, str, dict[str, Any]]) -> int:
    """Exercise rights, one after the other; returns what had to be finished first."""
    return asyncio.run(_exercise(inst, asked))


async def _exercise(inst: Installation, asked: tuple[tuple[str, str, dict[str, Any]], ...]) -> int:
    async def alone(work: Callable[[], Awaitable[Answer]]) -> Answer:
        return await work()

    with closing(open_vault(inst.config, writes=True)) as vault, closing(open_ledger(inst.config, vault)) as ledger:
        store = open_store(inst.config, vault)
        try:
            rights = Rights(store, vault, ledger, alone)
            finished = await rights.finish(NOW)
            for what, account, more in asked:
                given = {"time": NOW + MINUTE, "by": "operator"} | more
                await rights.exercise(Request(what=what, tenant="default", account=account, **given))  # type: ignore[arg-type]  # one of them
            return finished
        finally:
            await store.close()


def profile(inst: Installation, account: str) -> Profile:
    async def read() -> Profile:
        with closing(open_vault(inst.config)) as vault:
            key = vault.find(vault.pseudonym("account", "default", account))
            assert key is not None
            store = open_store(inst.config, vault)
            try:
                return await store.profile(key.handle) or Profile()
            finally:
                await store.close()

    return asyncio.run(read())


def shown(inst: Installation, account: str) -> int:
    """How many alerts of an account are shown."""

    async def read() -> int:
        with closing(open_vault(inst.config)) as vault:
            key = vault.find(vault.pseudonym("account", "default", account))
            assert key is not None
            store = open_store(inst.config, vault)
            try:
                return len(await store.alerts("default", account=key.handle))
            finally:
                await store.close()

    return asyncio.run(read())


@pytest.fixture
def plain(tmp_path: Path) -> Installation:
    """Nobody is restricted."""
    made = Installation(tmp_path / "one")
    made.write("ada", "ben", "cleo", plain=True)
    return made


def test_restrictions_objections_and_decisions_since_the_backup_stand(plain: Installation) -> None:
    exercise(
        plain,
        ("restrict", "ben", {}),
        ("object", "cleo", {}),
    )
    backup = plain.back_up()
    exercise(
        plain,
        ("restrict", "ada", {"reason": "contested"}),
        ("lift", "ben", {}),
        ("decide", "cleo", {"decision": "rejected"}),
    )
    before = {name: profile(plain, name) for name in ("ada", "ben", "cleo")}
    restored = restore_data(plain.config, backup, now=NOW, actor="ops")
    assert restored.standings == 3
    assert {name: profile(plain, name) for name in before} == before
    assert [before[name].restricted for name in before] == [True, False, False]
    assert [right.reason for right in before["ada"].rights] == ["contested"]
    assert [shown(plain, name) for name in before] == [0, 1, 1]
    assert exercise(plain) == 0


def test_the_start_applies_them_to_a_file_that_was_put_back_by_hand(plain: Installation) -> None:
    store = plain.store.read_bytes()
    exercise(plain, ("restrict", "ada", {}))
    for path in plain.state.glob("sentinel.db*"):
        path.unlink()
    plain.store.write_bytes(store)
    assert not profile(plain, "ada").restricted
    assert exercise(plain) == 1
    assert profile(plain, "ada").restricted
    assert exercise(plain) == 0


def test_what_was_decided_after_a_merge_stands_when_a_backup_from_before_it_is_restored(plain: Installation) -> None:
    exercise(plain, ("restrict", "ada", {}))
    backup = plain.back_up()
    exercise(plain, ("merge", "ada", {"into": "ben"}), ("lift", "ben", {"time": NOW + 2 * MINUTE}))
    before = profile(plain, "ben")
    assert not before.restricted
    restore_data(plain.config, backup, now=NOW, actor="ops")
    assert exercise(plain) == 1
    assert profile(plain, "ben") == before
    assert exercise(plain) == 0


def test_a_restriction_of_the_account_that_went_is_not_lost_with_the_backup(plain: Installation) -> None:
    backup = plain.back_up()
    exercise(plain, ("restrict", "ada", {}), ("merge", "ada", {"into": "ben"}))
    restore_data(plain.config, backup, now=NOW, actor="ops")
    exercise(plain)
    assert profile(plain, "ben").restricted


def test_an_older_keyring_learns_from_the_data_what_it_does_not_know(plain: Installation) -> None:
    data, keyring = plain.back_up(), plain.back_up("keyring")
    exercise(plain, ("restrict", "ada", {}))
    restore_keyring(plain.config, keyring, now=NOW, actor="ops")
    assert profile(plain, "ada").restricted
    restore_data(plain.config, data, now=NOW, actor="ops")
    assert profile(plain, "ada").restricted


def test_what_is_not_stored_is_not_applied_later(plain: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentinel.store.sqlite.store import SqliteStore

    async def full(store: SqliteStore, changes: object) -> None:
        raise StoreError("the disk is full")

    exercise(plain, ("restrict", "ada", {}))
    with monkeypatch.context() as patched:
        patched.setattr(SqliteStore, "commit", full)
        with pytest.raises(StoreError, match="full"):
            exercise(plain, ("lift", "ada", {}))
    assert exercise(plain) == 0
    assert profile(plain, "ada").restricted


def test_it_goes_with_the_account_and_old_requests_go_after_a_year(plain: Installation) -> None:
    exercise(plain, ("restrict", "ada", {}), ("restrict", "ben", {}), ("lift", "ben", {}), ("restrict", "cleo", {}))

    def kept() -> list[tuple[str, int]]:
        with closing(open_vault(plain.config)) as vault:
            store = open_store(plain.config, vault)
            found = []
            for key, _ in vault.keyring.standings():
                standing = Standings(store, vault).get(key)
                assert standing is not None
                found.append((key.lookup, len(standing.rights)))
            asyncio.run(store.close())
            return found

    names = {name: plain.key_of(name).lookup for name in ("ada", "ben", "cleo")}
    assert kept() == [(names["ada"], 1), (names["ben"], 2), (names["cleo"], 1)]
    exercise(plain, ("erase", "cleo", {}))
    assert kept() == [(names["ada"], 1), (names["ben"], 2)]
    with closing(open_vault(plain.config, writes=True)) as vault:
        store = open_store(plain.config, vault)
        assert Standings(store, vault).forget(NOW) == 0
        assert Standings(store, vault).forget(NOW + DAY) == 1
        asyncio.run(store.close())
    # What stands does not expire.
    assert kept() == [(names["ada"], 1)]
