"""The vault: keys made once, durable before they are needed, and gone when they are destroyed."""

from pathlib import Path

import pytest

from sentinel.errors import StoreError
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.vault import Vault

MASTER = Secret(b"m" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring.db"


def writer(path: Path, accounts: int = 1000) -> Vault:
    return Vault(Keyring(path, MASTER), accounts=accounts)


def reader(path: Path) -> Vault:
    return Vault(Keyring(path, MASTER, readonly=True), writes=False)


async def test_an_account_gets_one_key_that_stays(path: Path) -> None:
    vault = writer(path, accounts=2)
    first = vault.admit(["a", "b", "a"])
    assert list(first) == ["a", "b"]
    for name in "cdefgh":  # more than are held in memory
        vault.admit([name])
    assert {name: key.handle for name, key in vault.admit("ab").items()} == {n: k.handle for n, k in first.items()}
    await vault.flush()
    vault.close()
    again = writer(path)
    assert again.admit(["b"])["b"].handle == first["b"].handle
    assert again.admit(["new"])["new"].number == 9
    again.close()


async def test_what_was_not_flushed_is_not_there(path: Path) -> None:
    vault = writer(path)
    vault.admit(["a"])
    vault.close()
    looking = reader(path)
    assert looking.find("a") is None
    looking.close()


async def test_a_reader_sees_what_was_made_and_what_was_destroyed(path: Path) -> None:
    vault = writer(path)
    looking = reader(path)
    assert looking.find("a") is None
    key = vault.admit(["a"])["a"]
    sealer = vault.sealer(key, "raw", 20_000)
    assert sealer is not None
    sealed = sealer.seal(b"192.0.2.1", "row")
    await vault.flush()
    found = looking.find("a")
    assert found is not None
    opener = looking.sealer(found, "raw", 20_000)
    assert opener is not None
    assert opener.open(sealed, "row") == b"192.0.2.1"
    await vault.destroy_days(raw_through=20_000, records_through=19_000)
    assert looking.owners([vault.ref(key)])[0] is not None
    assert looking.sealer(found, "raw", 20_000) is None
    vault.keyring.destroy_accounts([key.handle])
    vault.forget([key.handle])
    assert (looking.find("a"), looking.owners([vault.ref(key)])) == (None, [None])
    with pytest.raises(StoreError, match="was erased"):
        looking.of(key.handle)
    with pytest.raises(StoreError, match="was erased"):
        vault.of(key.handle)
    assert vault.admit(["a"])["a"].handle != key.handle
    vault.close()
    looking.close()


async def test_a_destroyed_day_gets_no_new_raw_key(path: Path) -> None:
    vault = writer(path)
    key = vault.admit(["a"])["a"]
    assert vault.sealer(key, "record", 20_000) is not None
    await vault.flush()
    await vault.destroy_days(raw_through=20_000, records_through=19_999)
    assert vault.sealer(key, "raw", 20_000) is None
    assert vault.days[20_000].raw is None
    assert vault.sealer(key, "record", 20_000) is not None
    vault.close()


async def test_only_who_judges_makes_keys(path: Path) -> None:
    writer(path).close()
    looking = reader(path)
    with pytest.raises(StoreError, match="only the process that judges"):
        looking.admit(["a"])
    looking.close()


async def test_refs_lead_back_and_look_like_chance(path: Path) -> None:
    vault = writer(path)
    one, two = vault.admit(["a", "b"]).values()
    refs = [vault.ref(one) for _ in range(500)] + [vault.ref(two), None]
    assert len(set(refs)) == 502
    owners = vault.owners(refs)
    assert {key.handle for key in owners[:500] if key} == {one.handle}
    assert owners[500] is two
    assert owners[501] is vault.of(None)
    vault.close()


async def test_a_guest_is_never_kept(path: Path) -> None:
    vault = writer(path)
    guest = vault.guest("a")
    assert vault.of(guest.handle) is guest
    await vault.flush()
    assert vault.find("a") is None
    assert vault.admit(["a"])["a"].handle != guest.handle
    vault.close()


async def test_an_account_that_went_into_another_is_that_one_by_all_its_names(path: Path) -> None:
    vault = writer(path)
    one, two, three = vault.admit("abc").values()
    await vault.flush()
    sealer = vault.sealer(one, "own")
    assert sealer is not None
    sealed = sealer.seal(b"kept", "row")
    ref = vault.ref(one)
    looking = reader(path)
    assert looking.find("a") is not None
    await vault.merge(one, two, b"first")
    await vault.merge(two, three, b"second")
    again = writer(path)
    for each in (vault, looking, again):
        found = each.find("a")
        assert found is not None
        assert (found.handle, found.lookup) == (three.handle, "c")
        assert each.of(one.handle).handle == each.of(two.handle).handle == three.handle
        assert each.lookup_of(one.handle) == "c"
        # Rows from before open with the key they were sealed with.
        (owner,) = each.owners([ref])
        assert owner is not None
        opener = each.sealer(owner, "own")
        assert opener is not None
        assert opener.open(sealed, "row") == b"kept"
        assert each.of(one.handle).handle == three.handle
        assert [former.handle for former in each.former(three)] == [one.handle, two.handle]
    assert {key.handle for key in again.admit("abc").values()} == {three.handle}
    with again.visiting(0, 10) as keys:
        assert [key.handle for key in keys] == [three.handle]
    assert [key.number for key in again.keyring.page(0, 10)] == [one.number, two.number, three.number]
    merges = vault.keyring.merges(three.number)
    assert [(merge.former.handle, merge.head.handle, merge.note) for merge in merges] == [
        (one.handle, three.handle, b"first"),
        (two.handle, three.handle, b"second"),
    ]
    looking.close()
    again.close()
    gone = [key.handle for key in (three, one, two)]
    assert vault.keyring.destroy_accounts(gone) == 3
    vault.forget(gone)
    assert vault.keyring.merges() == []
    assert [vault.find(name) for name in "abc"] == [None] * 3
    assert vault.owners([ref]) == [None]
    for handle in gone:
        with pytest.raises(StoreError, match="was erased"):
            vault.of(handle)
    vault.close()


async def test_merged_accounts_are_found_when_more_are_held_than_fit(path: Path) -> None:
    vault = writer(path, accounts=2)
    one, two = vault.admit("ab").values()
    await vault.merge(one, two, b"")
    for name in "cdefgh":
        vault.admit([name])
    assert vault.admit(["a"])["a"].handle == two.handle
    for name in "ijklmn":
        vault.admit([name])
    assert vault.of(one.handle).handle == two.handle
    vault.close()


async def test_an_account_forgotten_beside_others_stays_forgotten(path: Path) -> None:
    vault = writer(path)
    one, two = vault.admit("ab").values()
    await vault.flush()
    vault.close()
    vault = writer(path)
    assert vault.owners([vault.ref(one), vault.ref(two)])[0] is not None  # held by number alone
    vault.keyring.destroy_accounts([one.handle])
    vault.forget([one.handle])
    owners = vault.owners([vault.ref(one), vault.ref(two)])
    assert [owner.handle if owner else None for owner in owners] == [None, two.handle]
    vault.close()


async def test_two_processes_that_make_keys_keep_out_of_each_others_way(path: Path) -> None:
    """A daemon, and a command that judges into another store of the same installation."""
    one, two = writer(path), writer(path)
    first = one.admit(["a", "b"])
    day = one.sealer(first["a"], "raw", 20_000)
    await one.flush()
    assert two.admit(["a"])["a"].handle == first["a"].handle
    assert two.admit(["c"])["c"].number == 3
    same = two.sealer(two.admit(["a"])["a"], "raw", 20_000)
    assert day is not None
    assert same is not None
    assert same.open(day.seal(b"192.0.2.1", "row"), "row") == b"192.0.2.1"
    await two.flush()
    # At the very same moment: who comes second stores nothing, and goes on with what the first one made.
    mine, theirs = one.admit(["d", "e"]), two.admit(["d", "f"])
    one.sealer(mine["d"], "record", 20_001)
    two.sealer(theirs["d"], "record", 20_001)
    await one.flush()
    with pytest.raises(StoreError, match="try again") as failure:
        await two.flush()
    assert failure.value.retry
    again = two.admit(["d", "f"])
    assert again["d"].handle == mine["d"].handle
    assert again["f"].number not in {key.number for key in mine.values()}
    two.sealer(again["d"], "record", 20_001)
    await two.flush()
    assert two.keyring.days() == one.keyring.days()
    one.close()
    two.close()
