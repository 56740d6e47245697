"""sd_notify against a real datagram socket, as systemd would listen on one."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.daemon import notify


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@sentinel-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0", 1))
        listener.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listener


def test_each_call_is_one_datagram(systemd: socket.socket) -> None:
    assert notify.ready("taking events")
    assert notify.status("12 events waiting")
    assert notify.watchdog()
    assert notify.stopping()
    received = [systemd.recv(4096) for _ in range(4)]
    assert received == [
        b"READY=1\nSTATUS=taking events",
        b"STATUS=12 events waiting",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_a_reload_says_when_it_began_on_the_monotonic_clock(systemd: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    assert notify.reloading()
    first, second = systemd.recv(4096).decode().splitlines()
    assert first == "RELOADING=1"
    name, _, value = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(value) <= time.monotonic_ns() // 1000


def test_a_status_cannot_smuggle_in_another_assignment(systemd: socket.socket) -> None:
    notify.status("busy\nMAINPID=1")
    assert systemd.recv(4096) == b"STATUS=busy MAINPID=1"


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not any((notify.ready(), notify.reloading(), notify.stopping(), notify.status("x"), notify.watchdog()))


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234", "/nowhere/notify"])
def test_a_socket_that_cannot_be_reached_is_no_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert notify.ready() is False


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [
        ("30000000", None, 15.0),
        ("30000000", "self", 15.0),
        ("30000000", "1", None),
        (None, None, None),
        ("", None, None),
        ("soon", None, None),
        ("0", None, None),
    ],
)
def test_the_watchdog_is_fed_at_half_its_time(
    microseconds: str | None, process: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WATCHDOG_USEC", microseconds), ("WATCHDOG_PID", process)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, str(os.getpid()) if value == "self" else value)
    assert notify.watchdog_interval() == seconds
