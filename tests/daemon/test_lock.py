"""One writer a store: a second process is refused, and whatever ends the first one frees the lock."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.daemon.lock import StoreHeld, state_lock
from sentinel.errors import StoreError

HOLD = """
import sys, time
from pathlib import Path
from sentinel.daemon.lock import state_lock
with state_lock(Path(sys.argv[1]), sys.argv[2], by="sentinel import"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path, url: str) -> subprocess.Popen[bytes]:
    """Another process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.communicate(b"")


def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/store.db"
    process = hold(tmp_path, url)
    refused = pytest.raises(StoreError, match=r"another sentinel process.*stop it, or post the events")
    with refused as failure, state_lock(tmp_path, url):
        pass
    assert isinstance(failure.value, StoreHeld)
    assert not failure.value.retry
    assert (failure.value.by, failure.value.process) == ("sentinel import", process.pid)
    assert f"(`sentinel import`, process {process.pid})" in str(failure.value)
    end(process)
    with state_lock(tmp_path, url):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/store.db"
    process = hold(tmp_path, url)
    process.send_signal(signal.SIGKILL)
    end(process)
    with state_lock(tmp_path, url):
        pass


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/store.db"
    with state_lock(tmp_path, url):
        with pytest.raises(StoreError), state_lock(tmp_path, url):
            pass
        with pytest.raises(StoreError), state_lock(tmp_path, url):
            pass  # the refusal above did not free it


def test_an_error_inside_frees_it(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/store.db"
    with pytest.raises(RuntimeError, match="inside"), state_lock(tmp_path, url):
        raise RuntimeError("inside")
    with state_lock(tmp_path, url):
        pass


def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/store.db"
    with state_lock(tmp_path, url):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    with state_lock(tmp_path, url):
        end(child)


def test_two_stores_have_two_locks(tmp_path: Path) -> None:
    with state_lock(tmp_path, f"sqlite:{tmp_path}/one.db"), state_lock(tmp_path, f"sqlite:{tmp_path}/two.db"):
        pass


def test_a_store_in_memory_needs_none(tmp_path: Path) -> None:
    with state_lock(tmp_path, "sqlite::memory:"), state_lock(tmp_path, "sqlite::memory:"):
        assert list(tmp_path.iterdir()) == []


def test_the_lock_file_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with state_lock(tmp_path, f"sqlite:{tmp_path}/store.db"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "store.db.lock").stat().st_mode) == 0o600


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such folder"), state_lock(tmp_path, f"sqlite:{tmp_path}/no/store.db"):
        pass


def test_a_lock_that_cannot_be_opened_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "store.db.lock").mkdir()
    refused = pytest.raises(StoreError, match="cannot be opened for the lock")
    with refused, state_lock(tmp_path, f"sqlite:{tmp_path}/store.db"):
        pass
