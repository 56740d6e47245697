"""Sealers held ready: nothing that was destroyed can be opened with one that somebody still holds."""

import pytest

from sentinel.errors import StoreError
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keys import Secret
from sentinel.privacy.sealers import DaySealers, Sealers
from sentinel.privacy.vault import Purpose, Vault

DAY = 20_000


async def test_accounts_that_nobody_knows_any_more_lose_the_sealers_of_a_destroyed_day() -> None:
    vault = Vault(Vault.ephemeral().keyring, accounts=1)
    held = vault.admit(["a"])["a"]
    assert vault.sealer(held, "raw", DAY) is vault.sealer(held, "raw", DAY)
    await vault.flush()
    for name in "bcd":  # more than are held in memory
        vault.admit([name])
    await vault.destroy_days(raw_through=DAY, records_through=DAY - 1)
    assert (held.own, held.raw, held.record) == (None, None, None)
    assert vault.sealer(held, "raw", DAY) is None


async def test_no_account_keeps_sealers_once_one_is_erased() -> None:
    vault = Vault.ephemeral()
    erased, other = vault.admit("ab").values()
    for key in (erased, other):
        vault.sealer(key, "own")
    vault.forget([erased.handle])
    assert erased.own is None
    assert other.own is None


def test_no_more_accounts_have_some_than_allowed() -> None:
    sealers = Sealers(limit=3)
    keys = [AccountKey(number, str(number), bytes([number]) * 32) for number in range(1, 5)]
    for key in keys:
        sealers.own(key)
    assert [key.own is not None for key in keys] == [False, False, False, True]
    sealers.drop(keys[3])
    for key in keys[:3]:  # there is room again
        sealers.own(key)
    assert [key.own is not None for key in keys] == [True, True, True, False]


def test_a_day_s_sealers_are_that_day_s() -> None:
    vault = Vault.ephemeral()
    key = vault.admit(["a"])["a"]

    def seal(purpose: Purpose, day: int) -> bytes:
        sealer = vault.sealer(key, purpose, day)
        assert sealer is not None
        return sealer.seal(b"value", "row")

    made: list[tuple[Purpose, int]] = [("raw", DAY), ("record", DAY + 1), ("raw", DAY + 1), ("record", DAY), ("own", 0)]
    sealed = {one: seal(*one) for one in made}
    for one in made:
        sealer = vault.sealer(key, *one)
        assert sealer is not None
        assert sealer.open(sealed[one], "row") == b"value"
        for other in made:
            if other != one:
                with pytest.raises(StoreError, match="another key"):
                    sealer.open(sealed[other], "row")


def test_each_day_and_purpose_has_a_key_of_its_own_and_the_same_one_later() -> None:
    root = Secret(b"r" * 32)
    windows = DaySealers(root, "windows")
    sealed = windows(DAY).seal(b"entries", "row")
    for day in range(DAY + 1, DAY + 600):  # more than are held ready
        windows(day)
    for other in (windows(DAY + 1), DaySealers(root, "usage")(DAY)):
        with pytest.raises(StoreError, match="another key"):
            other.open(sealed, "row")
    assert DaySealers(root, "windows")(DAY).open(sealed, "row") == windows(DAY).open(sealed, "row") == b"entries"
