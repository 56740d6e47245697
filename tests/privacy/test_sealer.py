"""Sealing: what was sealed opens with its key in its row, and nowhere else."""

import pytest

from sentinel.errors import StoreError
from sentinel.events.sighting import Attributes, Raw
from sentinel.privacy.keys import LocalKey
from sentinel.privacy.sealer import Sealer

RAW = Raw(event="e-1", account="u-1", ip="192.0.2.7", user_agent="Sample/1.0", device_id="device-1")


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(LocalKey(b"k" * 32))


def test_what_was_sealed_opens(sealer: Sealer) -> None:
    assert sealer.open(sealer.seal(RAW, row="row-1"), Raw, row="row-1") == RAW
    attributes = Attributes(account="u-1", email="größe@example.org", tags=("admin",), as_of=5)
    assert sealer.open(sealer.seal(attributes, row="row-1"), Attributes, row="row-1") == attributes
    assert Sealer(LocalKey(b"k" * 32)).open(sealer.seal(RAW, row="row-1"), Raw, row="row-1") == RAW


def test_nothing_can_be_read_or_compared_without_the_key(sealer: Sealer) -> None:
    sealed = sealer.seal(RAW, row="row-1")
    for value in ("e-1", "u-1", "192.0.2.7", "Sample/1.0", "device-1", "row-1"):
        assert value.encode() not in sealed
    assert len({sealer.seal(RAW, row="row-1") for _ in range(100)}) == 100


def test_another_key_does_not_open(sealer: Sealer) -> None:
    with pytest.raises(StoreError, match=r"another key \(sentinel\.key\)") as failure:
        Sealer(LocalKey(b"x" * 32)).open(sealer.seal(RAW, row="row-1"), Raw, row="row-1")
    assert not failure.value.retry


def test_a_value_moved_to_another_row_does_not_open(sealer: Sealer) -> None:
    with pytest.raises(StoreError, match="does not open"):
        sealer.open(sealer.seal(RAW, row="row-1"), Raw, row="row-2")


@pytest.mark.parametrize("at", [1, 5, 13, 20, -1])
def test_a_changed_bit_does_not_open(sealer: Sealer, at: int) -> None:
    sealed = bytearray(sealer.seal(RAW, row="row-1"))
    sealed[at] ^= 1
    with pytest.raises(StoreError, match="damaged"):
        sealer.open(bytes(sealed), Raw, row="row-1")


@pytest.mark.parametrize("length", [1, 2, 8, 12, 13, 28])
def test_a_value_cut_short_does_not_open(sealer: Sealer, length: int) -> None:
    with pytest.raises(StoreError, match="damaged"):
        sealer.open(sealer.seal(RAW, row="row-1")[:length], Raw, row="row-1")


@pytest.mark.parametrize("sealed", [b"", b"\x02" + b"x" * 60])
def test_a_version_of_the_future_is_told_as_such(sealer: Sealer, sealed: bytes) -> None:
    with pytest.raises(StoreError, match="newer sentinel"):
        sealer.open(sealed, Raw, row="row-1")


def test_the_fingerprint_tells_keys_apart_and_gives_nothing_away(sealer: Sealer) -> None:
    key = LocalKey(b"k" * 32)
    assert Sealer(key).fingerprint == sealer.fingerprint
    assert Sealer(LocalKey(b"x" * 32)).fingerprint != sealer.fingerprint
    for purpose in ("sealing", "pseudonyms"):
        assert not key.derive(purpose).startswith(sealer.fingerprint)
