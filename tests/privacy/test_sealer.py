"""Sealing: what was sealed opens with its key in its row, and nowhere else."""

import os

import pytest

from sentinel.errors import StoreError
from sentinel.events.sighting import Raw
from sentinel.privacy.sealer import BLOCK, Sealer, pack, pad, sealed_size, unpack, unpad

RAW = Raw(event="e-1", account="u-1", ip="192.0.2.7", user_agent="Sample/1.0", device_id="device-1")
DATA = pack(RAW)


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(b"k" * 32)


def test_what_was_sealed_opens(sealer: Sealer) -> None:
    assert unpack(sealer.open(sealer.seal(DATA, "row-1"), "row-1"), Raw) == RAW
    assert Sealer(b"k" * 32).open(sealer.seal(b"", "größe"), "größe") == b""


def test_nothing_can_be_read_or_compared_without_the_key(sealer: Sealer) -> None:
    sealed = sealer.seal(DATA, "row-1")
    for value in ("e-1", "u-1", "192.0.2.7", "Sample/1.0", "device-1", "row-1"):
        assert value.encode() not in sealed
    assert len({sealer.seal(DATA, "row-1") for _ in range(1000)}) == 1000


def test_no_nonce_is_used_twice() -> None:
    sealers = [Sealer(b"k" * 32), Sealer(b"k" * 32)]
    assert len({sealers[number % 2].seal(DATA, "row-1")[1:13] for number in range(2000)}) == 2000


def test_a_forked_process_draws_nonces_of_its_own(sealer: Sealer) -> None:
    sealer.seal(DATA, "row-1")  # some are drawn ahead
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, sealer.seal(DATA, "row-1")[1:13])
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 12) != sealer.seal(DATA, "row-1")[1:13]
    os.close(reading)
    os.close(writing)


def test_another_key_does_not_open(sealer: Sealer) -> None:
    with pytest.raises(StoreError, match="sealed with another key") as failure:
        Sealer(b"x" * 32).open(sealer.seal(DATA, "row-1"), "row-1")
    assert not failure.value.retry


def test_a_value_moved_to_another_row_does_not_open(sealer: Sealer) -> None:
    with pytest.raises(StoreError, match="moved to another row"):
        sealer.open(sealer.seal(DATA, "row-1"), "row-2")


@pytest.mark.parametrize("at", [1, 5, 13, 20, -1])
def test_a_changed_bit_does_not_open(sealer: Sealer, at: int) -> None:
    sealed = bytearray(sealer.seal(DATA, "row-1"))
    sealed[at] ^= 1
    with pytest.raises(StoreError, match="damaged"):
        sealer.open(bytes(sealed), "row-1")


@pytest.mark.parametrize("length", [1, 2, 8, 12, 13, 28])
def test_a_value_cut_short_does_not_open(sealer: Sealer, length: int) -> None:
    with pytest.raises(StoreError, match="damaged"):
        sealer.open(sealer.seal(DATA, "row-1")[:length], "row-1")


@pytest.mark.parametrize("sealed", [b"", b"\x01" + b"x" * 60, b"\x03" + b"x" * 60])
def test_another_version_is_told_as_such(sealer: Sealer, sealed: bytes) -> None:
    with pytest.raises(StoreError, match="another sentinel"):
        sealer.open(sealed, "row-1")


@pytest.mark.parametrize("data", [b"", b"a", b"\0\0", b"\x80", b"a\x80\0", bytes(BLOCK - 1), bytes(BLOCK), DATA])
@pytest.mark.parametrize("block", [1, 8, BLOCK])
def test_what_was_filled_up_is_as_it_was(data: bytes, block: int) -> None:
    filled = pad(data, block)
    assert unpad(filled) == data
    assert len(filled) % block == 0
    assert 0 < len(filled) - len(data) <= block


def test_sizes_tell_no_browser_from_another(sealer: Sealer) -> None:
    sizes = {len(sealer.seal(pad(pack(Raw(event="", user_agent="a" * length))), "row-1")) for length in range(200)}
    assert sizes == {sealed_size(0)}


@pytest.mark.parametrize("data", [b"", b"\0\0", b"abc"])
def test_what_was_not_filled_up_is_an_error(data: bytes) -> None:
    with pytest.raises(StoreError, match="not filled up"):
        unpad(data)
