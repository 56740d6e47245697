"""The installation's key: made once, kept private, never replaced."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sentinel.errors import FileError
from sentinel.privacy.keys import KEY_NAME, Secret, load_master_key

PURPOSES = ("sealing", "pseudonyms", "fingerprint", "")


@pytest.fixture(autouse=True)
def no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def derived(key: Secret) -> list[bytes]:
    return [key.derive(purpose) for purpose in PURPOSES]


def test_the_first_use_makes_a_private_file_that_every_later_use_reads(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = load_master_key(tmp_path)
    finally:
        os.umask(before)
    path = tmp_path / KEY_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert [file.name for file in tmp_path.iterdir()] == [KEY_NAME]
    assert derived(load_master_key(tmp_path)) == derived(made)


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert not set(derived(load_master_key(tmp_path / "one"))) & set(derived(load_master_key(tmp_path / "two")))


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        keys = list(threads.map(lambda _: load_master_key(tmp_path).derive("sealing"), range(64)))
    assert len(set(keys)) == 1
    assert [file.name for file in tmp_path.iterdir()] == [KEY_NAME]


def test_a_key_that_ought_to_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="the master key is missing"):
        load_master_key(tmp_path, make=False)
    assert list(tmp_path.iterdir()) == []


def test_every_purpose_has_a_key_of_its_own() -> None:
    assert len(set(derived(Secret(b"k" * 32)))) == len(PURPOSES)
    assert b"k" * 8 not in b"".join(derived(Secret(b"k" * 32)))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_master_key(tmp_path)
    (tmp_path / KEY_NAME).chmod(mode)
    with pytest.raises(FileError, match=r"sentinel\.key: others may read the key; run: chmod 600"):
        load_master_key(tmp_path)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_the_wrong_size_is_refused_and_left_alone(tmp_path: Path, size: int) -> None:
    path = tmp_path / KEY_NAME
    path.write_bytes(b"k" * size)
    path.chmod(0o600)
    with pytest.raises(FileError, match=f"expected 32 bytes, found {size}: restore the key from its backup"):
        load_master_key(tmp_path)
    assert path.read_bytes() == b"k" * size


def test_the_secret_itself_is_checked() -> None:
    with pytest.raises(ValueError, match="32 bytes, got 5"):
        Secret(b"short")


def test_a_systemd_credential_wins_and_may_have_any_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials, state = tmp_path / "credentials", tmp_path / "state"
    credentials.mkdir()
    state.mkdir()
    (credentials / KEY_NAME).write_bytes(b"c" * 32)
    (credentials / KEY_NAME).chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert derived(load_master_key(state)) == derived(Secret(b"c" * 32))
    assert list(state.iterdir()) == []
    (credentials / KEY_NAME).unlink()
    assert derived(load_master_key(state)) != derived(Secret(b"c" * 32))


def test_a_state_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read or made: No such file"):
        load_master_key(tmp_path / "missing")


def test_a_key_for_commands_that_keep_nothing() -> None:
    assert derived(Secret.ephemeral()) != derived(Secret.ephemeral())


def test_the_key_does_not_show_in_its_text() -> None:
    key = Secret(b"k" * 32)
    assert "k" * 8 not in repr(key) + str(key)
